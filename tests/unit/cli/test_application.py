"""The command line knows every command, and a gateway carries nothing of the others."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tidegate.cli.application import COMMANDS, build


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_alone_and_among_the_others(command):
    for app in (build(command), build(None)):
        ended = CliRunner().invoke(app, [command, "--help"])
        assert ended.exit_code == 0, ended.output


def test_a_gateway_imports_neither_the_client_nor_what_draws_tables():
    code = "import sys; from tidegate.cli.application import build; build('serve'); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert {"grpc", "numpy", "google.protobuf", "rich.table", "http.client"} & set(ended.stdout.split()) == set()
