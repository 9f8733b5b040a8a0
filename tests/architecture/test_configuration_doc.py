"""docs/configuration.md shows every field of the document with the default that the code fills in."""

import json
import re
from pathlib import Path

import yaml

from tidegate import _native

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
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    explained = {name.split(".")[-1] for name in re.findall(r"^\| `([\w.]+)`", text, re.MULTILINE)}
    sections = {"listen", "grpc", "http", "repository", "state_dir", "versions", "routes", "batching", "queue"}
    sections |= {"limits", "threads", "log"}
    fields = set(re.findall(r"(?:^ *|[{ ])([a-z_]+):", re.sub("#.*", "", found[1]), re.MULTILINE))
    assert fields - sections - explained == set()
