"""Another process has the registry's database for itself: changes are refused with what to do, and made once it lets go."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager

import grpc
import pytest

from support import models
from support.admin import Refusal
from support.raw import Raw
from support.ups import command, up
from tidegate.client.registry import calls
from tidegate.v1.route_service_pb2 import ApplyRouteRequest, RollbackRouteRequest

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
print("let go", flush=True)
"""
ROUTE = "projects/default/environments/default/routes/sum"


@contextmanager
def locked(running):
    """For the length of the block another process is amid a change; gives what has it let go."""
    command = [sys.executable, "-c", HOLD, str(running.folder / "tidegate-data" / "registry.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:

        def let_go():
            holder.stdin.close()
            assert holder.stdout.readline() == "let go\n"

        assert holder.stdout.readline() == "held\n"
        yield let_go
        if not holder.stdin.closed:
            let_go()
    assert holder.returncode == 0


def test_a_change_is_refused_while_another_process_has_the_database(tmp_path):
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        plan = running.registry.plan({"route": "sum", "split": {two: 1}})
        newest = running.registry.journal(limit=1)
        with locked(running):
            for method, request in (
                (calls.APPLY_ROUTE, ApplyRouteRequest(plan=plan.name, reason="test")),
                (calls.ROLLBACK_ROUTE, RollbackRouteRequest(name=ROUTE, revision=1, reason="test")),
            ):
                with pytest.raises(grpc.RpcError) as raised:
                    Raw(running).ask(method, request)
                refusal = Refusal.of(raised.value)
                assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "STORE_BUSY")
                assert "try again" in refusal.message
                assert refusal.detail("RetryInfo").retry_delay.nanos > 0
            # Who only reads is not kept waiting, nor is who asks the model.
            assert running.registry.journal(limit=1) == newest
            assert running.registry.route("sum").revision == 1
            assert running.answer("sum") == 1
        assert running.registry.apply(plan.name, reason="test").route.serving.state == "served"
        assert running.answer("sum") == 2
        assert running.registry.verify().broken_entry is None


def test_a_change_that_began_meanwhile_is_made_once_when_it_is_let_go(tmp_path):
    """The client follows the advice: what it was told to try again it does, and nothing is done twice."""
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        plan = running.registry.plan({"route": "sum", "split": {two: 1}})
        applied = []
        with locked(running) as let_go:
            changing = threading.Thread(target=lambda: applied.append(running.registry.apply(plan.name, reason="test")))
            changing.start()
            with pytest.raises(grpc.RpcError):
                Raw(running).ask(calls.ROLLBACK_ROUTE, RollbackRouteRequest(name=ROUTE, revision=1, reason="test"))
            assert not applied, "it waits"
            let_go()
            changing.join()
        assert [done.route.revision for done in applied] == [2]
        assert running.answer("sum") == 2
        applies = [entry for entry in running.registry.journal() if entry.action == "routes.apply"]
        assert [entry.is_refused for entry in applies] == [False, False]


def test_a_start_is_refused_while_another_process_has_the_database(tmp_path):
    with up(tmp_path) as running:
        folder = running.folder
    other = sqlite3.connect(folder / "tidegate-data" / "registry.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        done = command("up", "--data", folder / "tidegate-data", "--config", folder / "config.yaml")
        assert done.returncode == 1
        assert "try again" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        other.close()
    with up(tmp_path) as again:
        assert again.registry.verify().broken_entry is None
