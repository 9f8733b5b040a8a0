"""Callers that ask as fast as a gateway answers, or as often as they are told: HTTP/2 by hand, in a process of their own.

The answers of one route are looked at one by one: whatever is no answer with `grpc-status: 0` has failed.

As a program: `python -m support.traffic ADDRESS SHARE BODY` finds out how many requests a second are answered when each
answer is followed by the next request, prints that, then asks at a share of that rate, however long answers take, until
its stdin is closed, and prints what became of the requests.
"""

import json
import os
import select
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.flow import Flow
from tidegate.inference import open_inference_pb2 as oip

TESTS = Path(__file__).parents[1]
CONNECTIONS = 4
OUTSTANDING = 64
"""Requests of one connection that wait for their answers at once; more are due, not sent."""
WARM_UP_S, MEASURED_S = 0.5, 2.0
TICK_S = 0.001
PACE_S = 0.001
"""How often those who keep a rate ask: often enough for a gateway to see no waves."""
PATIENCE_S = 60.0
_FIRST_LINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of the requests at a set rate."""

    capacity: float
    """Answers a second, where each is followed by the next request: before, or after if it was less then."""
    seconds: float
    sent: int
    answered: int
    failures: tuple[str, ...]
    """How others ended, of which the first few are told."""

    @property
    def share(self) -> float:
        """The rate of the answers as a part of the capacity."""
        return self.answered / self.seconds / self.capacity


class Callers:
    """A running process of callers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def end(self) -> Answered:
        """Has them wait for the last answers, and says what came of all."""
        out, _ = self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 0, "the callers failed: their stderr says how"
        found = json.loads(out)
        return Answered(**{**found, "failures": tuple(found["failures"])})


def request_for(route: str) -> bytes:
    """A request for a row of nothing."""
    request = oip.ModelInferRequest(model_name=route, raw_input_contents=[bytes(16)])
    request.inputs.add(name="x", datatype="FP32", shape=[1, 4])
    return request.SerializeToString()


@contextmanager
def callers(address: str, route: str, *, share: float) -> Iterator[Callers]:
    """Measures the capacity of a route, and then asks at a share of it for the length of the block."""
    command = [sys.executable, "-m", "support.traffic", address, str(share), request_for(route).hex()]
    process = subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _FIRST_LINE_S)
        assert ready, "the callers have not begun"
        assert process.stdout.readline(), "the callers have not begun: their stderr says why"
        yield Callers(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Load:
    """Connections that ask one thing again and again; one that is to leave is followed by another."""

    def __init__(self, address: str, body: bytes) -> None:
        self._address, self._body = address, body
        self._ready = selectors.DefaultSelector()
        self._all: list[Flow] = []
        self._flows = [self._begin() for _ in range(CONNECTIONS)]

    @property
    def sent(self) -> int:
        return sum(flow.sent for flow in self._all)

    @property
    def answered(self) -> int:
        return sum(flow.answered for flow in self._all)

    @property
    def failures(self) -> list[str]:
        return [failure for flow in self._all for failure in flow.failures]

    @property
    def outstanding(self) -> int:
        return sum(flow.outstanding for flow in self._all)

    def ask(self, due: float = float("inf")) -> None:
        """Sends as many requests as are due, and as there is room for."""
        self._flows = [self._begin() if flow.is_leaving else flow for flow in self._flows]
        for place, flow in enumerate(self._flows):
            share = min(OUTSTANDING - flow.outstanding, (due - self.sent) / (len(self._flows) - place))
            if share >= 1:
                flow.ask(int(share))
        for flow in self._all:
            flow.flush()

    def take(self, most_s: float) -> None:
        """Waits for answers, and takes all that are there."""
        for key, _ in self._ready.select(max(most_s, 0.0)):
            key.data.take()
            if key.data.is_closed:
                self._ready.unregister(key.fileobj)

    def _begin(self) -> Flow:
        flow = Flow(self._address, self._body)
        self._ready.register(flow.socket, selectors.EVENT_READ, flow)
        self._all.append(flow)
        return flow

    def ask_freely(self, for_s: float) -> float:
        """Follows each answer by a request; returns how many were answered a second."""
        begin, before = time.monotonic(), self.answered
        while time.monotonic() < begin + for_s:
            self.ask()
            self.take(TICK_S)
        return (self.answered - before) / (time.monotonic() - begin)

    def ask_at(self, rate: float, until_closed: int) -> float:
        """Asks so many times a second until a file is at its end; returns for how many seconds."""
        self._ready.register(until_closed, selectors.EVENT_READ, _Ending())
        begin, base = time.monotonic(), self.sent
        ending = self._ready.get_key(until_closed).data
        while not ending.is_due:
            now = time.monotonic()
            self.ask(base + rate * (now - begin))
            # Together: one by one, answers would cost the callers what the gateway is to have.
            time.sleep(PACE_S)
            self.take(0.0)
        self._ready.unregister(until_closed)
        return time.monotonic() - begin

    def settle(self) -> None:
        """Takes the last answers."""
        deadline = time.monotonic() + PATIENCE_S / 2
        while self.outstanding and time.monotonic() < deadline:
            self.take(TICK_S)


class _Ending:
    """Nothing is ever written to it: it is readable when it is closed."""

    is_due = False
    is_closed = False

    def take(self) -> None:
        self.is_due = True


def main(address: str, share: float, body: bytes) -> None:
    load = Load(address, body)
    load.ask_freely(WARM_UP_S)
    capacity = load.ask_freely(MEASURED_S)
    load.settle()
    print(json.dumps({"capacity": capacity}), flush=True)
    sent, answered = load.sent, load.answered
    seconds = load.ask_at(share * capacity, sys.stdin.fileno())
    load.settle()
    failures = [*load.failures, *(["no answer came"] * load.outstanding)]
    found = {
        "capacity": capacity,
        "seconds": seconds,
        "sent": load.sent - sent,
        "answered": load.answered - answered,
        "failures": failures[:20],
    }
    if not failures:
        # What a machine can do changes within minutes, most of all where others have a part of it.
        found["capacity"] = min(capacity, load.ask_freely(MEASURED_S))
    print(json.dumps(found), flush=True)
    # Connections are of no use any more; nothing is waited for.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), bytes.fromhex(sys.argv[3]))
