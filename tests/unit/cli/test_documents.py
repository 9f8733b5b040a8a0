"""What a registry has against a document is told with the lines of its file."""

import pytest

from tidegate.cli.documents import read_document
from tidegate.cli.output import BadInput
from tidegate.errors import DocumentRefused, InputRefused, Violation

TEXT = """route: fraud
split:
  fraud/1: 9
  fraud@next: 1
segments:
  - name: ha
    split: {fraud/7: 1}
"""


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "route.yaml"
    path.write_text(TEXT)
    return read_document(str(path))


@pytest.mark.parametrize(
    "path, line",
    [
        ("split.fraud/1", 3),
        ('split["fraud@next"]', 4),
        ("segments[0].split.fraud/7", 7),
        ("segments[0].when", 6),
        ("sticky", 1),
        ("", 1),
    ],
)
def test_a_place_is_found_however_it_is_written_or_what_is_around_it(written, path, line):
    refusal = InputRefused("no", reason="ROUTE_REFUSED", violations=(Violation(path, "is wrong"),))
    refused = written.refused(refusal)
    assert isinstance(refused, DocumentRefused)
    assert [violation.line for violation in refused.violations] == [line]


def test_a_refusal_that_names_no_place_stays_what_it_is(written):
    refusal = InputRefused("no", reason="ROUTE_REFUSED")
    assert written.refused(refusal) is refusal


def test_what_is_no_document_is_refused(tmp_path):
    path = tmp_path / "route.json"
    for content, sentence in ((b"[1]", "expected a mapping of fields, got list"), (b"{", "route.json")):
        path.write_bytes(content)
        with pytest.raises(DocumentRefused, match=sentence):
            read_document(str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_document(str(path))
    with pytest.raises(BadInput, match="cannot be read"):
        read_document(str(tmp_path / "gone.yaml"))
