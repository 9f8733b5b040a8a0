"""What ten conditions cost a server: one whose route asks them, beside one without."""

from benchmarks import measure
from benchmarks.cells import Bar, Cell
from benchmarks.models import TINY
from benchmarks.routing.figure import Limit, Outcome, Row, Stage
from benchmarks.servers import Tidegate, sticky_route

SHARE = 0.9
SEGMENTS = 10
CELL = Cell(name="conditions", route="tiny", model=TINY, connections=64, streams=1, bar=Bar.THROUGHPUT, ratio=SHARE)
SPLIT = {f"{TINY.name}/1": 90, f"{TINY.name}/2": 10}


def throughput(stage: Stage) -> Outcome:
    """Requests a second and CPU per request of `tiny`, 64 x 1, with ten conditions whose keys no request has."""
    asking = sticky_route(SPLIT, segments=[_segment(number) for number in range(SEGMENTS)])
    work = stage.tools.work
    with (
        Tidegate(
            stage.tidegate, stage.repository, work, name="ten-conditions", fields={"routes": {"tiny": asking}}
        ) as subject,
        Tidegate(
            stage.tidegate,
            stage.repository,
            work,
            name="no-conditions",
            fields={"routes": {"tiny": sticky_route(SPLIT)}},
        ) as reference,
    ):
        result = measure.measure(CELL, subject, reference, stage.tools, stage.effort)
    limits = (SHARE * measure.THROUGHPUT_TOLERANCE, SHARE)
    seen = ((result.throughput, "req/s"), (result.cpu, "CPU per request"))
    rows = [
        Row(
            what=f"{word}, ten conditions / none",
            value=ratio.median,
            unit="x",
            digits=2,
            spread=(ratio.least, ratio.most),
            limit=Limit(bound=limit, is_floor=True),
        )
        for (ratio, word), limit in zip(seen, limits, strict=True)
    ]
    return Outcome(rows=rows, remarks=measure.disturbances(result), details={"runs": result.runs})


def _segment(number: int) -> dict[str, object]:
    place = f'metadata["x-group-{number}"]' if number % 2 == 0 else f"params.group_{number}"
    return {"name": f"group-{number}", "when": f'{place} == "chosen"', "split": {f"{TINY.name}/2": 1}}
