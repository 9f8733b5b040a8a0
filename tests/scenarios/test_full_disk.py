"""A disk that is full: what is asked for is refused with what to do, nothing half done stays, and it goes on once there is room.

The kernel refuses what the process writes beyond a size (RLIMIT_FSIZE), as it does on a full disk: at any write, in any
thread and library.
"""

import resource
from contextlib import contextmanager

import grpc
import pytest

from support import models
from support.admin import Refusal
from support.raw import Raw
from support.ups import command, up
from support.waiting import until
from tidegate.client.registry import calls
from tidegate.v1 import version_service_pb2 as versions
from tidegate.v1.route_service_pb2 import ApplyRouteRequest

LARGE_BYTES = 8 << 20
ROOM_BYTES = 4 << 20
"""The database and its log stay below it; a large model does not."""
MODEL = "projects/default/models/m"


@contextmanager
def room(running, size_bytes):
    """For the length of the block no file of the process gets larger than this."""
    before = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, before)


def large(amount):
    """A model that adds an amount, and is as large as that."""
    model = models.add(amount)
    model.doc_string = "x" * LARGE_BYTES
    return model.SerializeToString()


def refused(call, *arguments):
    """The reason for which a full disk refuses a call, which has to say what to do."""
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments)
    refusal = Refusal.of(raised.value)
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "DISK_FULL")
    assert "make room" in refusal.message or "make some" in refusal.message
    assert refusal.detail("RetryInfo").retry_delay.nanos > 0
    return refusal


def test_bytes_that_there_is_no_room_for_are_not_kept(tmp_path):
    with up(tmp_path) as running:
        raw, artifacts = Raw(running), tmp_path / "tidegate-data" / "artifacts"
        before = {path.name for path in artifacts.rglob("*")}
        with room(running, ROOM_BYTES):
            refused(raw.upload, large(1))
            assert {path.name for path in artifacts.rglob("*")} == before
            # What is small enough has room all the while.
            raw.upload(b"small")
        raw.upload(large(1))


def test_a_model_that_there_is_no_room_to_check_is_not_registered(tmp_path):
    with up(tmp_path) as running:
        raw, content = Raw(running), large(1)
        digest = raw.upload(content)
        request = versions.RegisterVersionRequest(parent=MODEL)
        request.files.add(
            path="model.onnx", digest=digest, size_bytes=len(content), media_type="application/vnd.onnx.model"
        )
        with room(running, ROOM_BYTES):
            refused(raw.ask, calls.REGISTER_VERSION, request)
            assert running.registry.list_models() == []
        assert raw.ask(calls.REGISTER_VERSION, request).created


def test_a_change_that_there_is_no_room_for_is_not_made(tmp_path):
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        plan = running.registry.plan({"route": "sum", "split": {two: 1}})
        newest = running.registry.journal(limit=1)
        with room(running, 0):
            refused(Raw(running).ask, calls.APPLY_ROUTE, ApplyRouteRequest(plan=plan.name, reason="test"))
            assert running.registry.journal(limit=1) == newest
            assert running.registry.route("sum").revision == 1
            assert running.answer("sum") == 1, "what is served needs no disk"
        assert running.registry.apply(plan.name, reason="test").route.serving.state == "served"
        assert running.answer("sum") == 2
        assert running.registry.verify().broken_entry is None


def test_a_version_that_the_gateway_has_no_room_for_keeps_nobody_from_the_rest(tmp_path):
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        three = running.register("m", large(3))
        with room(running, ROOM_BYTES):
            serving = running.apply("large", (three, 1)).route.serving
            assert serving.state == "refused"
            assert "make room on its disk" in serving.reason
            assert running.apply("sum", (two, 1)).route.serving.state == "served"
            assert running.registry.rollback("sum", to=1, reason="test").route.serving.state == "served"
            assert running.answer("sum") == 1
        until(lambda: running.answer("large") == 3, what="it is fetched by itself once there is room")


def test_what_the_gateway_cannot_write_is_said_and_written_later(tmp_path):
    """The change is made, and the gateway cannot note it: its folder says so, as one of a full disk does."""
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        in_the_way = tmp_path / "tidegate-data" / "gateway" / "obeyed.json.new"
        in_the_way.mkdir()
        serving = running.apply("sum", (two, 1)).route.serving
        assert serving.state == "refused"
        assert "obeyed.json.new" in serving.reason
        in_the_way.rmdir()
        until(lambda: running.registry.route("sum").serving.state == "served")


def test_a_backup_that_there_is_no_room_for_is_none(tmp_path):
    """Rows are copied first, and would be taken for a backup by a restore: they get their name when all bytes are there."""
    data, saved = tmp_path / "tidegate-data", tmp_path / "saved"
    with up(tmp_path) as running:
        running.apply("sum", (running.register("m", large(1)), 1))
        for most_bytes in (0, 4096, ROOM_BYTES):
            done = command("backup", saved, "--data", data, most_file_bytes=most_bytes)
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
            assert "make" in done.stderr
            assert command("restore", saved, "--data", tmp_path / "other").returncode == 2, "it is no backup"
        assert command("backup", saved, "--data", data).returncode == 0
        assert not (saved / "copying").exists()
        assert command("backup", saved, "--data", data).returncode == 2, "nothing is written over a backup"
    for most_bytes in (4096, ROOM_BYTES):
        done = command("restore", saved, "--data", tmp_path / "other", most_file_bytes=most_bytes)
        assert done.returncode == 1
        assert "make" in done.stderr
        assert "Traceback" not in done.stderr
    data.rename(tmp_path / "old")
    (tmp_path / "other").rename(data)
    assert command("restore", saved, "--data", data).returncode == 0
    (tmp_path / "old" / "owner.token").rename(data / "owner.token")
    with up(tmp_path) as again:
        assert again.answer("sum") == 1
