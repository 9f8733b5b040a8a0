"""What the year has to show, claim by claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.demo.judged import Counted
from tidegate.demo.offline import differences
from tidegate.demo.year import MINUTES_PER_HOUR, STRANGER, Month, Replayed
from tidegate.drift import CauseKind, Judgement, Report

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A year that was replayed, and the same rows without a gateway."""

    months: Sequence[Replayed]
    tables: Sequence[Report]
    """What `tidegate drift compare` makes of each month."""
    halves: Report
    """One half of a month against the other."""
    halved: Month
    requested_rows: int
    counted: Counted


def broken_claims(year: Year) -> list[str]:
    """A sentence for each thing that is not as it should be."""
    return [*_counts(year), *_equality(year), *_halves(year), *_injections(year)]


def is_listed(judgement: Judgement, report: Report) -> bool:
    """Whether a feature is in the list of its comparison."""
    return judgement.name in [each.name for each in report.drifted]


def _counts(year: Year) -> Iterator[str]:
    if year.counted != Counted(rows=year.requested_rows, misplaced=0):
        yield (
            f"{year.requested_rows:,} flights were asked about; the gateway counted {year.counted.rows:,}, "
            f"{year.counted.misplaced:,} of them not where they belong."
        )


def _equality(year: Year) -> Iterator[str]:
    for replayed, table in zip(year.months, year.tables, strict=True):
        found = differences(replayed.judged.report, table)
        yield from (f"{replayed.month.name} {sentence}." for sentence in found[:MOST_SHOWN])
        if len(found) > MOST_SHOWN:
            yield f"{replayed.month.name} and {len(found) - MOST_SHOWN:,} numbers more."


def _halves(year: Year) -> Iterator[str]:
    for judgement in year.halves.drifted:
        yield f"{judgement.name} is listed between two halves of {year.halved.name}."


def _injections(year: Year) -> Iterator[str]:
    *_, minutes, stranger = (replayed.judged.report for replayed in year.months)
    cause = minutes["dep_hour"].cause
    if cause is None or cause.kind is not CauseKind.UNIT_CHANGE or cause.facts["factor"] != MINUTES_PER_HOUR:
        yield f"Minutes for hours are not named: the cause found for dep_hour is {cause and cause.sentence}."
    carrier = stranger["carrier"]
    is_named = carrier.cause is not None and carrier.cause.kind is CauseKind.NEW_CATEGORY
    if not is_named or carrier.newcomers != (STRANGER,) or not is_listed(carrier, stranger):
        yield f"The carrier {STRANGER} is not named: new are {', '.join(carrier.newcomers) or 'none'}."
