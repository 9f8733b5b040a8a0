"""Documents for a running gateway: route by route, without a failed request, and never half."""

import json
import threading

import grpc
import pytest

from oracles.allocate import bucket
from support import adding
from support.adding import ROW, added, route
from support.applying import apply, gone, post, serving
from support.asking import Asker, asked, failure, tensors
from support.waiting import until
from support.watching import metric, read, status


@pytest.fixture
def repository(tmp_path):
    """Versions that add their own number; see `support.adding`."""
    return adding.write(tmp_path)


def test_a_route_moves_to_a_version_that_was_not_loaded_and_the_old_one_goes(repository):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        before = status(gateway)["epoch"]
        assert added(calls) == 1
        done = apply(gateway, {"routes": {"sum": route(2)}})
        assert (done.code, done.outcomes, done.epoch) == (200, {"routes.sum": "current"}, before + 1)
        assert added(calls) == 2
        gone(gateway, "add/1")
        assert [load["state"] for load in status(gateway)["loads"]] == ["READY"]


def test_the_same_document_changes_nothing(repository):
    with serving(repository, {"sum": route(1, 2)}) as gateway:
        before = status(gateway)["epoch"]
        done = apply(gateway, {"routes": {"sum": route(2, 1)}})
        assert (done.outcomes, done.epoch) == ({"routes.sum": "unchanged"}, before)


