"""Shadows over real sockets: answers of the primary stay what they are, copies are bounded, and differences are told."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest

from support import models as small_models
from support.applying import apply, serving
from support.asking import Asker, asked, failure, tensors
from support.patience import ROUNDS_A_SECOND
from support.waiting import until
from support.watching import metric, status

ROW = {"x": np.float32([[1, 2, 3, 4]])}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shadows")
    small_models.save(folder, "add", 1, small_models.add(1))
    small_models.save(folder, "add", 2, small_models.add(1))
    small_models.save(folder, "add", 3, small_models.add(1.5))
    small_models.save(folder, "gather", 1, small_models.gather(10))
    small_models.save(folder, "gather", 2, small_models.gather(5))
    for version in (1, 2):
        small_models.save(folder, "patient", version, small_models.slow_as_asked())
    return folder


def report(gateway, route="sum"):
    """The first shadow of a route."""
    with urllib.request.urlopen(f"http://{gateway.http_address}/shadow/{route}", timeout=20) as answer:
        return json.loads(answer.read())["shadows"][0]


def compared(gateway, count, route="sum"):
    until(lambda: report(gateway, route)["compared"] >= count, what=f"{count} comparisons")
    return report(gateway, route)


def shadowed(to, **more):
    return {"sum": {"split": {"add/1": 1}, "shadow": [{"to": to, **more}]}}


def test_equal_versions_compare_as_equal(repository):
    with serving(repository, shadowed("add/2")) as gateway, Asker(gateway.grpc_address) as calls:
        for _ in range(50):
            assert tensors(calls.infer("sum", ROW))["y"].tolist() == [[2, 3, 4, 5]]
        found = compared(gateway, 50)
        assert (found["to"], found["sampled"], sum(found["dropped"].values())) == ("add/2", 50, 0)
        comparison = found["comparison"]
        output = comparison["outputs"][0]
        assert (output["name"], output["requests"], output["max_abs"], output["unequal_rows"]) == ("y", 50, 0, 0)
        assert comparison["flips"]["flipped"] == 0
        assert comparison["latency_ratio"]["geometric_mean"] > 0


def test_a_difference_is_measured_and_its_worst_requests_are_named(repository):
    with serving(repository, shadowed("add/3")) as gateway, Asker(gateway.grpc_address) as calls:
        ids = {calls.infer("sum", ROW).parameters["tidegate_prediction_id"].string_param for _ in range(30)}
        comparison = compared(gateway, 30)["comparison"]
        output = comparison["outputs"][0]
        assert output["max_abs"] == pytest.approx(0.5)
        assert output["mean_abs"] == pytest.approx(0.5)
        assert {worst["prediction_id"] for worst in comparison["worst"]} <= ids
        assert metric(gateway, "tidegate_shadow_requests_total", route="sum", outcome="compared") == 30


def test_a_threshold_of_the_route_says_what_a_flip_is(repository):
    rule = {"decision": {"output": "y", "threshold": 2.25}}
    routes = {"sum": {**shadowed("add/3")["sum"], **rule}}
    with serving(repository, routes) as gateway, Asker(gateway.grpc_address) as calls:
        for first in (1.0, 0.0):
            calls.infer("sum", {"x": np.float32([[first, 0, 0, 0]])})
        flips = compared(gateway, 2)["comparison"]["flips"]
        assert (flips["rule"], flips["flipped"], flips["requests"]) == ("y >= 2.25", 1, 2)
        bad = {"sum": {**shadowed("add/3")["sum"], "decision": {"output": "z", "threshold": 1}}}
        assert 'decision.output "z" is no numeric output' in apply(gateway, {"routes": bad}).reasons["routes.sum"]


def test_the_share_and_the_condition_say_who_is_copied(repository):
    when = 'metadata["x-region"] != "test"'
    with serving(repository, shadowed("add/2", share_bp=5000, when=when)) as gateway:
        with Asker(gateway.grpc_address) as calls:
            for _ in range(200):
                calls.begin(asked("sum", ROW), metadata=[("x-region", "eu")]).result()
            sampled = report(gateway)["sampled"]
            assert 60 < sampled < 140
            for metadata in ([("x-region", "test")], []):
                for _ in range(20):
                    calls.begin(asked("sum", ROW), metadata=metadata).result()
        assert report(gateway)["sampled"] == sampled
        assert metric(gateway, "tidegate_condition_missing_total", condition="shadow:add/2") > 0


def test_errors_of_either_side_are_told_apart(repository):
    routes = {"sum": {"split": {"gather/1": 1}, "shadow": [{"to": "gather/2"}]}}
    with serving(repository, routes) as gateway, Asker(gateway.grpc_address) as calls:
        assert failure(calls.begin(asked("sum", {"index": np.int64([[99]])})))[1] == "MODEL_FAILED"
        assert tensors(calls.infer("sum", {"index": np.int64([[7]])}))["value"].tolist() == [[7]]
        calls.infer("sum", {"index": np.int64([[2]])})
        errors = compared(gateway, 3)["comparison"]["errors"]
        assert (errors["shadow_only"], errors["both_alike"], errors["primary_only"]) == (1, 1, 0)


def patient_routes(**more):
    settings = {"batching": "off", "instances": 1}
    shadow = {"to": "patient/2", "max_in_flight": 2, **more}
    return {"wait": {"split": {"patient/1": 1}, "shadow": [shadow]}}, {f"patient/{n}": settings for n in (1, 2)}


def lasting(seconds):
    return asked("wait", {"x": np.float32([[seconds * ROUNDS_A_SECOND]])})


def test_a_shadow_that_cannot_keep_up_drops_and_counts_and_nobody_waits_for_it(repository):
    routes, versions = patient_routes()
    with serving(repository, routes, versions=versions) as gateway, Asker(gateway.grpc_address) as calls:
        for call in [calls.begin(lasting(0.05)) for _ in range(10)]:
            assert call.result().model_version == "1"
        dropped = report(gateway, "wait")["dropped"]
        assert dropped["in_flight"] >= 1
        until(lambda: report(gateway, "wait")["compared"] + dropped["in_flight"] == 10)
        assert status(gateway)["routes"]["wait"]["shadow"][0]["in_flight"] == 0


def test_a_copy_larger_than_the_room_is_dropped_and_counted(repository):
    with serving(repository, shadowed("add/2", max_mib=1)) as gateway, Asker(gateway.grpc_address) as calls:
        rows = np.zeros((70_000, 4), dtype=np.float32)
        assert tensors(calls.infer("sum", {"x": rows}))["y"].shape == rows.shape
        assert report(gateway)["dropped"]["bytes"] == 1


def test_a_shadow_has_its_own_deadline(repository):
    routes, versions = patient_routes(timeout_ms=50)
    with serving(repository, routes, versions=versions) as gateway, Asker(gateway.grpc_address) as calls:
        # The copy of the first is before the other's in the queue, and at work long after the time of that is over.
        for seconds in (1, 0.01):
            calls.begin(lasting(seconds)).result()

        def ended() -> int:
            found = report(gateway, "wait")
            return found["compared"] + sum(found["dropped"].values())

        until(lambda: ended() == 2, what="both copies end")
        assert report(gateway, "wait")["dropped"]["deadline"] >= 1


def test_a_shadow_survives_the_cancellation_of_its_primary(repository):
    routes, versions = patient_routes()
    document = {"versions": versions, "inline_budget_us": 0}
    with serving(repository, routes, **document) as gateway, Asker(gateway.grpc_address) as calls:
        call = calls.begin(lasting(0.5))
        until(lambda: status(gateway)["versions"]["patient/1"]["running"] == 1)
        call.cancel()
        assert compared(gateway, 1, "wait")["comparison"]["abandoned"] == 1


def test_the_account_goes_on_while_other_parts_change_and_ends_with_the_shadow(repository):
    with serving(repository, shadowed("add/2")) as gateway, Asker(gateway.grpc_address) as calls:
        calls.infer("sum", ROW)
        compared(gateway, 1)
        apply(gateway, {"routes": {**shadowed("add/2"), "more": {"split": {"add/1": 1}}}})
        assert report(gateway)["compared"] == 1
        apply(gateway, {"routes": {"sum": {"split": {"add/1": 1}}}})
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            report(gateway)
        assert "has no shadow" in caught.value.read().decode()
        apply(gateway, {"routes": shadowed("add/2")})
        assert report(gateway)["compared"] == 0


def test_a_shadow_may_not_take_other_requests_than_its_route(repository):
    with serving(repository, shadowed("add/2")) as gateway:
        done = apply(gateway, {"routes": shadowed("gather/1")})
        assert "gather/1 does not fit add/1" in done.reasons["routes.sum"]
        assert report(gateway)["to"] == "add/2"
