"""Documents for a running gateway: route by route, without a failed request, and never half."""

import json
import os
import signal
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest

from oracles.allocate import bucket
from support import models as small_models
from support.applying import apply, gone, loads, post, serving
from support.asking import Asker, asked, failure, tensors
from support.gateway import refused_start, start_gateway
from support.waiting import until
from support.watching import metric, read, status

ROW = {"x": np.float32([[1, 2, 3, 4]])}


@pytest.fixture
def repository(tmp_path):
    """Three versions that add their own number, one that is no model, one that takes something else."""
    for version in (1, 2, 3):
        small_models.save(tmp_path, "add", version, small_models.add(version))
    small_models.save(tmp_path, "add", 8, b"torn")
    small_models.save(tmp_path, "add", 9, small_models.two_in_two_out())
    return tmp_path


def route(*versions: int, **more):
    return {"split": {f"add/{version}": 1 for version in versions}, **more}


def added(calls: Asker, name: str = "sum") -> float:
    """What the version that answers adds."""
    return float(tensors(calls.infer(name, ROW))["y"][0, 0] - 1)


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


def test_what_needs_no_load_is_in_force_while_something_else_loads(repository):
    """The other route is seen to change long before the warm-up of a slow model can end."""
    small_models.save(repository, "add", 5, small_models.slow_to_warm_up())
    with serving(repository, {"sum": route(1), "other": route(2)}) as gateway, Asker(gateway.grpc_address) as calls:
        answer: list = []
        change = {"routes": {"sum": route(5), "other": route(1)}}
        waiting = threading.Thread(target=lambda: answer.append(apply(gateway, change)))
        waiting.start()
        until(lambda: added(calls, "other") == 1, what="the route that needs no load")
        shown = status(gateway)
        assert shown["pending"] == {"sum": "waits for add/5"}
        assert [load["state"] for load in loads(gateway, "add/5")] in (["LOADING"], ["WARMING"])
        assert added(calls) == 1, "the route that waits has what it had"
        waiting.join()
        assert answer[0].outcomes == {"routes.sum": "current", "routes.other": "current"}
        assert added(calls) == 0


@pytest.fixture
def endless(repository):
    """The repository, with a version whose first run never ends by itself."""
    small_models.save(repository, "add", 6, small_models.slow_to_warm_up(rounds=2**40))
    return repository


def test_a_newer_document_takes_the_place_of_one_that_is_pending_and_ends_its_load(endless):
    with serving(endless, {"sum": route(1, 3)}) as gateway, Asker(gateway.grpc_address) as calls:
        answer: list = []
        waiting = threading.Thread(target=lambda: answer.append(apply(gateway, {"routes": {"sum": route(6)}})))
        waiting.start()
        until(lambda: loads(gateway, "add/6"), what="the load has begun")
        assert apply(gateway, {"routes": {"sum": route(3)}}).outcomes == {"routes.sum": "current"}
        waiting.join()
        assert answer[0].outcomes == {"routes.sum": "superseded"}
        gone(gateway, "add/6")
        assert added(calls) == 3
        assert apply(gateway, {"routes": {"sum": route(2)}}).outcomes == {"routes.sum": "current"}


def test_a_load_that_takes_too_long_is_refused_and_the_next_one_begins(endless):
    limited = {"load_timeout_ms": 1_500}
    with serving(endless, {"sum": route(1)}, **limited) as gateway, Asker(gateway.grpc_address) as calls:
        done = apply(gateway, {"routes": {"sum": route(6), "other": route(7), "third": route(2)}})
        assert done.outcomes == {"routes.sum": "refused", "routes.other": "refused", "routes.third": "current"}
        assert "add/6: it did not load and warm up within 1500 ms" in done.reasons["routes.sum"]
        assert (added(calls), added(calls, "third")) == (1, 2)
        gone(gateway, "add/6")


def test_a_load_that_hangs_is_refused_at_the_start_too(endless):
    code, said = refused_start({"routes": {"sum": route(6)}, "load_timeout_ms": 500}, endless)
    assert (code, "within 500 ms" in said) == (2, True)


def test_a_pipe_in_a_version_folder_is_refused(repository):
    folder = repository / "add" / "5"
    folder.mkdir()
    os.mkfifo(folder / "model.onnx")
    with serving(repository, {"sum": route(1)}) as gateway:
        done = apply(gateway, {"routes": {"sum": route(5)}})
        assert "model.onnx is no regular file" in done.reasons["routes.sum"]


def test_a_version_that_was_refused_may_be_mended_in_place(repository):
    with serving(repository, {"sum": route(1)}) as gateway, Asker(gateway.grpc_address) as calls:
        change = {"routes": {"sum": {"split": {"add/1": 0, "add/9": 1}}}}
        assert "add/9 does not fit add/1" in apply(gateway, change).reasons["routes.sum"]
        gone(gateway, "add/9")
        (repository / "add" / "9" / "model.onnx").write_bytes(small_models.add(9).SerializeToString())
        assert apply(gateway, change).outcomes == {"routes.sum": "current"}
        assert added(calls) == 9


def test_a_version_whose_files_have_changed_is_refused_now_and_after_a_restart(repository):
    other = small_models.add(7).SerializeToString()
    with serving(repository, {"sum": route(1), "other": route(2)}) as gateway, Asker(gateway.grpc_address) as calls:
        apply(gateway, {"routes": {"sum": route(2), "other": route(2)}})
        gone(gateway, "add/1")
        (repository / "add" / "1" / "model.onnx").write_bytes(other)
        done = apply(gateway, {"routes": {"sum": route(1), "other": route(2)}})
        assert "has changed since it was first served" in done.reasons["routes.sum"]
        assert "new version number" in done.reasons["routes.sum"]
        assert added(calls) == 2


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


