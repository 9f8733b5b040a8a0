"""What a command imports before it does anything: counted, because a clock on a shared machine proves nothing."""

import subprocess
import sys

import pytest

from tidegate.cli.application import COMMANDS

HEAVY = frozenset(
    [
        "alembic",
        "asyncio",
        "google.protobuf",
        "grpc",
        "matplotlib",
        "numpy",
        "onnx",
        "onnxruntime",
        "pandas",
        "polars",
        "pyarrow",
        "pydantic",
        "sqlalchemy",
        "tidegate._native",
        "yaml",
    ]
)
"""Each takes longer to import than Python itself to start."""

# Who reads gateway documents, or rows, has to know them; nobody else waits for that.
DOCUMENTS = frozenset({"pydantic", "tidegate._native", "yaml"})
NEEDED = {
    "serve": DOCUMENTS,
    "apply": DOCUMENTS,
    "status": DOCUMENTS,
    "shadow": DOCUMENTS,
    "config": DOCUMENTS,
    "profiles": DOCUMENTS | {"numpy"},
    "drift": DOCUMENTS | {"numpy"},
    "infer": {"asyncio", "google.protobuf", "grpc", "numpy"},
    # Decisions are explained and simulated by the core.
    "routes": {"tidegate._native"},
}


def imported(*words: str) -> tuple[set[str], int]:
    """Every module that a command has imported at its end, and its exit code."""
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        f"sys.argv = ['tidegate', *{words!r}]; from tidegate.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return set(ended.stderr.split()), ended.returncode


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_explains_itself_has_imported_what_it_needs_and_nothing_else(command):
    modules, code = imported(command, "--help")
    assert code == 0
    assert HEAVY & modules <= NEEDED.get(command, frozenset())


@pytest.mark.parametrize(
    "words",
    [(), ("routes", "plan"), ("routes", "apply"), ("routes", "history"), ("models", "register"), ("models", "show")],
    ids=" ".join,
)
def test_help_of_one_command_waits_for_none_of_the_others(words):
    modules, code = imported(*words, "--help")
    assert code == 0
    assert HEAVY & modules == set()
    others = {"tidegate.cli.routes_simulate", "tidegate.cli.models_diff", "tidegate.cli.up"}
    assert others & modules == set()


@pytest.mark.parametrize(
    "words", [("models", "list"), ("routes", "list"), ("journal", "show"), ("gc",), ("tokens", "list")], ids=" ".join
)
def test_who_asks_a_registry_waits_for_its_client_alone(words, tmp_path):
    token = tmp_path / "token"
    token.write_text("nobody\n")
    # Nobody listens at port 1, so that everything which an asking command needs is there, and no answer is drawn.
    modules, code = imported(*words, "--admin", "127.0.0.1:1", "--token-file", str(token))
    assert code == 1
    # grpc itself brings asyncio along.
    assert HEAVY & modules == {"asyncio", "google.protobuf", "grpc"}


def test_a_list_that_nobody_answers_draws_no_table(tmp_path):
    token = tmp_path / "token"
    token.write_text("nobody\n")
    modules, _ = imported("models", "list", "--admin", "127.0.0.1:1", "--token-file", str(token))
    assert {"rich.table", "rich.console"} & modules == set()
    assert [name for name in modules if name.startswith("tidegate.client.registry.answers.")] == []
