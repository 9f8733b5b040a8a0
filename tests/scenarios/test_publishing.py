"""What a gateway is told of a registry: the parts that have changed, of which one that is refused harms no other."""

import json

from support import models
from support.asking import Asker
from support.ups import ROW, up
from support.waiting import until

THREADS = 8
"""Inside of an operator: more than a gateway that was started without such a version has."""


def applied(running, document):
    """How far the gateway is with a document that was applied."""
    plan = running.registry.plan(document)
    return running.registry.apply(plan.name, reason="test").route.serving


def test_what_a_running_gateway_cannot_take_up_is_refused_by_name_and_nothing_waits_for_it(tmp_path):
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        running.apply("other", (one, 1))
        wide = {"route": "sum", "split": {two: 1}, "versions": {two: {"intra_op_threads": THREADS}}}
        refused = applied(running, wide)
        assert refused.state == "refused"
        assert "the pool that all versions share" in refused.reason
        assert running.answer("sum") == 1, "it has what it had"
        assert running.apply("other", (one, 1), (two, 3)).route.serving.state == "served"
        assert running.registry.rollback("other", to=1, reason="test").route.serving.state == "served"
        assert running.registry.route("sum").serving.state == "refused", "it is still said"
        assert running.registry.rollback("sum", to=1, reason="test").route.serving.state == "served"
    with up(tmp_path) as again:
        assert again.apply("sum", (one, 1), (two, 1), release_hold=True).route.serving.state == "served"


def test_an_answer_names_the_epoch_of_its_snapshot_also_where_its_route_did_not_change(tmp_path):
    with up(tmp_path) as running, Asker(running.grpc) as calls:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        running.apply("other", (one, 1))
        before = _epoch(calls)
        running.apply("other", (two, 1))
        until(lambda: _epoch(calls) == before + 1, what="the change of another route is a snapshot of its own")


def _epoch(calls):
    return calls.infer("sum", {"x": ROW}).parameters["tidegate_epoch"].int64_param


def test_what_is_served_after_many_parts_is_what_a_new_gateway_reads(tmp_path):
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        for weight in range(1, 6):
            running.apply("sum", (one, weight), (two, 1))
            running.apply(f"r{weight}", (two, weight), (one, 1))
        running.registry.quarantine(two, reason="test")
        until(lambda: two not in json.dumps(_applied(tmp_path)["routes"]), what="the version is out of every route")
        parts = _applied(tmp_path)
    with up(tmp_path):
        whole = _applied(tmp_path)
    assert set(whole["routes"]) == {"sum", *(f"r{weight}" for weight in range(1, 6))}
    assert whole["routes"] == parts["routes"]


def _applied(folder):
    found = json.loads((folder / "tidegate-data/gateway/state/applied.json").read_text())
    assert found["epoch"] > 1
    return found
