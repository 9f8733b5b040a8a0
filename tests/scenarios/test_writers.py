"""Eight who change one route at once: one wins, seven are told, in the journal too, and the gateway serves what won."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest

from support import models
from support.ups import up
from tidegate.client.registry import Registry
from tidegate.errors import ChangeConflict

WRITERS = 8
ROUNDS = 10


@pytest.fixture
def running(tmp_path):
    """A route, and a version for each writer, which adds its number."""
    with up(tmp_path) as running:
        for number in range(1, WRITERS + 1):
            running.register("m", models.add(number))
        running.apply("sum", ("m/1", 1))
        yield running


@pytest.fixture
def at_once(running):
    """Does something as each writer, who has a connection of its own, at once; returns what came of each."""
    barrier = threading.Barrier(WRITERS)
    token_file = running.folder / "tidegate-data" / "owner.token"
    with ExitStack() as stack:
        writers = [stack.enter_context(Registry(running.admin, token_file=token_file)) for _ in range(WRITERS)]
        pool = stack.enter_context(ThreadPoolExecutor(WRITERS))

        def one(writer, change):
            # Connected before the others are let go as well.
            writer.route("sum")
            barrier.wait(60)
            try:
                return change(writer)
            except ChangeConflict as conflict:
                return conflict

        yield lambda changes: list(pool.map(one, writers, changes))


def told_apart(outcomes):
    """Who won, and the reasons of those who did not."""
    winners = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, ChangeConflict)]
    return winners, [outcome.reason for outcome in outcomes if isinstance(outcome, ChangeConflict)]


def outcomes_in_journal(running, action):
    """Of the newest entries as many as there are writers: who was not refused, and who was."""
    entries = running.registry.journal(limit=WRITERS)
    assert {entry.action for entry in entries} == {action}
    refused = [entry for entry in entries if entry.is_refused]
    return len(entries) - len(refused), len(refused)


def test_of_eight_applies_on_one_head_one_wins(running, at_once):
    for number in range(ROUNDS):
        before = running.registry.route("sum")
        # What is kept warm differs from round to round, so that whoever wins changes something.
        route = {"route": "sum", "keep_warm_s": 1 + number}
        plans = [running.registry.plan({**route, "split": {f"m/{version}": 1}}) for version in range(1, WRITERS + 1)]
        outcomes = at_once([lambda writer, plan=plan: writer.apply(plan.name, reason="race") for plan in plans])
        [winner], reasons = told_apart(outcomes)
        assert reasons == ["PLAN_STALE"] * (WRITERS - 1)
        assert outcomes_in_journal(running, "routes.apply") == (1, WRITERS - 1)
        after = running.registry.route("sum")
        assert after.revision == outcomes[winner].route.revision == before.revision + 1
        assert after.serving.state == "served"
        assert running.answer("sum") == 1 + winner
    assert running.registry.verify().broken_entry is None


def test_of_eight_rollbacks_from_one_etag_one_wins(running, at_once):
    for number in (2, 3, 4):
        running.apply("sum", (f"m/{number}", 1), release_hold=True)
    for number in range(ROUNDS):
        seen = running.registry.route("sum").etag
        to = 1 + number % 3
        outcomes = at_once([partial(Registry.rollback, route="sum", to=to, reason="race", etag=seen)] * WRITERS)
        [winner], reasons = told_apart(outcomes)
        assert reasons == ["ETAG_STALE"] * (WRITERS - 1)
        assert outcomes_in_journal(running, "routes.rollback") == (1, WRITERS - 1)
        assert outcomes[winner].route.revision == to
        assert running.answer("sum") == to
    assert running.registry.verify().broken_entry is None
