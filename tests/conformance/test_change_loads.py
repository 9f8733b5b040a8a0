"""Versions on their way to memory: slow ones, ones that hang, ones that are not what they were."""

import os
import subprocess
import threading

import numpy as np
import pytest

from support import adding
from support import models as small_models
from support.adding import added, route
from support.applying import apply, gone, loads, serving
from support.asking import Asker, tensors
from support.gateway import refused_start, start_gateway
from support.waiting import until
from support.watching import read, status


@pytest.fixture
def repository(tmp_path):
    """Versions that add their own number; see `support.adding`."""
    return adding.write(tmp_path)


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


@pytest.fixture
def stubborn(repository):
    """The repository, with a version whose load takes long and cannot be ended."""
    small_models.save(repository, "add", 6, small_models.slow_to_load())
    return repository


def test_nobody_waits_for_ever_for_a_load_that_cannot_be_ended(stubborn):
    with serving(stubborn, {"sum": route(1)}, load_timeout_ms=500) as gateway, Asker(gateway.grpc_address) as calls:
        change = {"routes": {"sum": route(6), "other": route(2)}}
        done = apply(gateway, change)
        assert "add/6: it did not load and warm up within 500 ms" in done.reasons["routes.sum"]
        again = apply(gateway, change)
        assert again.outcomes == {"routes.sum": "refused", "routes.other": "unchanged"}
        assert "add/6: it waited 500 ms (load_timeout_ms) for the end of its last load" in again.reasons["routes.sum"]
        assert (added(calls), added(calls, "other")) == (1, 2)
        gone(gateway, "add/6")


def test_a_start_does_not_wait_for_a_load_that_cannot_be_ended(stubborn):
    code, said = refused_start({"routes": {"sum": route(6)}, "load_timeout_ms": 500}, stubborn)
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


def test_a_version_whose_files_have_changed_is_refused_now_and_after_a_restart(repository, tmp_path_factory):
    state = {"state_dir": str(tmp_path_factory.mktemp("changed") / "state")}
    other = small_models.add(7).SerializeToString()
    with serving(repository, {"sum": route(1)}, **state) as gateway, Asker(gateway.grpc_address) as calls:
        apply(gateway, {"routes": {"sum": route(2)}})
        gone(gateway, "add/1")
        (repository / "add" / "1" / "model.onnx").write_bytes(other)
        done = apply(gateway, {"routes": {"sum": route(1)}})
        assert "has changed since it was first served" in done.reasons["routes.sum"]
        assert "new version number" in done.reasons["routes.sum"]
        assert added(calls) == 2
    with serving(repository, {"sum": route(1)}, **state) as gateway, Asker(gateway.grpc_address) as calls:
        assert "has changed since it was first served" in status(gateway)["refused"]["sum"]
        assert added(calls) == 2


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


# Only root may become somebody else, and somebody else may be kept from starting threads.
STRANGER = "54321"
AS_STRANGER = (
    *("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
)
FEW_THREADS = (*AS_STRANGER, "prlimit", "--nproc=40")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a gateway as somebody else")


@only_root
def test_a_version_for_which_no_thread_can_be_started_is_refused_and_the_gateway_goes_on(repository):
    with (
        start_gateway({"routes": {"sum": route(1)}}, repository, under=FEW_THREADS) as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        many = {"versions": {"add/2": {"instances": 60}}}
        done = apply(gateway, {"routes": {"sum": route(2)}, **many})
        assert "add/2: cannot start a thread" in done.reasons["routes.sum"]
        gone(gateway, "add/2")
        assert added(calls) == 1
        # The threads that were started in vain go home in their own time.
        again = {"routes": {"sum": route(2)}}
        until(lambda: apply(gateway, again).outcomes["routes.sum"] == "current", what="there is room for one again")
        assert added(calls) == 2


@only_root
def test_a_gateway_without_one_more_thread_serves_shows_and_refuses(repository):
    with (
        start_gateway({"routes": {"sum": route(1)}}, repository, under=AS_STRANGER) as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        # Its addresses are known a moment before all of its threads are there.
        assert added(calls) == 1
        subprocess.run([*AS_STRANGER, "prlimit", f"--pid={gateway.pid}", "--nproc=1"], check=True)
        large = np.zeros((70_000, 4), dtype=np.float32)
        assert tensors(calls.infer("sum", {"x": large}))["y"][-1, -1] == 1
        assert "tidegate_changing 1" in read(gateway, "/metrics")
        assert status(gateway)["changing"] is True
        done = apply(gateway, {"routes": {"sum": route(2), "other": route(1)}})
        assert done.outcomes == {"routes.sum": "refused", "routes.other": "current"}
        assert "add/2: cannot start a thread" in done.reasons["routes.sum"]
