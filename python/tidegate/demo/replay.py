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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the gateway said about a flight, and which version said it."""

    version: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A flight with its prediction; the latency is the caller's, in seconds."""

    flight: Flight
    prediction: Prediction
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
        self._versions_of: defaultdict[str, list[str]] = defaultdict(list)
        self._latencies_s: list[float] = []
        self._truths: defaultdict[str, list[bool]] = defaultdict(list)
        self._probabilities: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        match outcome:
            case Failed(reason=reason):
                self.failures[reason] += 1
            case Answered(flight=flight, prediction=prediction, latency_s=latency_s):
                version = prediction.version
                self._requests[version] += 1
                self._latencies_s.append(latency_s)
                self._truths[version].append(flight.is_late)
                self._probabilities[version].append(prediction.probability)
                seen = self._versions_of[flight.tail_number]
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
        return len(self._versions_of)

    @property
    def violations(self) -> int:
        """How many aircraft were answered by more than one version: a sticky split allows none."""
        return sum(len(versions) > 1 for versions in self._versions_of.values())

    def request_count(self, version: str) -> int:
        """How many requests `version` answered."""
        return self._requests[version]

    def request_share(self, version: str) -> float:
        """The part of the answered requests that `version` answered."""
        return _share(self._requests[version], self._requests.total())

    def tail_number_share(self, version: str) -> float:
        """The part of the aircraft that `version` was the first to answer."""
        firsts = Counter(versions[0] for versions in self._versions_of.values())
        return _share(firsts[version], firsts.total())

    def latency_s(self, quantile: float) -> float:
        """The latency that the part `quantile` of the answered requests stayed within."""
        self._latencies_s.sort()
        return nearest_rank(self._latencies_s, quantile)

    def verdicts(self, version: str) -> tuple[list[bool], list[float]]:
        """For each answer of `version`: whether the flight came late, and the probability it was given."""
        return self._truths[version], self._probabilities[version]


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
                done.put(Answered(flight=flight, prediction=answer, latency_s=latency_s))
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
