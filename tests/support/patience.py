"""A gateway around the model that runs as long as it is asked to: one run at a time, so that the next request waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from support.asking import Asker, asked
from support.gateway import Gateway, start_gateway
from support.waiting import until
from support.watching import queue
from tidegate.inference import open_inference_pb2 as messages

PATIENT = "patient/1"
# Products of matrices in about a second of one processor.
ROUNDS_A_SECOND = 3000


@contextmanager
def patient_gateway(models: Path, *, queue: dict[str, int] | None = None, **document: Any) -> Iterator[Gateway]:
    """A gateway whose model `patient` runs one request at a time and never on a thread that reads."""
    version = {"batching": "off", "instances": 1, "queue": queue or {}}
    with start_gateway({"versions": {PATIENT: version}, "inline_budget_us": 0, **document}, models) as gateway:
        yield gateway


def lasting(seconds: float, **fields: Any) -> messages.ModelInferRequest:
    """A request that runs for about so long."""
    return asked("patient", {"x": np.float32([[seconds * ROUNDS_A_SECOND]])}, **fields)


def begin_and_wait(gateway: Gateway, calls: Asker, seconds: float, **more: Any) -> Any:
    """A request that has begun to run when this returns."""
    call = calls.begin(lasting(seconds), **more)
    until(lambda: queue(gateway, PATIENT)[1] == 1, what="the request runs")
    return call


def begin_and_queue(gateway: Gateway, calls: Asker, count: int = 1, *, timeout: float = 60, **fields: Any) -> list[Any]:
    """Requests that wait behind one that runs when this returns."""
    before = queue(gateway, PATIENT)[0]
    begun = [calls.begin(lasting(0, **fields), timeout) for _ in range(count)]
    until(lambda: queue(gateway, PATIENT)[0] == before + count, what="the requests wait")
    return begun
