"""What a gateway answers under `/drift/<route>`: windows as comparisons, states, and how each feature went."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tidegate.core.drift import Settings, State, judgement_of
from tidegate.drift.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The newest judged window of one length."""

    length: str
    start_s: int
    end_s: int
    report: Report
    history: Mapping[str, tuple[float | None, ...]]
    """PSI of each feature in the windows that were judged, oldest first."""

    @property
    def span(self) -> str:
        """Its beginning and end in UTC, as short as they are whole."""
        return span_of(self.start_s, self.end_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedRows:
    """Rows that broke one rule of one feature, by what was done."""

    feature: str
    rule: str
    rejected: int
    flagged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What the gate of a version does, and what it has done since the start."""

    mode: str
    """`observe`, `flag` or `reject`."""
    rejected: int
    """Requests."""
    flagged: int
    rows: tuple[GatedRows, ...]
    """The most rows first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A feature that is counted and not judged."""

    name: str
    state: str
    """`unprofiled`: no profile describes it; `moments`: memory has no room for its bins."""
    cells: Mapping[str, Mapping[str, Any]]
    """What was counted in the newest window of each length, with its `start_s` and `end_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedVersion:
    """One version under the route's name, with the profile that it is held against."""

    version: str
    is_served: bool
    """Whether it is counted still; a version that went, or got another profile, is shown for a while."""
    profile_digest: str | None
    """None of a version without a profile."""
    timeless: int
    """Requests that had to say when they happened and did not."""
    late: int
    rows: Mapping[str, int]
    """Rows counted, by how they came to the version."""
    gate: Gate
    windows: tuple[Window, ...]
    """The longest first; none where nothing was judged yet."""
    unjudged: tuple[Unjudged, ...]


def span_of(start_s: int, end_s: int) -> str:
    """Two Unix times in UTC, as short as they are whole."""
    ends = [datetime.fromtimestamp(time, UTC) for time in (start_s, end_s)]
    form = "%Y-%m-%d" if all(end.time() == end.min.time() for end in ends) else "%Y-%m-%d %H:%M"
    return " to ".join(end.strftime(form) for end in ends)


def read_watch(document: Any) -> tuple[WatchedVersion, ...]:
    """The versions of a report, each with its windows.

    Raises:
        KeyError, TypeError, ValueError: It is no such report.
    """
    return tuple(_version(found, settings_of(document)) for found in document["versions"])


def settings_of(document: Any) -> Settings:
    """What the monitor of a report judges by."""
    monitor = document["monitor"]
    return Settings(tolerate_psi=monitor["tolerate_psi"], list_fdr=monitor["list_fdr"])


def _version(found: Mapping[str, Any], settings: Settings) -> WatchedVersion:
    watch = found["watch"] or {"late": 0, "rows": {}, "features": [], "windows": {}, "unjudged": []}
    judged = _windows(watch, found, settings) if watch["features"] else ()
    windows = sorted(judged, key=lambda window: window.start_s - window.end_s)
    return WatchedVersion(
        version=found["version"],
        is_served=found["is_served"],
        profile_digest=found["profile_digest"],
        timeless=found["timeless"],
        late=watch["late"],
        rows=watch["rows"],
        gate=_gate(found["gate"]),
        windows=tuple(windows),
        unjudged=tuple(
            Unjudged(name=feature["feature"], state=feature["state"], cells=feature["windows"])
            for feature in watch["unjudged"]
        ),
    )


def _gate(found: Mapping[str, Any]) -> Gate:
    rows = [
        GatedRows(feature=one["feature"], rule=one["rule"], rejected=one["rejected"], flagged=one["flagged"])
        for one in found["rows"]
    ]
    rows.sort(key=lambda one: one.rejected + one.flagged, reverse=True)
    requests = found["requests"]
    return Gate(mode=found["mode"], rejected=requests["rejected"], flagged=requests["flagged"], rows=tuple(rows))


def _windows(watch: Mapping[str, Any], found: Mapping[str, Any], settings: Settings) -> Iterator[Window]:
    references = [feature["reference"] for feature in watch["features"]]
    names = [feature["feature"] for feature in watch["features"]]
    for length, track in watch["windows"].items():
        if (latest := track["latest"]) is None:
            continue
        judgements = [
            replace(judgement_of(each["finding"], reference, each["cell"]), state=State(each["state"]))
            for each, reference in zip(latest["features"], references, strict=True)
        ]
        series = zip(*(window["psi"] for window in track["history"]), strict=True)
        window = Window(
            length=length,
            start_s=latest["start_s"],
            end_s=latest["end_s"],
            report=Report.of(judgements, settings, reference="its profile", current=found["version"]),
            history=dict(zip(names, series, strict=True)),
        )
        yield window