def test_a_version_that_is_there_twice_for_its_settings_is_one_series(repository):
    """One route has moved to the new settings; the other waits for a slow version and still has the old ones."""
    small_models.save(repository, "add", 4, small_models.slow_to_warm_up())
    with serving(repository, {"sum": route(1), "other": route(1)}) as gateway:
        change = {"routes": {"sum": route(1), "other": route(1, 4)}, "versions": {"add/1": {"batching": {"max": 8}}}}
        waiting = threading.Thread(target=apply, args=(gateway, change))
        waiting.start()
        until(lambda: len(loads(gateway, "add/1")) == 2 and status(gateway)["pending"].keys() == {"other"})
        series = [line.rpartition(" ")[0] for line in read(gateway, "/metrics").splitlines() if line[0] != "#"]
        assert [name for name in set(series) if series.count(name) > 1] == []
        waiting.join()


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


def test_a_state_folder_that_is_full_changes_nothing_and_says_so(repository):
    with serving(repository, {"sum": route(1, 2)}) as gateway, Asker(gateway.grpc_address) as calls:
        unfinished = gateway.state_dir / "applied.json.new"
        unfinished.symlink_to("/dev/full")
        done = apply(gateway, {"routes": {"sum": route(2), "new": route(3)}})
        assert done.outcomes == {"routes.sum": "refused", "routes.new": "refused"}
        assert "No space left on device" in done.reasons["routes.sum"]
        assert {added(calls) for _ in range(40)} == {1, 2}
        unfinished.unlink()
        assert set(apply(gateway, {"routes": {"sum": route(2), "new": route(3)}}).outcomes.values()) == {"current"}


def restarted(repository: Path, state: Path, routes: dict):
    """Starts a gateway on the state that another left, and returns what its route answers with and its status."""
    document = {"routes": routes, "state_dir": str(state)}
    with start_gateway(document, repository) as gateway, Asker(gateway.grpc_address) as calls:
        return added(calls), status(gateway)


def test_killed_at_any_moment_it_comes_back_with_what_was_acknowledged(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("killed") / "state"
    change = {"routes": {"sum": {"split": {"add/1": 1, "add/2": 3}, "stable": "add/1"}}}
    with start_gateway({"routes": {"sum": route(1)}, "state_dir": str(state)}, repository) as gateway:
        assert set(apply(gateway, change).outcomes.values()) == {"current"}
        acknowledged = status(gateway)
        gateway.signal(signal.SIGKILL)
        assert gateway.wait() == -signal.SIGKILL
    _, shown = restarted(repository, state, change["routes"])
    assert (shown["epoch"], shown["incarnation"]) == (acknowledged["epoch"], acknowledged["incarnation"])
    shares = {arm["version"]: arm["share"] for arm in shown["routes"]["sum"]["arms"]}
    assert shares == {"add/1": 0.25, "add/2": 0.75}


def test_a_restart_with_other_routes_is_another_epoch(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("fewer") / "state"
    routes = {"sum": route(1), "other": route(2)}
    _, before = restarted(repository, state, routes)
    _, same = restarted(repository, state, routes)
    _, fewer = restarted(repository, state, {"sum": route(1)})
    assert {shown["incarnation"] for shown in (before, same, fewer)} == {before["incarnation"]}
    assert before["epoch"] == same["epoch"] < fewer["epoch"]


def test_a_threshold_survives_a_restart_to_the_last_digit(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("threshold") / "state"
    routes = {"sum": {**route(1), "decision": {"output": "y", "threshold": 4.270855590589664e-08}}}
    _, before = restarted(repository, state, routes)
    _, after = restarted(repository, state, routes)
    assert before["epoch"] == after["epoch"]


def test_a_gateway_that_ends_takes_no_documents(repository):
    with serving(repository, {"sum": route(1)}, drain_delay_ms=1_500) as gateway:
        gateway.signal(signal.SIGTERM)
        until(lambda: status(gateway)["phase"] == "not_serving")
        code, answer = post(gateway, gateway.document_path.read_bytes())
        assert (code, answer) == (503, {"error": "the gateway is ending"})
        assert gateway.wait() == 0


def test_a_route_that_cannot_be_loaded_at_a_restart_serves_what_it_had(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("restarted") / "state"
    with start_gateway({"routes": {"sum": route(1)}, "state_dir": str(state)}, repository):
        pass
    answered, shown = restarted(repository, state, {"sum": route(8)})
    assert answered == 1
    assert "add/8" in shown["refused"]["sum"]


def test_a_change_makes_no_caller_pay_for_the_first_run(repository):
    """What one version answered is what the next is warmed up with: a model that fails on it is not let in."""
    small_models.save(repository, "gather", 1, small_models.gather())
    small_models.save(repository, "gather", 2, small_models.gather(3))
    routes = {"entry": {"split": {"gather/1": 1}}}
    with serving(repository, routes) as gateway, Asker(gateway.grpc_address) as calls:
        index = {"index": np.int64([[7]])}
        assert tensors(calls.infer("entry", index))["value"].tolist() == [[7.0]]
        done = apply(gateway, {"routes": {"entry": {"split": {"gather/2": 1}}}})
        assert "fails on every recorded request, which gather/1 answered" in done.reasons["routes.entry"]
        assert tensors(calls.infer("entry", index))["value"].tolist() == [[7.0]]


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
