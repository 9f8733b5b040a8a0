"""A shadow report for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cli.output import plain_table, printable, span
from tidegate.cli.shadow_report import (
    Comparison,
    Errors,
    Example,
    Flips,
    LatencyRatio,
    OutputDifference,
    Report,
    Shadow,
)

MOST_EXAMPLES = 5
NOTHING = "-"


def show(report: Report, console: Console) -> None:
    """Print what is known of every shadow."""
    for at, shadow in enumerate(report.shadows):
        if at:
            console.print()
        for part in _shadow(report, shadow):
            console.print(part)


def number(value: float | None) -> str:
    """Three significant digits, and no power of ten where people count."""
    match value:
        case None:
            return NOTHING
        case 0:
            return "0"
        case _ if 1000 <= abs(value) < 1e9:  # noqa: PLR2004  # from here to there, digits are easier to read
            return f"{value:,.0f}"
        case _:
            # The dot is what `#` leaves behind a number without decimals.
            return f"{value:#.3g}".rstrip(".")


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return NOTHING if share is None else f"{number(100 * share)} %"


def interval(low: str, high: str) -> str:
    """A 95 % interval; nothing where there is none."""
    return "" if NOTHING in (low, high) else f"[{low}, {high}]"


def _shadow(report: Report, shadow: Shadow) -> Iterator[RenderableType]:
    comparison = shadow.comparison
    yield _heading(report, shadow)
    yield ""
    if not comparison.pairs:
        yield Text("Nothing has been compared yet.", style="dim")
        return
    if comparison.outputs:
        yield _outputs(comparison.outputs)
        yield Text("p50 and p99 are over requests, of the largest |Δ| in each", style="dim")
        yield from _unlike(comparison.outputs)
    yield ""
    yield _facts(comparison)
    yield from _examples("largest differences", comparison.worst, with_difference=True)
    yield from _examples("latest flips", comparison.flipped_examples, with_difference=False)


def _heading(report: Report, shadow: Shadow) -> Text:
    dropped = _counts(shadow.dropped)
    return Text.assemble(
        (printable(report.route), "bold"),
        (" ⇢ ", "dim"),
        (printable(shadow.to), "bold cyan"),
        (f"  {shadow.share_bp / 100:g} % of requests for {span(shadow.since_s)}, epoch {report.epoch}\n", "dim"),
        f"{shadow.sampled:,} sampled · {shadow.compared:,} compared · ",
        f"dropped: {dropped}" if dropped else "none dropped",
    )


def _outputs(outputs: Sequence[OutputDifference]) -> Table:
    table = _table()
    table.add_column("output", overflow="fold", min_width=11)
    table.add_column("", style="dim")
    for heading in ("requests", "max |Δ|", "mean |Δ|", "95 %", "p50", "p99", "p99 rel.", "unequal"):
        table.add_column(heading, justify="left" if heading == "95 %" else "right", overflow="fold")
    for output in outputs:
        share = output.unequal_rows / output.rows if output.rows else None
        table.add_row(
            Text(printable(output.name), style="cyan"),
            Text(printable(output.datatype)),
            f"{output.requests:,}",
            number(output.max_abs),
            number(output.mean_abs),
            interval(number(output.mean_abs_low), number(output.mean_abs_high)),
            number(output.p50_abs),
            number(output.p99_abs),
            percent(output.p99_rel),
            percent(share),
        )
    return table


def _unlike(outputs: Sequence[OutputDifference]) -> Iterator[RenderableType]:
    for output in outputs:
        if output.unlike:
            why = _counts(output.unlike_because)
            yield Text.assemble(
                ("! ", "yellow"),
                (printable(output.name), "cyan"),
                f" could not be compared in {output.unlike:,} {_plural('request', output.unlike)}: {why}",
            )


def _facts(comparison: Comparison) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("flips", _flips(comparison.flips))
    table.add_row("errors", _errors(comparison.errors))
    table.add_row("latency", _latency(comparison.latency_ratio))
    left_out = {"abandoned": comparison.abandoned, "unreadable": comparison.unreadable}
    if any(left_out.values()):
        table.add_row("left out", _counts(left_out))
    return table


def _flips(flips: Flips) -> Text:
    rule = printable(flips.rule or "")
    if not flips.requests:
        return Text(f"no request could be judged by {rule}" if rule else "no output stands for a decision", style="dim")
    return Text.assemble(
        (percent(flips.share), "bold red" if flips.flipped else "bold green"),
        f" {interval(percent(flips.low), percent(flips.high))} of requests: "
        f"{flips.flipped:,} of {flips.requests:,} by {rule}; {flips.flipped_rows:,} of {flips.rows:,} rows",
    )


def _errors(errors: Errors) -> Text:
    kinds = {
        "only the shadow": errors.shadow_only,
        "only the primary": errors.primary_only,
        "both alike": errors.both_alike,
        "both, differently": errors.both_different,
    }
    if not any(kinds.values()):
        return Text("none on either side", style="green")
    rows = sorted(errors.table, key=lambda row: -row.count)
    pairs = [f"{printable(row.primary)} ⇢ {printable(row.shadow)} {row.count:,}" for row in rows]
    return Text.assemble(_counts(kinds), ("\n" + "\n".join(pairs), "dim"))


def _latency(ratio: LatencyRatio) -> Text:
    if not ratio.requests:
        return Text("nothing to compare", style="dim")
    return Text.assemble(
        (number(ratio.geometric_mean), "bold"),
        f" {interval(number(ratio.low), number(ratio.high))} times the primary's (geometric mean)",
        f" · p50 {number(ratio.p50)} · p99 {number(ratio.p99)}",
    )


def _examples(title: str, examples: Sequence[Example], *, with_difference: bool) -> Iterator[RenderableType]:
    if not examples:
        return
    table = _table()
    table.add_column("prediction id", overflow="fold")
    table.add_column("output", overflow="fold")
    for heading in ("row", "primary", "shadow", *(["|Δ|"] if with_difference else [])):
        table.add_column(heading, justify="right", overflow="fold")
    for example in examples[:MOST_EXAMPLES]:
        table.add_row(
            Text(printable(example.prediction_id)),
            Text(printable(example.output), style="cyan"),
            f"{example.row:,}",
            _value(example.primary),
            _value(example.shadow),
            *([number(example.difference)] if with_difference else []),
        )
    yield ""
    yield Text(title, style="bold")
    yield table


def _table() -> Table:
    """A plain table with its columns closer together: there are ten of them."""
    table = plain_table()
    table.collapse_padding = True
    return table


def _value(value: bool | float | str | None) -> Text:
    if value is None:
        return Text("not finite", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.6g}")
    return Text(printable(str(value)))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {printable(name)}" for name, count in counts.items() if count)


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
