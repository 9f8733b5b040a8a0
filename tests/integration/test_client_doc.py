"""docs/client.md does what it says: each block of it runs against a gateway and prints what stands below it."""

import re
from pathlib import Path

import pytest

from support import flights
from support.gateway import start_gateway
from tidegate import client, errors
from tidegate.client import retry

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text()
# A block of Python, and what it prints.
EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n\n^```text\n(?P<printed>.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = list(EXAMPLE.finditer(PAGE))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    repository = flights.write(tmp_path_factory.mktemp("flights"))
    with start_gateway(flights.DOCUMENT, repository) as running:
        yield running.grpc_address


def test_every_block_says_what_it_prints():
    assert len(EXAMPLES) == PAGE.count("```python") > 5


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=[f"line {PAGE[: found.start()].count(chr(10)) + 1}" for found in EXAMPLES]
)
def test_a_block_runs_and_prints_what_the_page_says(address, example, capsys):
    assert "localhost:8001" in example["code"]
    program = compile(example["code"].replace("localhost:8001", address), "docs/client.md", "exec")
    exec(program, {"__name__": "__main__"})
    assert capsys.readouterr().out == example["printed"]


def test_every_class_of_error_is_in_the_table():
    kinds = {kind.__name__ for kind in errors.RequestError.__subclasses__()}
    named = set(re.findall(r"`(\w+)`", PAGE.split("| class |")[1].split("\n\n")[0])) - {
        "retry_after_s",
        "prediction_id",
    }
    assert named == kinds


def test_the_numbers_of_the_page_are_those_of_the_code():
    policy = retry.RetryPolicy()
    assert (policy.attempts, policy.first_pause_s, policy.growth, policy.longest_pause_s) == (5, 0.05, 2.0, 2.0)
    assert (policy.budget_per_call, policy.budget_floor, policy.budget_ceiling) == (1 / 5, 3, 20)
    assert client.streams.OUTSTANDING == 64
