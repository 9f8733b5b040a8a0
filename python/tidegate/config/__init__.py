"""Gateway documents in files: read them whole, or refuse them with everything that is wrong, line by line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.config.form import find_form_violations
from tidegate.config.source import read_source
from tidegate.core.documents import fill_in
from tidegate.errors import DocumentRefused, DocumentViolation

MAX_DOCUMENT_BYTES = 4 * 2**20
"""Larger files are not documents: the most that the limits on routes and ranges allow stays below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A gateway document that was found good."""

    path: Path
    """The file it was read from."""

    fields: Mapping[str, Any]
    """Everything it says, with every default filled in; the field names are those of `docs/configuration.md`."""

    @property
    def base_dir(self) -> Path:
        """The folder that the document's relative paths start from."""
        return self.path.absolute().parent

    @property
    def repository(self) -> Path:
        """The folder of models."""
        return self.base_dir / str(self.fields["repository"])

    @property
    def state_dir(self) -> Path:
        """The folder of what the gateway remembers."""
        return self.base_dir / str(self.fields["state_dir"])

    def to_json(self) -> str:
        """The document as the gateway takes it."""
        return json.dumps(self.fields)


def load(path: str | Path) -> Document:
    """Reads a document from a YAML file, or from a JSON file when the name ends in `.json`.

    Raises:
        DocumentRefused: The file cannot be read, or the document breaks rules: all of them, with their lines.
    """
    path = Path(path)
    source = read_source(_read(path), is_json=path.suffix == ".json")
    if source.is_broken:
        raise DocumentRefused(str(path), source.violations)
    fields: dict[str, Any] = {}
    meant: tuple[DocumentViolation, ...] = ()
    try:
        fields = fill_in(source.value)
    except DocumentRefused as refused:
        meant = tuple(violation for violation in refused.violations if violation.path not in source.unread)
    # The core names bounds and near names as well, so its sentence wins where both look at the same branch.
    formed = [
        violation
        for violation in find_form_violations(source.value)
        if not any(_are_on_one_branch(violation.path, other.path) for other in (*meant, *source.violations))
    ]
    found = [violation._replace(line=source.line_of(violation.path)) for violation in (*meant, *formed)]
    if source.violations or found:
        raise DocumentRefused(str(path), tuple(sorted((*source.violations, *found), key=_by_line)))
    return Document(path=path, fields=fields)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise _unreadable(path, f"is larger than {MAX_DOCUMENT_BYTES} bytes, which no document is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"is not UTF-8: byte {content[error.start]:#04x}", line) from error


def _unreadable(path: Path, reason: str, line: int | None = None) -> DocumentRefused:
    return DocumentRefused(str(path), (DocumentViolation("", reason, line),))


def _are_on_one_branch(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer == shorter or (longer.startswith(shorter) and longer[len(shorter)] in ".[") or not shorter


def _by_line(violation: DocumentViolation) -> tuple[int, str]:
    return (violation.line or 0, violation.path)
