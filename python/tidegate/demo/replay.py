"""The replay: flights asked about one by one, by several callers at once, and the tally of what came back."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

from tidegate.demo.flights import Flight

SPLIT = "split"
"""The reason of answers that the sticky split decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the gateway said about a flight, which version said it, why that one, and under which snapshot."""

    version: str
    probability: float
    reason: str = SPLIT
    epoch: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A flight with its prediction; the latency is the caller's, in seconds."""

    flight: Flight
    prediction: Prediction
    begun_s: float
    """When it was asked about, by the clock that `time.perf_counter` reads."""
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A flight without a prediction, and why."""

    flight: Flight
    reason: str


Outcome = Answered | Failed
T = TypeVar("T")


def replay(
    flights: Sequence[Flight], ask: Callable[[Flight], Prediction | str], *, callers: int, tick_s: float
) -> Generator[list[Outcome], None, None]:
    """Ask about every flight, in order, from `callers` threads; yield every `tick_s` what has come back since.

    `ask` answers with a prediction, or with the reason why there is none. What it raises ends the replay. Closing
    the iterator ends it too, after the requests under way.
    """
    ahead: SimpleQueue[Flight] = SimpleQueue()
    for flight in flights:
        ahead.put(flight)
    done: SimpleQueue[Outcome] = SimpleQueue()
    is_over = Event()
    with ThreadPoolExecutor(callers, thread_name_prefix="caller") as pool:
        try:
            running = {pool.submit(_ask_all, ahead, done, ask, is_over) for _ in range(callers)}
            while running:
                ended, running = wait(running, timeout=tick_s)
                for caller in ended:
                    caller.result()
                yield list(_drain(done))
        finally:
            is_over.set()


class Tally:
    """What has come back so far: counts, shares, latencies. Fed by one thread."""

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()
        self._owners: defaultdict[int, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._tail_numbers: set[str] = set()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._latencies_s: list[float] = []

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        match outcome:
            case Failed(reason=reason):
                self.failures[reason] += 1
            case Answered(flight=flight, prediction=prediction, latency_s=latency_s):
                version = prediction.version
                self._requests[version] += 1
                self._latencies_s.append(latency_s)
                self.reasons[version, prediction.reason] += 1
                self._tail_numbers.add(flight.tail_number)
                if prediction.reason == SPLIT:
                    seen = self._owners[prediction.epoch][flight.tail_number]
                    if version not in seen:
                        seen.append(version)

    @property
    def failed(self) -> int:
        """How many requests got no prediction."""
        return self.failures.total()

    @property
    def requests(self) -> int:
        """How many requests came to an end, well or not."""
        return self._requests.total() + self.failed

    @property
    def tail_numbers(self) -> int:
        """How many different aircraft were asked about and answered."""
        return len(self._tail_numbers)

    @property
    def violations(self) -> int:
        """How many aircraft were answered by more than one version under one snapshot: a sticky split allows none."""
        return sum(len(versions) > 1 for owners in self._owners.values() for versions in owners.values())

    def owners(self, epochs: range) -> dict[str, str]:
        """The version that each aircraft was first answered by, of those that the split dealt in these epochs."""
        found: dict[str, str] = {}
        for epoch in sorted(epoch for epoch in self._owners if epoch in epochs):
            for tail_number, versions in self._owners[epoch].items():
                found.setdefault(tail_number, versions[0])
        return found

    def request_count(self, version: str) -> int:
        """How many requests `version` answered."""
        return self._requests[version]

    def request_share(self, version: str) -> float:
        """The part of the answered requests that `version` answered."""
        return _share(self._requests[version], self._requests.total())

    def tail_number_share(self, version: str, epochs: range) -> float:
        """The part of the aircraft that the split gave to `version` in these epochs."""
        owners = Counter(self.owners(epochs).values())
        return _share(owners[version], owners.total())

    def latency_s(self, quantile: float) -> float:
        """The latency that the part `quantile` of the answered requests stayed within."""
        self._latencies_s.sort()
        return nearest_rank(self._latencies_s, quantile)


def nearest_rank(ordered: Sequence[float], quantile: float) -> float:
    """The smallest of the `ordered` values that at least the part `quantile` does not exceed; 0 for no values."""
    if not ordered:
        return 0.0
    at_least = -(-len(ordered) * quantile // 1)  # rounded up
    return ordered[max(int(at_least), 1) - 1]


def _ask_all(
    ahead: SimpleQueue[Flight],
    done: SimpleQueue[Outcome],
    ask: Callable[[Flight], Prediction | str],
    is_over: Event,
) -> None:
    try:
        for flight in _drain(ahead):
            started_s = time.perf_counter()
            answer = ask(flight)
            latency_s = time.perf_counter() - started_s
            if isinstance(answer, Prediction):
                done.put(Answered(flight=flight, prediction=answer, begun_s=started_s, latency_s=latency_s))
            else:
                done.put(Failed(flight=flight, reason=answer))
            if is_over.is_set():
                return
    except BaseException:
        is_over.set()  # the other callers stop as well
        raise


def _drain(queue: SimpleQueue[T]) -> Iterator[T]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
