"""Documents for the registry, from files: read with their lines, so that a refusal says where."""

import re
from dataclasses import dataclass
from typing import Any

from tidegate.cli.files import read_bytes, where
from tidegate.cli.output import BadInput
from tidegate.errors import DocumentRefused, DocumentViolation, InputRefused

MOST_BYTES = 64 << 20
_QUOTED = re.compile(r'\["((?:[^"\\]|\\.)*)"\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A document as it stands in a file."""

    name: str
    """The file, as sentences call it."""
    fields: dict[str, Any]
    lines: dict[str, int]

    def refused(self, refusal: InputRefused) -> DocumentRefused | InputRefused:
        """What the registry has against it, with the lines of the file; the refusal itself where it names no place."""
        if not refusal.violations:
            return refusal
        # The registry writes a key behind a dot, the reader in brackets where it has a slash or a dot itself.
        lines = self.lines | {_QUOTED.sub(r".\1", path): line for path, line in self.lines.items()}
        found = [DocumentViolation(path, reason, _line_of(path, lines)) for path, reason in refusal.violations]
        return DocumentRefused(self.name, tuple(found))


def read_document(name: str) -> Written:
    """The mapping that a YAML or JSON file is, or standard input.

    Raises:
        BadInput: It cannot be read.
        DocumentRefused: It is no mapping, or breaks the rules of its form; all places are named.
    """
    from tidegate.config.source import read_source  # noqa: PLC0415  # lists and shows read no documents

    content = read_bytes(name)
    if len(content) > MOST_BYTES:
        raise BadInput(f"{where(name)} is larger than {MOST_BYTES} bytes, which no document is.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where(name)} cannot be read: it is not UTF-8.") from error
    source = read_source(text, is_json=name.endswith(".json"))
    violations = source.violations
    if not violations and not isinstance(source.value, dict):
        kind = "nothing" if source.value is None else type(source.value).__name__
        violations = (DocumentViolation("", f"expected a mapping of fields, got {kind}", 1),)
    if violations:
        raise DocumentRefused(where(name), tuple(violations))
    return Written(name=where(name), fields=source.value, lines=dict(source.lines))


def _line_of(path: str, lines: dict[str, int]) -> int | None:
    """The line of a path, or of the nearest thing around it that was written."""
    while path:
        if path in lines:
            return lines[path]
        path = re.sub(r"(\.?[^.\[\]]*|\[[^\[\]]*\])$", "", path, count=1)
    return lines.get("")
