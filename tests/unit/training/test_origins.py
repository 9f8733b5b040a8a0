"""Where a training comes from is read from git, from locks and from what is loaded."""

import platform
import subprocess

import numpy as np
import pytest

from tidegate.training.origins import code_of, environment_of, lock_of


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True, timeout=30)

    git("init", "-q")
    git("config", "user.email", "ann@example.com")
    git("config", "user.name", "ann")
    git("remote", "add", "origin", "https://ann:secret@example.com/flights.git")
    (tmp_path / "train.py").write_text("x = 1")
    (tmp_path / "uv.lock").write_text("numpy 1")
    git("add", ".")
    git("commit", "-qm", "begin")
    return tmp_path


def test_the_commit_is_told_and_whether_files_differ_and_no_password(repository):
    clean = code_of(repository)
    assert len(clean["commit"]) == 40
    assert not clean["is_dirty"]
    assert clean["repository"] == "https://example.com/flights.git"
    (repository / "notes.txt").write_text("git does not know me")
    assert not code_of(repository)["is_dirty"]
    (repository / "train.py").write_text("x = 2")
    assert code_of(repository) == {**clean, "is_dirty": True}


def test_without_a_repository_or_git_there_is_no_code(tmp_path, monkeypatch):
    assert code_of(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_of(tmp_path) is None


def test_the_nearest_lock_counts_and_without_one_what_is_installed(repository, tmp_path_factory):
    inner = repository / "models/delay"
    inner.mkdir(parents=True)
    assert lock_of(inner) == lock_of(repository)
    assert lock_of(repository)[0] == "uv.lock"
    (inner / "requirements.txt").write_text("numpy")
    assert lock_of(inner)[0] == "requirements.txt"
    name, digest = lock_of(tmp_path_factory.mktemp("bare"))
    assert (name, digest[:7], len(digest)) == ("installed packages", "sha256:", 71)


def test_the_environment_names_what_is_loaded():
    found = environment_of()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert all(isinstance(value, str) for value in found.values())
