"""A gateway for stock clients, and what their programs say of it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from support import stock_models
from support.environments import interpreter
from support.gateway import Gateway, start_gateway

PROGRAMS = Path(__file__).with_name("clients")
# All checks of one client together; one that hangs is ended, and its name is missing in what was printed.
LIMIT_S = 100


@pytest.fixture(scope="session")
def stock_models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of `support.stock_models`; read it, do not change it."""
    return stock_models.write(tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="session")
def stock_gateway(stock_models_folder: Path) -> Iterator[Gateway]:
    """The gateway that every stock client is tested against."""
    with start_gateway(stock_models.DOCUMENT, stock_models_folder) as running:
        yield running


@pytest.fixture(scope="session")
def answers(stock_models_folder: Path, stock_gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ONNX Runtime itself answers, and where the gateway's metrics are, as a file of JSON."""
    path = tmp_path_factory.mktemp("answers") / "answers.json"
    path.write_text(json.dumps({"http": stock_gateway.http_address, **stock_models.answers(stock_models_folder)}))
    return path


@pytest.fixture(scope="session")
def verdicts(stock_gateway: Gateway, answers: Path) -> Callable[[str, tuple[str, ...]], dict[str, str | None]]:
    """Runs programs in a client's environment, once a session: `program::test_…` to its failure, or to `None`."""

    @cache
    def run(client: str, programs: tuple[str, ...]) -> dict[str, str | None]:
        command = [interpreter(client), PROGRAMS / "verdict.py", stock_gateway.grpc_address, answers, *programs]
        ended = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"check": ')]
        return {line["check"]: line["failure"] for line in lines}

    return run
