"""Clients that were written for other servers, unchanged: each check runs in the client's own environment.

The programs are under `clients/`. What they call, what works and what is refused is told in docs/migrating.md.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = {
    "tritonclient": ("triton_infer", "triton_async", "triton_stream", "triton_about", "perf_analyzer"),
    "kserve": ("kserve_client", "kserve_rest"),
    "mlserver": ("mlserver_client", "mlserver_infer", "seldon_metadata"),
    "reflection": ("reflection_client",),
}
FOLDER = Path(__file__).with_name("clients")


def _checks() -> Iterator[tuple[str, str]]:
    """Client and `program::test_…`, read from the text: the programs import what this interpreter does not have."""
    for client, programs in PROGRAMS.items():
        for program in programs:
            for node in ast.parse((FOLDER / f"{program}.py").read_text()).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield client, f"{program}::{node.name}"


CHECKS = list(_checks())


# The first check of a client waits until its environment is made.
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("client, check", CHECKS, ids=[check for _, check in CHECKS])
def test_a_stock_client_is_answered_as_by_the_server_it_was_written_for(verdicts, client, check):
    failures = verdicts(client, PROGRAMS[client])
    assert check in failures, f"the program ended before it; it said {list(failures)}"
    assert failures[check] is None, failures[check]


def test_every_program_belongs_to_a_client():
    named = {program for programs in PROGRAMS.values() for program in programs}
    assert named | {"verdict", "triton_requests"} == {path.stem for path in FOLDER.glob("*.py")}
    assert {check.partition("::")[0] for _, check in CHECKS} == named, "a program without checks"
