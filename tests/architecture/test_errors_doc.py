"""docs/errors.md is the table of rust/core/src/fault.rs, for readers: the same reasons, codes and order."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

# `UnknownModel "UNKNOWN_MODEL" NotFound,`
REASON_IN_RUST = re.compile(r'^\s+\w+ "(?P<reason>[A-Z_]+)" (?P<code>[A-Za-z]+),$', re.MULTILINE)
# `| the case | NOT_FOUND | UNKNOWN_MODEL | the sentence |`
REASON_IN_DOC = re.compile(
    r"^\| (?P<case>[^|]+) \| (?P<code>[A-Z_]+) \| (?P<reason>[A-Z_]+) \| (?P<sentence>[^|]+) \|$", re.MULTILINE
)


def test_the_document_lists_exactly_the_reasons_of_the_code_with_their_codes():
    source = (ROOT / "rust/core/src/fault.rs").read_text()
    in_rust = [(found["reason"], _spelled(found["code"])) for found in REASON_IN_RUST.finditer(source)]
    assert len(in_rust) > 40, "the pattern no longer finds the reasons of fault.rs"
    assert [(row["reason"], row["code"]) for row in _rows()] == in_rust


def test_every_row_says_when_it_happens_and_what_the_caller_reads():
    for row in _rows():
        assert row["case"].strip()
        assert row["sentence"].strip()


def _rows() -> list[re.Match[str]]:
    return list(REASON_IN_DOC.finditer((ROOT / "docs/errors.md").read_text()))


def _spelled(variant: str) -> str:
    """NotFound -> NOT_FOUND"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", variant).upper()
