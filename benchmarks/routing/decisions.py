"""What a decision costs, alone, with ten conditions, and among ten thousand routes.

All of it comes from `rust/core/examples/decide.rs`, which makes routes from a document as a gateway does. Instructions
are counted by callgrind in two runs of different lengths, so that the start of the program cancels out.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.routing.figure import Limit, Outcome, Row, Stage, UntrustworthyError, spread

# 2026-11-26: 296 instructions with rustc 1.95 on x86-64, the loop around the decision and the digits of the next key
# included; a tenth more is taken for a change.
PLAIN_INSTRUCTIONS = Limit(bound=325)
PLAIN_NS = Limit(bound=300)
TEN_CONDITIONS_NS = Limit(bound=2_000)
MANY_BUILT_S = Limit(bound=1.0)
MANY_TO_FEW = Limit(bound=1.3)

# Long enough that the variance of the start (seeds of hash maps, page faults) is below one instruction a decision.
COUNTED = (20_000, 220_000)
TIMED = 3_000_000
TIMED_QUICKLY = 500_000
# Runs of each scenario; the best stands, because whatever disturbs a run makes it slower.
ROUNDS = 7
LIMIT_S = 600
# Each scenario splits 90/10, so that the decisions can be checked from the outside.
SECOND_ARM = (0.095, 0.105)


def plain(stage: Stage) -> Outcome:
    """A decision of a route without conditions."""
    timed = _timed(stage, "plain")
    return Outcome(
        rows=[
            _counted(stage, "plain", "a decision, no conditions", PLAIN_INSTRUCTIONS),
            _best(timed, "a decision, no conditions", PLAIN_NS),
        ],
        details={"plain": timed},
    )


def ten_conditions(stage: Stage) -> Outcome:
    """A decision behind ten segments that do not match."""
    rows: list[Row] = []
    details: dict[str, Any] = {}
    for scenario, what in (("missing", "ten conditions, keys missing"), ("other", "ten conditions, other values")):
        details[scenario] = _timed(stage, scenario)
        rows.append(_counted(stage, scenario, what, None))
        rows.append(_best(details[scenario], what, TEN_CONDITIONS_NS))
    return Outcome(rows=rows, details=details)


def many_routes(stage: Stage) -> Outcome:
    """Ten thousand routes of ten segments each: to make them, and to decide among them."""
    timed: dict[str, list[Timed]] = {"few": [], "many": [], "hot": []}
    for _ in range(_rounds(stage)):
        for scenario, runs in timed.items():
            runs.append(_run(stage, scenario))
    built = [run.built_s for run in timed["many"]]
    rows = [
        Row(
            what="10,000 routes made", value=median(built), unit="s", digits=2, spread=spread(built), limit=MANY_BUILT_S
        )
    ]
    if not stage.is_quick:
        ratio = _instructions(stage, "many") / _instructions(stage, "few")
        rows.append(Row(what="instructions, 10,000 routes / 10", value=ratio, unit="x", digits=2, limit=MANY_TO_FEW))
    rows.append(_best(timed["few"], "a decision among 10 routes"))
    rows.append(_best(timed["many"], "a decision among 10,000 routes"))
    few = _ns(timed["few"])
    for scenario, what in (("hot", "time, ten asked of 10,000 / 10"), ("many", "time, all asked of 10,000 / 10")):
        many = _ns(timed[scenario])
        pairs = [mine / theirs for mine, theirs in zip(many, few, strict=True)]
        ratio = min(many) / min(few)
        rows.append(Row(what=what, value=ratio, unit="x", digits=2, spread=spread(pairs), limit=MANY_TO_FEW))
    remark = (
        "routes: a decision among 10,000 takes the same instructions; what it takes longer when all are asked in no "
        "order is cache misses, because the routes do not fit into the cache"
    )
    return Outcome(rows=rows, remarks=[remark], details=timed)


def rust_version() -> str:
    """The compiler that the counted instructions are of."""
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One run of the example: nanoseconds of a decision, and what it took to make the routes."""

    decision_ns: float
    parse_s: float
    revise_s: float
    compile_s: float

    @property
    def built_s(self) -> float:
        """From the document to what requests meet."""
        return self.parse_s + self.revise_s + self.compile_s


def _rounds(stage: Stage) -> int:
    return 3 if stage.is_quick else ROUNDS


def _timed(stage: Stage, scenario: str) -> list[Timed]:
    return [_run(stage, scenario) for _ in range(_rounds(stage))]


def _ns(timed: list[Timed]) -> list[float]:
    return [run.decision_ns for run in timed]


def _best(timed: list[Timed], what: str, limit: Limit | None = None) -> Row:
    values = _ns(timed)
    return Row(what=what, value=min(values), unit="ns", spread=spread(values), limit=limit)


def _counted(stage: Stage, scenario: str, what: str, limit: Limit | None) -> Row:
    return Row(what=what, value=_instructions(stage, scenario), unit="instructions", digits=0, limit=limit)


def _run(stage: Stage, scenario: str) -> Timed:
    seen = _decide([], stage.decide, scenario, TIMED_QUICKLY if stage.is_quick else TIMED)
    return Timed(
        decision_ns=seen["seconds"] / seen["decisions"] * 1e9,
        parse_s=seen["parse_s"],
        revise_s=seen["revise_s"],
        compile_s=seen["compile_s"],
    )


def _instructions(stage: Stage, scenario: str) -> float:
    """Instructions of one decision."""
    if shutil.which("valgrind") is None:
        raise UntrustworthyError("valgrind is not installed (Debian: apt-get install valgrind)")
    few, many = COUNTED
    counts: list[int] = []
    for count in (few, many):
        profile = stage.tools.work / f"callgrind.{scenario}.{count}"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]
        _decide(command, stage.decide, scenario, count)
        total = re.search(r"^totals: (\d+)$", profile.read_text(), re.MULTILINE)
        if total is None:
            raise UntrustworthyError(f"callgrind counted nothing in {scenario}")
        counts.append(int(total[1]))
    return (counts[1] - counts[0]) / (many - few)


def _decide(prefix: list[str], decide: Path, scenario: str, count: int) -> dict[str, Any]:
    command = [*prefix, str(decide), scenario, str(count)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UntrustworthyError(f"the example `decide` could not be run: {error}") from error
    if done.returncode != 0:
        raise UntrustworthyError(f"the example `decide` failed: {done.stderr.strip()[-500:]}")
    seen: dict[str, Any] = json.loads(done.stdout)
    share = seen["second_arm"] / seen["decisions"]
    if not SECOND_ARM[0] <= share <= SECOND_ARM[1]:
        raise UntrustworthyError(f"{share:.2%} of the decisions of {scenario} chose the second arm instead of 10 %")
    return seen
