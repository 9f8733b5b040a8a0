"""A document is read again when its file has changed or somebody asks, and never while it is being written."""

import os
import threading

import pytest

from support.waiting import until
from tidegate.cli.reload import Reloader

GOOD, OTHER, BROKEN = "timeout_ms: 1\n", "timeout_ms: 2\n", "timeout_ms: 0\n"


class Gateway:
    """Notes what is applied, and is only as quick as a test lets it be."""

    def __init__(self):
        self.applied = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def apply(self, document):
        self.may_go_on.wait(20)
        self.applied.append(document.fields["timeout_ms"])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def reloader(path):
    return Reloader(path)


def turns(reloader, gateway, looks):
    """As `serve` does it, until nobody reads."""
    for _ in range(looks):
        reloader.look()
        reloader.turn(gateway)
        until(lambda: not reloader.is_reading)


def test_a_file_that_stays_is_left_alone(reloader, gateway):
    turns(reloader, gateway, 5)
    assert gateway.applied == []


def test_a_change_is_applied_once_it_stays(reloader, gateway, path):
    path.write_text(OTHER)
    turns(reloader, gateway, 1)
    assert gateway.applied == []
    turns(reloader, gateway, 5)
    assert gateway.applied == [2]


def test_a_file_that_grows_is_waited_for(reloader, gateway, path):
    for half in ("timeout", "timeout_ms: ", "timeout_ms: 7"):
        path.write_text(half)
        turns(reloader, gateway, 1)
    assert gateway.applied == []
    turns(reloader, gateway, 1)
    assert gateway.applied == [7]


def test_a_file_that_is_replaced_is_noticed_though_size_and_time_are_the_same(reloader, gateway, path, tmp_path):
    before = path.stat()
    (tmp_path / "new").write_text(OTHER)
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").replace(path)
    turns(reloader, gateway, 3)
    assert gateway.applied == [2]


def test_a_link_that_is_swapped_is_noticed(gateway, tmp_path):
    # As Kubernetes mounts a ConfigMap: gateway.yaml -> ..data/gateway.yaml, ..data -> ..1
    for name, text in (("..1", GOOD), ("..2", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gateway.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")
    reloader = Reloader(tmp_path / "gateway.yaml")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    turns(reloader, gateway, 3)
    assert gateway.applied == [2]


def test_who_asks_is_heard_though_nothing_has_changed(reloader, gateway):
    reloader.ask()
    turns(reloader, gateway, 3)
    assert gateway.applied == [1]


def test_a_broken_file_is_told_once_and_again_to_who_asks(reloader, gateway, path, capsys):
    path.write_text(f"# mine\n{BROKEN}rotes: {{}}\n")
    turns(reloader, gateway, 3)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0:2] for line in told] == [[f"{path}:2", "timeout_ms"], [f"{path}:3", "rotes"]]
    path.touch()
    turns(reloader, gateway, 3)
    assert capsys.readouterr().err == ""
    reloader.ask()
    turns(reloader, gateway, 1)
    assert capsys.readouterr().err.splitlines() == told
    assert gateway.applied == []


def test_a_broken_file_is_told_again_after_a_good_one(reloader, gateway, path, capsys):
    for text, is_told in ((BROKEN, True), (OTHER, False), (BROKEN, True)):
        path.write_text(text)
        turns(reloader, gateway, 3)
        assert bool(capsys.readouterr().err) == is_told
    assert gateway.applied == [2]


def test_a_file_that_is_gone_is_waited_for_and_told_to_who_asks(reloader, gateway, path, capsys):
    path.unlink()
    turns(reloader, gateway, 3)
    assert capsys.readouterr().err == ""
    reloader.ask()
    turns(reloader, gateway, 1)
    assert capsys.readouterr().err == f"{path}: cannot be read: No such file or directory\n"
    path.write_text(OTHER)
    turns(reloader, gateway, 3)
    assert gateway.applied == [2]


def test_a_change_while_another_is_read_waits_for_its_turn(reloader, gateway, path):
    gateway.may_go_on.clear()
    reloader.ask()
    reloader.turn(gateway)
    path.write_text(OTHER)
    for _ in range(3):
        reloader.look()
        reloader.turn(gateway)
    assert reloader.is_reading
    gateway.may_go_on.set()
    until(lambda: not reloader.is_reading)
    turns(reloader, gateway, 1)
    assert gateway.applied[-1] == 2
    assert len(gateway.applied) == 2
