"""What a gateway answers under `/shadow/<route>`: the part of it that people are shown.

The core's `comparison` module says what each number is. Fields that are not named here are left alone, so that a newer
gateway can say more. Numbers are `None` where there is nothing to tell; intervals, `low` to `high`, are 95 % ones.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Bin(NamedTuple):
    """How many requests lie from `low` up to `high`; equal answers are 0 to 0, the highest bin has no end."""

    low: float
    high: float | None
    requests: int


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ErrorRow(_Part):
    """How often the two sides ended with these codes; `OK` is the side that answered."""

    primary: str
    shadow: str
    count: int


class Errors(_Part):
    """Requests that one side, or both, did not answer."""

    primary_only: int
    shadow_only: int
    both_alike: int
    both_different: int
    table: tuple[ErrorRow, ...]


class Flips(_Part):
    """Decisions that the shadow would have made differently, by request and by row."""

    rule: str | None
    requests: int
    flipped: int
    share: float | None
    low: float | None
    high: float | None
    rows: int
    flipped_rows: int


class OutputDifference(_Part):
    """One output over all requests in which it could be compared; differences are `None` for text."""

    name: str
    datatype: str
    requests: int
    unlike: int
    unlike_because: Mapping[str, int]
    max_abs: float | None
    mean_abs: float | None
    mean_abs_low: float | None
    mean_abs_high: float | None
    p50_abs: float | None
    p99_abs: float | None
    p99_rel: float | None
    unequal_rows: int
    rows: int
    abs_histogram: tuple[Bin, ...]


class LatencyRatio(_Part):
    """The shadow's run as a multiple of the primary's."""

    requests: int
    geometric_mean: float | None
    low: float | None
    high: float | None
    p50: float | None
    p99: float | None
    histogram: tuple[Bin, ...]


class Example(_Part):
    """A request to look up in the log; a value is `None` where it is no finite number."""

    prediction_id: str
    output: str
    row: int
    primary: bool | int | float | str | None
    shadow: bool | int | float | str | None
    difference: float | None = None


class Comparison(_Part):
    """How the answers of one shadow differ from the primary's."""

    pairs: int
    abandoned: int
    unreadable: int
    errors: Errors
    flips: Flips
    outputs: tuple[OutputDifference, ...]
    latency_ratio: LatencyRatio
    worst: tuple[Example, ...]
    flipped_examples: tuple[Example, ...]


class Shadow(_Part):
    """One shadow: how many requests were sampled, how many were dropped and why, and how the rest compares."""

    to: str
    share_bp: int
    sampled: int
    compared: int
    dropped: Mapping[str, int]
    since_s: float
    comparison: Comparison


class Report(_Part):
    """All shadows of a route."""

    route: str
    epoch: int
    shadows: tuple[Shadow, ...]
