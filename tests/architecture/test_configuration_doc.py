"""docs/configuration.md shows every field of the document with the default that the code fills in."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tidegate import _native
from tidegate.config.form import DocumentForm

ROOT = Path(__file__).parents[2]


def test_the_example_is_the_document_with_every_default_filled_in():
    text = (ROOT / "docs/configuration.md").read_text()
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    example = yaml.safe_load(found[1])
    [(name, route)] = example["routes"].items()
    said = {"routes": {name: {"sticky": route["sticky"], "split": route["split"]}}}
    assert json.loads(_native.compile_document(json.dumps(said))) == example
    assert json.loads(_native.compile_document(json.dumps(example))) == example


def test_every_field_is_explained():
    text = (ROOT / "docs/configuration.md").read_text()
    explained = set(re.findall(r"^\| `([\w.]+)`", text, re.MULTILINE))
    assert set(_fields(DocumentForm.model_json_schema())) - explained == set()


def _fields(schema: Any) -> Iterator[str]:
    """The names of all fields, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from _fields(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _fields(inner)
