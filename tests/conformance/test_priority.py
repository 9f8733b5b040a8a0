"""Priority over real sockets: the more urgent overtake, and whoever is below is let by all the same."""

import numpy as np
import pytest

from support.asking import Asker, asked, failure
from support.gateway import refused_start, start_gateway
from support.patience import ROUNDS_A_SECOND
from support.waiting import until
from support.watching import status

PATIENCE = 8


def document(levels: int, default: int = 1, **more):
    queue = {"priority_levels": levels, "default_priority": default, **more}
    return {
        "versions": {"patient/1": {"batching": "off", "instances": 1, "queue": queue}},
        "inline_budget_us": 0,
    }


def begin(calls, order, name, seconds=0.0, **parameters):
    """Begins a request that notes its name when it is answered."""
    message = asked("patient", {"x": np.float32([[seconds * ROUNDS_A_SECOND]])})
    for key, value in parameters.items():
        message.parameters[key].int64_param = value
    call = calls.begin(message)
    call.add_done_callback(lambda _: order.append(name))
    return call


def hold(gateway, calls, order, seconds=0.5):
    """Has the only instance busy."""
    call = begin(calls, order, "holder", seconds)
    until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1)
    return call


def queued(gateway, count):
    until(lambda: status(gateway)["versions"]["patient/1"]["queue"]["requests"] == count)


def test_the_more_urgent_overtake_those_that_came_before(patient_models):
    order: list[str] = []
    with start_gateway(document(3, default=2), patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        begun = [hold(gateway, calls, order)]
        for place, (name, priority) in enumerate([("low", 3), ("none", 0), ("absent", 9), ("high", 1)], start=1):
            begun.append(begin(calls, order, name, 0.02, priority=priority))
            queued(gateway, place)
        assert all(call.result().model_version == "1" for call in begun)
        until(lambda: len(order) == 5)
        assert order == ["holder", "high", "none", "absent", "low"]


def test_a_flood_of_urgent_requests_lets_one_below_by(patient_models):
    order: list[str] = []
    with start_gateway(document(2), patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        begun = [hold(gateway, calls, order), begin(calls, order, "low", priority=2)]
        queued(gateway, 1)
        begun += [begin(calls, order, f"high {n}", 0.02, priority=1) for n in range(PATIENCE * 2)]
        queued(gateway, 1 + PATIENCE * 2)
        assert all(call.result().model_version == "1" for call in begun)
        until(lambda: len(order) == len(begun))
        assert 0 < order.index("low") <= 1 + PATIENCE + 1, order


def test_with_one_level_priority_is_checked_and_changes_nothing(patient_models):
    order: list[str] = []
    with start_gateway(document(1), patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        begun = [hold(gateway, calls, order), begin(calls, order, "first", 0.02, priority=5)]
        queued(gateway, 1)
        begun.append(begin(calls, order, "second", 0.02, priority=1))
        assert all(call.result().model_version == "1" for call in begun)
        until(lambda: len(order) == 3)
        assert order == ["holder", "first", "second"]
        assert failure(begin(calls, order, "bad", priority=-1)) == ("INVALID_ARGUMENT", "INVALID_PARAMETER")


def test_the_limits_of_the_queue_are_those_of_all_levels_together(patient_models):
    order: list[str] = []
    with start_gateway(document(2, requests=2), patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        begun = [hold(gateway, calls, order), *(begin(calls, order, "low", priority=2) for _ in range(2))]
        queued(gateway, 2)
        assert failure(begin(calls, order, "high", priority=1)) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
        assert all(call.result().model_version == "1" for call in begun)


@pytest.mark.parametrize("levels, default", [(0, 1), (17, 1), (2, 3), (2, 0)])
def test_levels_that_cannot_be_are_refused(patient_models, levels, default):
    code, said = refused_start(document(levels, default), patient_models)
    assert code == 2
    assert "priority" in said
