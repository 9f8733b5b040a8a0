"""docs/migrating.md claims nothing without a test that is there, and shows documents that are."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from tidegate import _native

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/migrating.md").read_text()

NAMED = re.compile(r"`(?P<file>[\w/.]+\.py)::(?P<test>\w+)`")
TABLE = re.compile(r"^\| (?P<head>.*) \|\n\|[-| :]+\|\n(?P<rows>(?:\|.*\|\n)+)", re.MULTILINE)
# Versions that the page states, by the lock that pins them.
PINS = {"tritonclient": "tritonclient", "kserve": "kserve", "mlserver": "mlserver", "reflection": "grpcio-reflection"}


def _claims() -> Iterator[str]:
    """The rows of every table that names tests."""
    for table in TABLE.finditer(PAGE):
        if table["head"].endswith("| test"):
            yield from table["rows"].splitlines()


@cache
def _tests_of(file: str) -> set[str]:
    nodes = ast.parse((ROOT / file).read_text()).body
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_claim_names_tests():
    claims = list(_claims())
    assert len(claims) > 40, "the pattern no longer finds the tables of the page"
    assert [claim for claim in claims if not NAMED.search(claim)] == []


def test_every_named_test_is_there():
    named = {(found["file"], found["test"]) for found in NAMED.finditer(PAGE)}
    assert PAGE.count("::test_") == len(NAMED.findall(PAGE)), "a name that the pattern does not read"
    assert sorted(f"{file}::{test}" for file, test in named if test not in _tests_of(file)) == []


def test_every_document_of_the_page_is_one():
    documents = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(documents) == 4
    for text in documents:
        _native.compile_document(json.dumps(yaml.safe_load(text)))


@pytest.mark.parametrize("lock, package", PINS.items())
def test_the_versions_of_the_clients_are_those_of_the_locks(lock, package):
    text = (ROOT / f".locks/clients/{lock}.txt").read_text()
    pinned = re.search(rf"^{package}(?:\[grpc\])?==(\S+) ", text, re.MULTILINE)
    assert pinned is not None
    assert f"| {pinned[1]} |" in PAGE


def test_the_version_of_grpcurl_is_that_of_the_lock():
    pinned = re.search(r"fullstorydev/grpcurl v(\S+)", (ROOT / ".locks/grpcurl/go.mod").read_text())
    assert pinned is not None
    assert f"| grpcurl | {pinned[1]} |" in PAGE
