"""Gateway documents in files: read them whole, or refuse them with everything that is wrong, line by line."""

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.config.compose import read_json
from tidegate.config.form import find_form_violations
from tidegate.config.source import read_source
from tidegate.core.documents import fill_in
from tidegate.core.paths import lineage
from tidegate.errors import DocumentRefused, DocumentViolation, Violation

MAX_DOCUMENT_BYTES = 64 * 2**20
"""Larger files are not documents: ten thousand routes with ten segments each take a quarter of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A gateway document that was found good."""

    path: Path
    """The file it was read from."""

    fields: Mapping[str, Any]
    """Everything it says, with every default filled in; the field names are those of `docs/configuration.md`."""

    text: str = field(repr=False)
    """What stands in the file."""

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
        return json.dumps(self.fields, ensure_ascii=False, separators=(",", ":"))

    def refused(self, violations: Iterable[Violation]) -> DocumentRefused:
        """The error that says what a running gateway has against the document, with the lines of the file."""
        with _collector_paused():
            source = read_source(self.text, is_json=_is_json(self.path))
        found = [DocumentViolation(path, reason, source.line_of(path)) for path, reason in violations]
        return DocumentRefused(str(self.path), tuple(sorted(found, key=_by_line)))


def load(path: str | Path) -> Document:
    """Reads a document from a YAML file, or from a JSON file when the name ends in `.json`.

    Raises:
        DocumentRefused: The file cannot be read, or the document breaks rules: all of them, with their lines.
    """
    path = Path(path)
    text = _read(path)
    with _collector_paused():
        fields = _accept_json(text) if _is_json(path) else None
        return Document(path=path, fields=_check(path, text) if fields is None else fields, text=text)


def _accept_json(text: str) -> dict[str, Any] | None:
    """The fields of a JSON document with which nothing is wrong, in a fraction of the time that lines take."""
    try:
        value = read_json(text)
        fields = fill_in(value)
    except (ValueError, RecursionError, DocumentRefused):
        return None
    return None if find_form_violations(value) else fields


def _check(path: Path, text: str) -> dict[str, Any]:
    """The fields of a document, or everything that is wrong with it and where."""
    source = read_source(text, is_json=_is_json(path))
    if source.is_broken:
        raise DocumentRefused(str(path), source.violations)
    fields: dict[str, Any] = {}
    meant: tuple[DocumentViolation, ...] = ()
    try:
        fields = fill_in(source.value)
    except DocumentRefused as refused:
        meant = tuple(violation for violation in refused.violations if violation.path not in source.unread)
    # The core names bounds and near names as well, so its sentence wins where both look at the same branch.
    told = {violation.path for violation in (*meant, *source.violations)}
    above = {around for told_path in told for around in lineage(told_path)}
    formed = [
        violation
        for violation in find_form_violations(source.value)
        if violation.path not in above and told.isdisjoint(lineage(violation.path))
    ]
    found = [violation._replace(line=source.line_of(violation.path)) for violation in (*meant, *formed)]
    if source.violations or found:
        raise DocumentRefused(str(path), tuple(sorted((*source.violations, *found), key=_by_line)))
    return fields


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keeps Python from looking for garbage while a document is built: there is none, and each look costs more."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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


def _is_json(path: Path) -> bool:
    return path.suffix == ".json"


def _by_line(violation: DocumentViolation) -> tuple[int, str]:
    return (violation.line or 0, violation.path)
