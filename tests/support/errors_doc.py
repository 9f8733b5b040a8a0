"""docs/errors.md as a test reads it: the rows, and whether a sentence is of the form that its row shows."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs/errors.md"

# `| the case | NOT_FOUND | UNKNOWN_MODEL | the sentence |`
ROW = re.compile(
    r"^\| (?P<case>[^|]+) \| (?P<code>[A-Z_]+) \| (?P<reason>[A-Z_]+) \| (?P<sentence>[^|]+) \|$", re.MULTILINE
)

# What is an example in a sentence, and the word that stands for it: the same is done to the sentence that came.
EXAMPLES = (
    (re.compile(r'"[^"]*"(, "[^"]*")*'), "<names>"),
    (re.compile(r"\[[-\d,…]*\]"), "<shape>"),
    (re.compile(r"\b[\w.-]+/\d+(, [\w.-]+/\d+)*"), "<versions>"),
    (re.compile(r"\b(BOOL|U?INT\d+|FP\d+|BF16|BYTES)\b"), "<datatype>"),
    (re.compile(r"\b(bool|int|uint|bytes|(int|uint|fp)\d+)_contents\b"), "<contents>"),
    (re.compile(r"-?\d+(\.\d+)?(, \d+)*"), "<number>"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reason."""

    case: str
    code: str
    reason: str
    sentence: str

    def allows(self, sentence: str) -> bool:
        """Whether a sentence is this row's with other examples."""
        parts = [re.escape(_form(part)) for part in self.sentence.split("…")]
        return re.fullmatch(".+".join(parts), _form(sentence)) is not None


def rows() -> dict[str, Row]:
    """The table, by reason."""
    found = [Row(**match.groupdict()) for match in ROW.finditer(DOCUMENT.read_text())]
    return {row.reason: row for row in found}


def _form(sentence: str) -> str:
    for pattern, name in EXAMPLES:
        sentence = pattern.sub(name, sentence)
    return sentence
