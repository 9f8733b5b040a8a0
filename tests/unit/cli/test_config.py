"""`tidegate config show` prints a document in full, or what is wrong with it."""

import json

import pytest
import typer
import yaml
from typer.testing import CliRunner

from tidegate.cli.config import register
from tidegate.core.documents import fill_in


@pytest.fixture
def run(tmp_path):
    """Runs `config show` on a document."""
    app = typer.Typer()
    register(app)

    def run(text, *options):
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        return CliRunner().invoke(app, ["config", "show", str(path), *options])

    return run


@pytest.mark.parametrize(
    "options, read", [((), yaml.safe_load), (("--output", "json"), json.loads)], ids=["yaml", "json"]
)
def test_the_document_is_printed_with_every_default(run, options, read):
    result = run("routes: {r: {split: {m/1: 1}}}", *options)
    assert result.exit_code == 0
    assert read(result.stdout) == fill_in({"routes": {"r": {"split": {"m/1": 1}}}})


def test_violations_go_to_stderr_and_end_with_2(run):
    result = run("timeout_ms: 0\nrotes: {}\n")
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert "gateway.yaml:1: timeout_ms: must be a whole number" in first
    assert 'gateway.yaml:2: rotes: unknown field; did you mean "routes"?' in second
