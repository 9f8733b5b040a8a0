"""A gateway that cannot start says why in one sentence each, exits with 2, and leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from support import models as small_models
from support.asking import Asker
from support.gateway import START_LIMIT_S, TIDEGATE, refused_start, start_gateway, write_document
from support.waiting import until
from support.watching import status

ROW = {"x": np.float32([[1, 2, 3, 4]])}


def refused(document, repository) -> str:
    """The one sentence of a start that fails."""
    code, said = refused_start(document, repository)
    assert code == 2, said
    assert "Traceback" not in said
    (line,) = said.splitlines()
    return line


def taken_port() -> tuple[socket.socket, str]:
    listening = socket.create_server(("127.0.0.1", 0))
    return listening, f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("field", ["grpc", "http"])
def test_a_taken_port_is_named(patient_models, tmp_path, field):
    listening, address = taken_port()
    other = "http" if field == "grpc" else "grpc"
    document = {"listen": {field: address, other: "127.0.0.1:0"}, "state_dir": str(tmp_path)}
    with listening:
        said = refused(document, patient_models)
    assert f"listen.{field}: {address} is taken" in said
    with start_gateway(document, patient_models) as gateway:
        assert status(gateway)["epoch"] == 1


def test_two_taken_ports_are_both_named(patient_models):
    grpc, grpc_address = taken_port()
    http, http_address = taken_port()
    with grpc, http:
        code, said = refused_start({"listen": {"grpc": grpc_address, "http": http_address}}, patient_models)
    assert code == 2
    assert [line.partition(":")[0] for line in said.splitlines()] == ["listen.grpc", "listen.http"]


def test_a_second_server_on_the_same_state_is_refused_and_the_first_goes_on(patient_models):
    with start_gateway({}, patient_models) as gateway, Asker(gateway.grpc_address) as asker:
        said = refused({"state_dir": str(gateway.state_dir)}, patient_models)
        assert f"in use by another server (process {gateway.pid})" in said
        asker.infer("add_one", ROW)


def test_a_server_that_was_killed_leaves_a_state_that_the_next_one_reads(patient_models, tmp_path):
    document = {"state_dir": str(tmp_path), "routes": {"r": {"split": {"add_one/1": 1}}}}
    with start_gateway(document, patient_models) as gateway:
        before = status(gateway)
        gateway.signal(signal.SIGKILL)
        assert gateway.wait() == -signal.SIGKILL
    with start_gateway(document, patient_models) as gateway:
        after = status(gateway)
    assert (before["epoch"], before["routes"]) == (after["epoch"], after["routes"])


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 64, b"[]"])
def test_a_damaged_state_is_refused_with_advice_and_left_for_a_person(patient_models, tmp_path, damage):
    (tmp_path / "applied.json").write_bytes(damage)
    said = refused({"state_dir": str(tmp_path)}, patient_models)
    assert "applied.json is not as it was written" in said
    assert "delete it" in said
    assert (tmp_path / "applied.json").read_bytes() == damage


def test_a_state_that_somebody_edited_is_refused(patient_models, tmp_path):
    document = {"state_dir": str(tmp_path), "routes": {"r": {"split": {"add_one/1": 1}}}}
    with start_gateway(document, patient_models):
        pass
    applied = json.loads((tmp_path / "applied.json").read_text())
    applied["epoch"] += 1
    (tmp_path / "applied.json").write_text(json.dumps(applied))
    assert "applied.json is not as it was written" in refused(document, patient_models)


def test_a_repository_that_is_not_there_is_named(tmp_path):
    assert str(tmp_path / "nowhere") in refused({}, tmp_path / "nowhere")


def test_a_repository_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert str(tmp_path / "file") in refused({}, tmp_path / "file")


def test_a_state_folder_that_cannot_be_made_is_named(patient_models, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file" / "state") in refused({"state_dir": str(tmp_path / "file" / "state")}, patient_models)


def test_every_routed_version_that_cannot_load_is_named_at_once(tmp_path):
    small_models.save(tmp_path, "good", 1, small_models.add(1))
    small_models.save(tmp_path, "bad", 1, b"no model")
    small_models.save(tmp_path, "cut", 1, small_models.add(1).SerializeToString()[:60])
    split = {"bad/1": 1, "cut/1": 1, "good/1": 1, "absent/7": 1}
    code, said = refused_start({"routes": {"r": {"split": split}}}, tmp_path)
    assert code == 2
    assert "Traceback" not in said
    assert all(version in said for version in ("bad/1", "cut/1", "absent/7"))
    assert not re.search(r"good/1 ", said)


def test_a_failed_start_leaves_the_lock_free_and_nothing_applied(tmp_path, patient_models):
    (repository := tmp_path / "models").mkdir()
    small_models.save(repository, "bad", 1, b"no model")
    document = {"routes": {"r": {"split": {"bad/1": 1}}}, "state_dir": str(tmp_path / "state")}
    refused(document, repository)
    assert not (tmp_path / "state" / "applied.json").exists()
    shutil.rmtree(repository / "bad")
    small_models.save(repository, "bad", 1, small_models.add(1))
    with start_gateway(document, repository) as gateway:
        assert status(gateway)["epoch"] == 1


def start_with_path(tmp_path, patient_models) -> subprocess.CompletedProcess[str]:
    """A start that finds the package `onnxruntime` in `tmp_path` first."""
    path = write_document({}, patient_models, tmp_path)
    return subprocess.run(
        [sys.executable, TIDEGATE, "serve", str(path)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
        check=False,
    )


@pytest.mark.parametrize("library", [None, b"", b"\x7fELF no library"], ids=["absent", "empty", "garbage"])
def test_an_onnxruntime_without_a_usable_library_is_one_sentence(tmp_path, patient_models, library):
    (capi := tmp_path / "onnxruntime" / "capi").mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").write_text("raise AssertionError('serve imports onnxruntime')")
    if library is not None:
        (capi / "libonnxruntime.so.1.99.0").write_bytes(library)
    ended = start_with_path(tmp_path, patient_models)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "libonnxruntime.so" in line
    assert str(capi) in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_ends_it(tmp_path, patient_models, number):
    small_models.save(tmp_path, "slow", 1, small_models.slow(5_000))
    path = write_document({"versions": {"slow/1": {"batching": "off"}}}, tmp_path, tmp_path)
    with subprocess.Popen([TIDEGATE, "serve", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as starting:
        until((tmp_path / "state" / "lock").exists, what="it has begun to start")
        starting.send_signal(number)
        said, complained = starting.communicate(timeout=START_LIMIT_S)
    assert starting.returncode != 0
    assert b"Traceback" not in complained
    assert said == b""
