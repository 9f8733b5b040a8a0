"""Changes while callers ask: every one moves weights, each twentieth brings a version that is not loaded; no request fails."""

import os
import threading
from itertools import cycle

import pytest

from support import models
from support.ups import up
from support.waiting import until

# `make soak` asks for ten thousand.
APPLIES = int(os.environ.get("TIDEGATE_SOAK_APPLIES", "1000"))
CALLERS = 3
LOADS_EACH = 20


@pytest.mark.timeout(120 + APPLIES)
def test_applies_under_traffic_fail_no_request(tmp_path):
    with up(tmp_path) as running:
        first, *others = (running.register("m", models.add(amount)) for amount in range(1, 5))
        running.apply("sum", (first, 1))
        until(lambda: running.answer("sum") == 1)
        is_over, failed, answered = threading.Event(), [], []

        def ask():
            while not is_over.is_set():
                (answered if running.answer("sum") is not None else failed).append(1)

        callers = [threading.Thread(target=ask) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        # What a change replaces does not stay loaded, so that each that comes has to be.
        coming, second = cycle(others), others[-1]
        try:
            for number in range(APPLIES):
                second = next(coming) if number % LOADS_EACH == 0 else second
                document = {"route": "sum", "split": {first: 1 + number % 7, second: 1 + number % 5}, "keep_warm_s": 0}
                running.registry.apply(running.registry.plan(document).name, reason="soak")
        finally:
            is_over.set()
            for caller in callers:
                caller.join()
        assert answered
        assert not failed
        assert running.registry.verify().broken_entry is None
