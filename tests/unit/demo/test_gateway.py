import os
import sys
from pathlib import Path

import pytest

from tidegate.demo import gateway
from tidegate.demo.gateway import Addresses, GatewayFailedError, forget_state, serving

READY = """
print('{"grpc": "127.0.0.1:1", "http": "127.0.0.1:2"}', flush=True)
"""
UNTIL_TERMINATED = """
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Path(sys.argv[2]).with_name("pid").write_text(str(os.getpid()))
print('{"grpc": "127.0.0.1:1", "http": "127.0.0.1:2"}', flush=True)
signal.pause()
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a program of our own where the gateway's would be; returns the function that writes it."""
    interpreter = sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    def write(body):
        program = tmp_path / "tidegate"
        program.write_text(f"#!{interpreter}\nimport os, sys\nfrom pathlib import Path\n{body}\n")
        program.chmod(0o755)

    return write


def test_a_command_is_run_as_typed_and_its_words_and_code_are_kept(stand_in):
    stand_in("print(sys.argv[1:], os.environ['COLUMNS']); sys.stdout.flush(); sys.exit('why')")
    assert gateway.run_command("apply", "x.yaml", width=77) == (1, "['apply', 'x.yaml'] 77\nwhy")


def test_a_command_is_run_where_and_with_the_variables_that_are_asked_for(stand_in, tmp_path):
    stand_in("print(Path.cwd().name, os.environ['TIDEGATE_ADMIN'], 'PATH' in os.environ)")
    (tmp_path / "there").mkdir()
    code, said = gateway.run_command("x", width=77, folder=tmp_path / "there", variables={"TIDEGATE_ADMIN": "a:1"})
    assert (code, said) == (0, "there a:1 True")


def test_the_gateway_lives_as_long_as_the_block(stand_in, tmp_path):
    stand_in(UNTIL_TERMINATED)
    with serving(tmp_path / "gateway.yaml") as addresses:
        assert addresses == Addresses(grpc="127.0.0.1:1", http="127.0.0.1:2")
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_error_inside_the_block_ends_the_gateway_and_is_not_hidden(stand_in, tmp_path):
    stand_in(UNTIL_TERMINATED)
    with pytest.raises(KeyboardInterrupt), serving(tmp_path / "gateway.yaml"):
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_gateway_that_does_not_start_is_quoted(stand_in, tmp_path):
    stand_in("sys.exit('routes: nothing here')")
    with pytest.raises(GatewayFailedError, match="routes: nothing here"), serving(tmp_path / "gateway.yaml"):
        pass


def test_a_gateway_that_ends_badly_is_told(stand_in, tmp_path):
    stand_in(READY + "sys.exit(3)")
    with pytest.raises(GatewayFailedError, match="exit code"), serving(tmp_path / "gateway.yaml"):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)


def test_a_missing_program_names_the_command_that_builds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(GatewayFailedError, match="make demo"), serving(tmp_path / "gateway.yaml"):
        pass


def test_forgetting_the_state_leaves_everything_else(tmp_path):
    for name in (gateway.STATE, "models"):
        (tmp_path / name).mkdir()
    forget_state(tmp_path)
    forget_state(tmp_path)
    assert [path.name for path in Path(tmp_path).iterdir()] == ["models"]
