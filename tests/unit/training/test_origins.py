"""Where a training comes from is read from git, from locks and from what is loaded."""

import hashlib
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


@pytest.mark.parametrize(
    "name", ["uv.lock", "poetry.lock", "pdm.lock", "pixi.lock", "requirements-gpu.txt", ".locks/gpu.txt"]
)
def test_a_lock_is_known_by_its_usual_name(tmp_path, name):
    (tmp_path / ".git").mkdir()
    lock = tmp_path / name
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("numpy==2.3.0")
    assert lock_of(tmp_path) == (name, f"sha256:{hashlib.sha256(b'numpy==2.3.0').hexdigest()}")


def test_locks_of_one_kind_are_one_lock_together(tmp_path):
    (tmp_path / ".git").mkdir()
    locks = tmp_path / ".locks"
    (locks / "peers").mkdir(parents=True)
    (locks / "demo.txt").write_text("numpy==2.3.0")
    (locks / "peers" / "kserve.txt").write_text("kserve==1.0")
    listed = subprocess.run(
        ["sha256sum", ".locks/demo.txt", ".locks/peers/kserve.txt"], cwd=tmp_path, capture_output=True, check=True
    )
    before = lock_of(tmp_path)
    assert before == (".locks", f"sha256:{hashlib.sha256(listed.stdout).hexdigest()}")
    (locks / "peers" / "kserve.txt").write_text("kserve==1.1")
    assert lock_of(tmp_path) != before
    (tmp_path / "requirements.txt").write_text("numpy")
    assert lock_of(tmp_path)[0] == "requirements.txt", "what stands beside the code counts before a folder"


def test_the_environment_names_what_is_loaded():
    found = environment_of()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert all(isinstance(value, str) for value in found.values())
