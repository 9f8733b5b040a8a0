"""The command line knows every command, and a gateway carries nothing of the others."""

import subprocess
import sys

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from tidegate.cli.application import COMMANDS, build


def test_what_the_list_says_of_a_command_is_what_the_command_says_of_itself():
    said = {}
    for name in COMMANDS:
        whole = get_group(build(name)).commands[name].help
        said[name] = " ".join(whole.split("\n\n")[0].split())
    assert said == dict(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_alone_and_among_the_others(command):
    for app in (build(command), build(None)):
        ended = CliRunner().invoke(app, [command, "--help"])
        assert ended.exit_code == 0, ended.output


def test_a_gateway_imports_neither_the_client_nor_what_draws_tables():
    code = "import sys; from tidegate.cli.application import build; build('serve'); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert {"grpc", "numpy", "google.protobuf", "rich.table", "http.client"} & set(ended.stdout.split()) == set()


def completed(words):
    """What bash offers behind some words, and the modules that it took."""
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); from tidegate.cli import main; main()"
    environment = {"_TIDEGATE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = 'tidegate'; {code}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout.split(), set(ended.stderr.split())


def test_completion_offers_commands_and_options_and_imports_only_what_they_need():
    offered, modules = completed("tidegate journal v")
    assert offered == ["verify"]
    assert {"grpc", "numpy", "tidegate.cli.routes"} & modules == set()
    assert completed("tidegate jou")[0] == ["journal"]
    assert completed("tidegate routes apply --release-")[0] == ["--release-hold"]


def test_every_command_is_offered_by_the_whole_application():
    ended = CliRunner().invoke(build(None), ["--help"], env={"COLUMNS": "200"})
    assert [command for command in COMMANDS if command not in ended.output] == []
    assert "--install-completion" in ended.output
    assert CliRunner().invoke(build(None), ["jurnal"]).exit_code == 2
