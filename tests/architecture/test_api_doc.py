"""docs/api.md says what the protos say, and every code that is answered."""

import importlib.util
import sys
from pathlib import Path

import pytest

from support.protos import PROTO, generate
from tidegate.api.errors import CODES

DOC = Path(__file__).parents[2] / "docs/api.md"


@pytest.fixture(scope="module")
def document():
    generate()  # the script imports it by this name
    spec = importlib.util.spec_from_file_location("document", PROTO / "document.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_document_is_fresh(document):
    assert not document.stale(), "run python proto/document.py"


def test_a_changed_comment_is_noticed(document, tmp_path, monkeypatch):
    (tmp_path / "api.md").write_text(DOC.read_text().replace("Takes a version out", "Puts a version in"))
    monkeypatch.setattr(document, "TARGET", tmp_path / "api.md")
    assert document.stale()


def test_every_code_is_explained_with_its_class():
    rows = [line.split("|") for line in DOC.read_text().splitlines() if line.startswith("| `")]
    explained = {(row[1].strip(" `"), row[4].strip(" `")) for row in rows if len(row) == 6}
    assert {(code.name, kind.__name__) for kind, code in CODES.items()} <= explained
