"""Commands that are typed while flights are asked about, and who answered before, during and after each of them."""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from tidegate.demo import acts
from tidegate.demo.flights import Flight
from tidegate.demo.replay import Answered, Prediction, Tally, replay

CALLERS = 4  # as in April
REQUESTS_BETWEEN = 500
"""Answered between one command and the next: some tenths of a second."""
TICK_S = 0.05
DEEDS = 2  # weights are shifted, and taken back


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """When a command began and when it had ended, by the clock of the requests."""

    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came back while commands were typed."""

    tally: Tally
    deeds: int
    windows: Sequence[Counter[str]]
    """Who answered the requests that began before the first command, while it ran, after it, and so on."""


def ask_during(
    flights: Sequence[Flight],
    ask: Callable[[Flight], Prediction | str],
    commands: Sequence[Callable[[], None]],
    *,
    between: int = REQUESTS_BETWEEN,
) -> Load:
    """Ask about flights, in order, and run each command once so many requests that began after the last one are answered.

    Ends so many requests after the last command, or with the flights: then there are fewer deeds than commands.
    """
    tally = Tally()
    answers: list[tuple[float, str]] = []
    deeds: list[Deed] = []
    since_s, since = 0.0, 0
    with closing(replay(flights, ask, callers=CALLERS, tick_s=TICK_S)) as outcomes:
        for batch in outcomes:
            for outcome in batch:
                tally.add(outcome)
                if isinstance(outcome, Answered):
                    answers.append((outcome.begun_s, outcome.prediction.version))
                    since += outcome.begun_s >= since_s
            if since < between:
                continue
            if len(deeds) == len(commands):
                break
            began_s = time.perf_counter()
            commands[len(deeds)]()
            since_s, since = time.perf_counter(), 0
            deeds.append(Deed(began_s=began_s, ended_s=since_s))
    return Load(tally=tally, deeds=len(deeds), windows=windows_of(answers, deeds))


def windows_of(answers: Iterable[tuple[float, str]], deeds: Sequence[Deed]) -> list[Counter[str]]:
    """Who answered in each window: before the first deed, during it, after it, and so on.

    Args:
        answers: When each request began, and the version that answered it.
        deeds: One after another.
    """
    ends = [moment for deed in deeds for moment in (deed.began_s, deed.ended_s)]
    found: list[Counter[str]] = [Counter() for _ in range(len(ends) + 1)]
    for begun_s, version in answers:
        found[bisect_right(ends, begun_s)][version] += 1
    return found


def broken_claims(load: Load) -> Iterator[str]:
    """A sentence for each thing that is not as it should be when weights were shifted and then taken back."""
    for reason, count in load.tally.failures.most_common(3):
        yield f"{count:,} requests failed with {reason}"
    if load.deeds < DEEDS or not load.windows[-1]:
        yield "The flights were over before the rollback was, so nothing was seen of it."
        return
    before, _, between, _, after = load.windows
    if before[acts.CANDIDATE]:
        yield f"{acts.CANDIDATE} answered {before[acts.CANDIDATE]:,} requests before it had a share."
    if not between[acts.CANDIDATE]:
        yield f"{acts.CANDIDATE} answered nothing while it had a share, so the rollback took nothing back."
    if after[acts.CANDIDATE]:
        yield f"{acts.CANDIDATE} answered {after[acts.CANDIDATE]:,} requests that began after the rollback had returned."