def test_each_route_is_settled_by_itself_and_a_broken_one_keeps_what_it_had(repository):
    with serving(repository, {"sum": route(1), "other": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        done = apply(gateway, {"routes": {"sum": route(2), "other": route(8), "new": route(7), "third": route(3)}})
        assert done.outcomes == {
            "routes.sum": "current",
            "routes.other": "refused",
            "routes.new": "refused",
            "routes.third": "current",
        }
        assert "add/8: " in done.reasons["routes.other"]
        assert "add/7: there is no folder" in done.reasons["routes.new"]
        assert (added(calls), added(calls, "other"), added(calls, "third")) == (2, 1, 3)
        code, reason = failure(calls.begin(asked("new", ROW)))
        assert (code, reason) == ("UNAVAILABLE", "VERSION_UNAVAILABLE")
        assert "add/8" in status(gateway)["refused"]["other"]
        assert apply(gateway, {"routes": {"sum": route(2), "other": route(1)}}).outcomes["routes.other"] == "unchanged"
        assert status(gateway)["refused"] == {}


def test_arms_that_do_not_take_the_same_requests_are_refused(repository):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        done = apply(gateway, {"routes": {"sum": {"split": {"add/1": 9, "add/9": 1}}}})
        assert "add/9 does not fit add/1" in done.reasons["routes.sum"]
        assert added(calls) == 1
        gone(gateway, "add/9")


def test_a_route_comes_and_goes_and_health_and_watchers_hear_of_it(repository):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        watch = calls.watch("new")
        assert next(watch) == "SERVICE_UNKNOWN"
        apply(gateway, {"routes": {"sum": route(1), "new": route(2)}})
        assert next(watch) == calls.check("new") == "SERVING"
        done = apply(gateway, {"routes": {"sum": route(1)}})
        assert done.outcomes == {"routes.sum": "unchanged", "routes.new": "removed"}
        assert next(watch) == "SERVICE_UNKNOWN"
        assert failure(calls.begin(asked("new", ROW))) == ("NOT_FOUND", "UNKNOWN_MODEL")


def test_a_setting_that_only_a_restart_can_change_is_named_and_nothing_else_is_done(repository):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        done = apply(gateway, {"routes": {"sum": route(2)}, "drain_timeout_ms": 5, "timeout_ms": 7})
        assert (done.code, set(done.violations)) == (422, {"drain_timeout_ms", "timeout_ms"})
        assert "is 30000, would be 5" in done.violations["drain_timeout_ms"]
        assert added(calls) == 1


def test_more_threads_a_run_than_the_pool_has_need_a_restart(repository):
    with serving(repository, {"sum": route(1)}, versions={"add/1": {"intra_op_threads": 2}}) as gateway:
        settings = {"add/1": {"intra_op_threads": 2}, "add/2": {"intra_op_threads": 3}}
        done = apply(gateway, {"routes": {"sum": route(1, 2)}, "versions": settings})
        assert (done.code, set(done.violations)) == (422, {'versions["add/2"].intra_op_threads'})
        assert "has had 2 threads since the gateway started" in done.violations['versions["add/2"].intra_op_threads']


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"routes": {"sum": {"split": {"add/1": -1}}}}', b"\xff\xfe"])
def test_what_is_no_document_is_refused_whole(repository, body):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        code, answer = post(gateway, body)
        assert (code, len(answer["violations"]) > 0) == (422, True)
        assert post(gateway, b"{}", "/elsewhere")[0] == 404
        assert added(calls) == 1


def test_the_admin_socket_is_its_owners_alone(repository):
    with serving(repository, {"sum": route(1)}) as gateway:
        assert (gateway.state_dir / "admin.sock").stat().st_mode & 0o777 == 0o600


def test_a_storm_of_changes_fails_no_request_and_moves_nobody_without_need(repository):
    """Weights and versions change under load; every answer is whole and from a version that the route then had."""
    documents = [
        {"routes": {"sum": route(1, 2, sticky='metadata["x-unit"]', stable="add/1")}},
        {"routes": {"sum": route(1, 3, sticky='metadata["x-unit"]', stable="add/1")}},
        {"routes": {"sum": route(1, sticky='metadata["x-unit"]'), "extra": route(2)}},
        {"routes": {"sum": {"split": {"add/1": 5, "add/2": 1, "add/3": 2}, "sticky": 'metadata["x-unit"]'}}},
    ]
    failures: list[str] = []
    answers: list[tuple[str, int, str]] = []
    is_over = threading.Event()

    def ask(address: str, unit: str) -> None:
        with Asker(address) as calls:
            while not is_over.is_set():
                call = calls.begin(asked("sum", ROW), metadata=[("x-unit", unit)])
                try:
                    answer = call.result()
                except grpc.RpcError as error:
                    failures.append(f"{error.code()}: {error.details()}")
                    continue
                found = tensors(answer)["y"][0].tolist()
                number = int(answer.model_version)
                if found != [1 + number, 2 + number, 3 + number, 4 + number]:
                    failures.append(f"version {number} answered {found}")
                answers.append((unit, answer.parameters["tidegate_epoch"].int64_param, f"add/{number}"))

    with serving(repository, documents[0]["routes"]) as gateway:
        tables = dict([table_of(gateway, "sum")])
        threads = [threading.Thread(target=ask, args=(gateway.grpc_address, f"N{unit}")) for unit in range(6)]
        for thread in threads:
            thread.start()
        for number in range(1, 41):
            assert set(apply(gateway, documents[number % 4]).outcomes.values()) <= {"current", "removed", "unchanged"}
            tables.update([table_of(gateway, "sum")])
        is_over.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(tables) == 41
        # A request sees one snapshot: whoever answered had the caller's bucket in the table of the epoch it names.
        known = [(unit, epoch, version) for unit, epoch, version in answers if epoch in tables]
        assert len(known) > 200
        for unit, epoch, version in known:
            place = bucket("sum", unit.encode())
            assert version == next(arm for start, end, arm in tables[epoch] if start <= place < end)
        until(
            lambda: {load["state"] for load in status(gateway)["loads"]} == {"READY"}, what="what was dropped is gone"
        )


def table_of(gateway, name: str):
    """The epoch that is served, and the table of a route in it."""
    served = json.loads(read(gateway, "/snapshot"))
    return served["epoch"], served["routes"][name]["table"]["ranges"]


def test_the_counts_of_a_version_that_went_are_still_there_and_do_not_pile_up(repository):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        added(calls)
        apply(gateway, {"routes": {"sum": route(2)}})
        gone(gateway, "add/1")
        assert metric(gateway, "tidegate_requests_total", route="sum", version="add/1", code="OK") == 1
        for number in range(40):
            apply(gateway, {"routes": {f"r{number}": route(2)}})
        shown = [line for line in read(gateway, "/metrics").splitlines() if line.startswith("tidegate_requests_total{")]
        assert len(shown) < 40
