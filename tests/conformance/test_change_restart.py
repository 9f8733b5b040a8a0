"""What a gateway remembers of documents, and what it makes of that when it starts again."""

import signal
from pathlib import Path

import pytest

from support import adding
from support.adding import added, route
from support.applying import apply, post, serving
from support.asking import Asker
from support.gateway import start_gateway
from support.waiting import until
from support.watching import status


@pytest.fixture
def repository(tmp_path):
    """Versions that add their own number; see `support.adding`."""
    return adding.write(tmp_path)


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


def test_a_gateway_with_nothing_to_serve_begins_its_history_too(tmp_path):
    (tmp_path / "models").mkdir()
    document = {"state_dir": str(tmp_path / "state")}
    seen = []
    for _ in range(2):
        with start_gateway(document, tmp_path / "models") as gateway:
            seen.append((status(gateway)["incarnation"], status(gateway)["epoch"]))
    assert seen[0] == seen[1]
    assert seen[0][1] == 1


def test_a_threshold_survives_a_restart_to_the_last_digit(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("threshold") / "state"
    routes = {"sum": {**route(1), "decision": {"output": "y", "threshold": 4.270855590589664e-08}}}
    _, before = restarted(repository, state, routes)
    _, after = restarted(repository, state, routes)
    assert before["epoch"] == after["epoch"]


def test_a_route_that_cannot_be_loaded_at_a_restart_serves_what_it_had(repository, tmp_path_factory):
    state = tmp_path_factory.mktemp("restarted") / "state"
    with start_gateway({"routes": {"sum": route(1)}, "state_dir": str(state)}, repository):
        pass
    answered, shown = restarted(repository, state, {"sum": route(8)})
    assert answered == 1
    assert "add/8" in shown["refused"]["sum"]


def test_a_state_folder_that_is_full_changes_nothing_and_says_so(repository):
    with serving(repository, {"sum": route(1, 2)}) as gateway, Asker(gateway.grpc_address) as calls:
        unfinished = gateway.state_dir / "applied.json.new"
        unfinished.symlink_to("/dev/full")
        done = apply(gateway, {"routes": {"sum": route(2), "new": route(3)}})
        assert done.outcomes == {"routes.sum": "refused", "routes.new": "refused"}
        assert "No space left on device" in done.reasons["routes.sum"]
        assert {added(calls) for _ in range(40)} == {1, 2}
        unfinished.unlink()
        done = apply(gateway, {"routes": {"sum": route(2), "new": route(3)}})
        assert set(done.outcomes.values()) == {"current"}
        assert done.epoch == 5, "the epochs of the two writes that failed stand for nothing else"


def test_a_gateway_that_ends_takes_no_documents(repository):
    with serving(repository, {"sum": route(1)}, drain_delay_ms=1_500) as gateway:
        gateway.signal(signal.SIGTERM)
        until(lambda: status(gateway)["phase"] == "not_serving")
        code, answer = post(gateway, gateway.document_path.read_bytes())
        assert (code, answer) == (503, {"error": "the gateway is ending"})
        assert gateway.wait() == 0
