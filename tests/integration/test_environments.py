"""Environments of clients are made once, whole, and anew when their lock says something else."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import environments
from support.waiting import LIMIT_S


@pytest.fixture
def lock(tmp_path, monkeypatch) -> Path:
    """A lock, and a place for what is made of it."""
    monkeypatch.setattr(environments, "KEPT", tmp_path / "kept")
    path = tmp_path / "lock.txt"
    path.write_text("one==1")
    return path


def _write(folder: Path) -> None:
    (folder / "made").write_text("whole")


def test_many_who_want_one_at_once_get_the_same_and_it_is_made_once(lock):
    made = []
    all_there = threading.Barrier(8)

    def make(folder: Path) -> None:
        made.append(folder)
        _write(folder)

    def want(_: int) -> Path:
        all_there.wait(LIMIT_S)
        return environments._made("client", [lock], make)

    with ThreadPoolExecutor(8) as threads:
        folders = set(threads.map(want, range(8)))
    assert made == list(folders)
    assert (made[0] / "made").read_text() == "whole"


def test_one_that_was_not_finished_is_made_anew(lock):
    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        environments._made("client", [lock], interrupted)
    folder = environments._made("client", [lock], _write)
    assert {path.name for path in folder.iterdir()} == {"made", "is-whole"}


def test_another_lock_is_another_environment_and_the_old_one_goes(lock):
    first = environments._made("client", [lock], _write)
    beside = environments._made("another", [lock], _write)
    lock.write_text("one==2")
    second = environments._made("client", [lock], _write)
    assert second != first
    assert [first.exists(), second.exists(), beside.exists()] == [False, True, True]


def test_an_install_that_fails_says_what_it_said(lock):
    with pytest.raises(AssertionError, match="no such option"):
        environments._run([str(environments.sys.executable), "-m", "pip", "--no-such-thing"])
