"""Changes while callers ask: every one moves weights, each twentieth brings a version that is not loaded; no request fails."""

import os
import re
import time
from itertools import cycle

import pytest

from support import models
from support.traffic import callers
from support.ups import up
from support.waiting import until

# `make soak` asks for ten thousand.
APPLIES = int(os.environ.get("TIDEGATE_SOAK_APPLIES", "1000"))
LOADS_EACH = 20
MOST_A_SECOND = 5
LEAST_SHARE = 0.5
ASKED_SHARE = 0.65
"""More than has to be shown: callers that share two cores with all the rest fall behind now and then."""


@pytest.mark.timeout(240 + APPLIES)
def test_applies_under_traffic_fail_no_request(tmp_path):
    """Callers ask at half of what the gateway can answer, or more, while its route changes five times a second.

    The capacity is that of this machine now, with callers, gateway and registry on the same cores: what the callers take
    is missing from what the gateway has. At half of it the other half is all that changes and loads can have, and changes
    without a pause would take more.
    """
    with up(tmp_path) as running:
        first, *others = (running.register("m", models.add(amount)) for amount in range(1, 5))
        running.apply("sum", (first, 1))
        until(lambda: running.answer("sum") == 1)
        # What a change replaces does not stay loaded, so that each that comes has to be.
        coming, second = cycle(others), others[-1]
        with callers(running.grpc, "sum", share=ASKED_SHARE) as asking:
            begun = time.monotonic()
            for number in range(APPLIES):
                second = next(coming) if number % LOADS_EACH == 0 else second
                document = {"route": "sum", "split": {first: 1 + number % 7, second: 1 + number % 5}, "keep_warm_s": 0}
                done = running.registry.apply(running.registry.plan(document).name, reason="soak")
                assert done.route.serving.state == "served", done.route.serving.reason
                time.sleep(max(0.0, begun + (number + 1) / MOST_A_SECOND - time.monotonic()))
            took_s = time.monotonic() - begun
            answered = asking.end()
        print(
            f"{APPLIES / took_s:.1f} applies/s beside {answered.answered / answered.seconds:,.0f} of at most", end=" "
        )
        print(f"{answered.capacity:,.0f} answers/s")
        assert answered.failures == ()
        assert answered.answered == answered.sent
        assert answered.seconds > 0.99 * took_s, "they asked all the time"
        assert answered.share >= LEAST_SHARE
        loads = len(re.findall(r' load version="m/[234]"', running.log))
        assert loads >= APPLIES // LOADS_EACH
        assert running.registry.verify().broken_entry is None


def test_callers_whose_requests_fail_say_so(tmp_path):
    """What the claim above rests on: an answer that is none is counted, and told."""
    with up(tmp_path) as running:
        version = running.register("m", models.add(1))
        running.apply("sum", (version, 1))
        with callers(running.grpc, "sum", share=0.1) as asking:
            running.registry.quarantine(version, reason="test")
            until(lambda: running.answer("sum") is None)
            answered = asking.end()
        assert answered.answered < answered.sent
        assert answered.failures
        assert {failure.partition(":")[0] for failure in answered.failures} == {"grpc-status 5"}


def test_callers_whose_gateway_is_gone_say_so(tmp_path):
    with up(tmp_path) as running:
        running.apply("sum", (running.register("m", models.add(1)), 1))
        with callers(running.grpc, "sum", share=0.1) as asking:
            running.kill()
            with pytest.raises(AssertionError, match="the callers failed"):
                asking.end()
