"""`make demo`: train models, serve them, replay a month of flights under changes, then a year that is watched, then releases."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tidegate.client import Client
from tidegate.demo import acts, gateway, training, watched
from tidegate.demo.acts import ACTS, WATCHED, Act
from tidegate.demo.flights import ARCHIVE, Flight, fetch_archive, read_flights
from tidegate.demo.moves import Moves, compare, tables
from tidegate.demo.registry import Material
from tidegate.demo.releases import play_releases
from tidegate.demo.replay import SPLIT, Prediction, Tally, replay
from tidegate.demo.scores import areas_under_curve
from tidegate.demo.view import ArmResult, Moment, asked_shares, closing_tables, moves_table, showing
from tidegate.errors import RequestError, TidegateError

TOP = Path(__file__).parents[3]
ARCHIVES = TOP / ".cache" / "data"
LOCK = TOP / ".locks" / "data.txt"
FOLDER = TOP / ".cache" / "demo"
FIRST_MONTH = 4
"""Asked about flight by flight; it and those after it, a day at a time."""
RELEASE_MONTH = 5
"""Asked about flight by flight while releases are made and taken back."""
REGISTRY = "registry"
CALLERS = 4  # more of them wait for one another in this process, not for the gateway
TICK_S = 0.1
CALL_TIMEOUT_S = 5.0  # with retries; the route itself allows a request 200 ms
GIVE_UP_AFTER_FAILURES = 100
WIDTH = 100
INTERRUPTED = 130  # what a shell gives a program that Ctrl-C ended
FOREVER = 2**63


@dataclass(slots=True)
class Stage:
    """Which acts have begun: how each ended, and the epoch that it led to."""

    folder: Path
    width: int
    """Of what commands print, in columns."""
    epochs: list[int] = field(default_factory=list)
    """The first epoch of each act after the first."""
    failed: list[str] = field(default_factory=list)
    """Acts that did not go as they should."""

    def play(self, act: Act, epoch: Callable[[], int]) -> str:
        """Apply the document of an act, as a user does; what the command said."""
        code, said = gateway.run_command("apply", self.folder / act.file, width=self.width)
        if (code == 0) is not act.is_whole:
            self.failed.append(act.file)
        self.epochs.append(epoch())
        return said


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demo; 0 when no request failed and every aircraft kept its version."""
    argparse.ArgumentParser(prog="python -m tidegate.demo", description=__doc__).parse_args(arguments)
    # Tables need room; a terminal has the width it has.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    try:
        return run_demo(console)
    except KeyboardInterrupt:
        console.print("Stopped by Ctrl-C; nothing of the demo is left running.")
        return INTERRUPTED
    except TidegateError as error:
        Console(stderr=True).print(f"demo: {error}", soft_wrap=True, highlight=False)
        return 1


def run_demo(console: Console) -> int:
    """Do it all, in order."""
    learnt_from, flights = prepare(console)
    for act in (*ACTS, WATCHED):
        (FOLDER / act.file).write_text(act.document)
    document = FOLDER / ACTS[0].file
    split = ", ".join(f"{arm} {share:.0%}" for arm, share in asked_shares(acts.FIRST_SPLIT).items())
    console.print(f"Serving {document.relative_to(TOP)}; of the aircraft get {split}.", highlight=False)
    with gateway.serving(document) as addresses, Client(addresses.grpc, timeout=CALL_TIMEOUT_S) as client:
        console.print(f"gRPC on {addresses.grpc}, metrics on http://{addresses.http}/metrics\n", highlight=False)
        code = run_april(console, flights, client, addresses)
        code = code or run_year(console, flights, client, addresses)
    return code or run_releases(console, learnt_from, flights)


def run_april(console: Console, flights: Sequence[Flight], client: Client, addresses: gateway.Addresses) -> int:
    """The first month, flight by flight, while the route changes; 0 if it held."""
    stage = Stage(FOLDER, console.width)
    april = [flight for flight in flights if flight.month == FIRST_MONTH]
    moment = replay_flights(console, april, asking(client), stage, lambda: gateway.epoch(addresses))
    batches = gateway.rows_per_batch(client, acts.FIRST_SPLIT)
    asked = ("shadow", "report", acts.ROUTE, "--http", addresses.http)
    reported, shadow = gateway.run_command(*asked, width=console.width)
    areas = areas_under_curve(client, acts.FIRST_SPLIT, april)
    moves = moves_of(moment.tally, stage)
    console.print(closing_tables(moment, results_of(moment.tally, stage, batches, areas)))
    tell_changes(console, moment.tally, moves, shadow)
    return conclude(console, moment, stage, moves if reported == 0 else None)


def run_year(console: Console, flights: Sequence[Flight], client: Client, addresses: gateway.Addresses) -> int:
    """All months, a day at a time, through a route that is watched; 0 if what it lists is what tables list."""
    stage = Stage(FOLDER, console.width)
    console.print(f"\n$ tidegate apply {WATCHED.file}     # {WATCHED.says}", highlight=False, style="bold")
    console.print(Text(stage.play(WATCHED, lambda: gateway.epoch(addresses))), Text())
    if stage.failed:
        console.print("\nThe year did not begin: its document is not in force.")
        return 1
    year = watched.play_year(console, FOLDER, flights, client, addresses.http)
    return watched.tell_year(console, FOLDER, year, TOP)


def run_releases(console: Console, learnt_from: Sequence[Flight], flights: Sequence[Flight]) -> int:
    """The same trainings through a registry, under another month; 0 if nothing failed and what was taken back stayed so."""
    material = Material(
        locator=ARCHIVE,
        code=TOP,
        learnt_from=learnt_from,
        judged_by=[flight for flight in flights if flight.month == FIRST_MONTH],
    )
    may = [flight for flight in flights if flight.month == RELEASE_MONTH]
    return play_releases(console, FOLDER / REGISTRY, top=TOP, material=material, flights=may, asking=asking)


def prepare(console: Console) -> tuple[list[Flight], list[Flight]]:
    """Fetch the flights, train the models where they are not yet; the flights learnt from, and those to replay."""
    console.print("Reading the flights that left New York in 2013 …")
    flights = read_flights(fetch_archive(ARCHIVES, LOCK), months=range(1, 13))
    learnt_from = [flight for flight in flights if flight.month in training.TRAINING_MONTHS]
    is_new = training.train_models(FOLDER / "models", acts.ROUTE, ARCHIVES / ARCHIVE, lambda: learnt_from)
    # An earlier gateway remembered other versions, or windows of the same year.
    gateway.forget_state(FOLDER)
    console.print(
        f"{'Trained' if is_new else 'Found'} three models of “lands more than 15 minutes late” (January to March): "
        "1 is a logistic regression, 2 and 3 are gradient boosting.",
        highlight=False,
    )
    return learnt_from, flights[len(learnt_from) :]


def asking(client: Client) -> Callable[[Flight], Prediction | str]:
    """How one flight is asked about: one row, the tail number as the sticky key, the carrier as a parameter too."""

    def ask(flight: Flight) -> Prediction | str:
        inputs = {"carrier": [flight.carrier], "dep_hour": [flight.dep_hour]}
        metadata = {acts.STICKY_METADATA: flight.tail_number}
        try:
            answer = client.infer(acts.ROUTE, inputs, metadata=metadata, parameters={"carrier": flight.carrier})
        except RequestError as error:
            return f"{error.code}: {error}"
        return Prediction(
            version=answer.version,
            probability=float(answer["probability"].item()),
            reason=answer.reason,
            epoch=answer.epoch or 0,
        )

    return ask


def replay_flights(
    console: Console,
    flights: Sequence[Flight],
    ask: Callable[[Flight], Prediction | str],
    stage: Stage,
    epoch: Callable[[], int],
) -> Moment:
    """Replay every flight of April and play the acts on the way, showing how it goes.

    Ends early when nearly nothing works.
    """
    tally = Tally()
    started_s = time.perf_counter()
    weights = acts.FIRST_SPLIT
    moment = Moment(tally=tally, flights=len(flights), elapsed_s=0.0, weights=weights)
    to_come = list(ACTS[1:])
    with showing(console) as show, closing(replay(flights, ask, callers=CALLERS, tick_s=TICK_S)) as outcomes:
        for batch in outcomes:
            for outcome in batch:
                tally.add(outcome)
            while to_come and tally.requests >= to_come[0].begins_at * len(flights):
                act = to_come.pop(0)
                console.print(f"\n$ tidegate apply {act.file}     # {act.says}", highlight=False, style="bold")
                console.print(Text(stage.play(act, epoch)), Text())
                weights = acts.SECOND_SPLIT
            elapsed_s = time.perf_counter() - started_s
            moment = Moment(tally=tally, flights=len(flights), elapsed_s=elapsed_s, weights=weights)
            show(moment)
            if tally.failed >= GIVE_UP_AFTER_FAILURES:
                break
    return moment


def moves_of(tally: Tally, stage: Stage) -> Moves | None:
    """Who moved with the weights; None when the weights never changed."""
    if not stage.epochs:
        return None
    old, new = tables(acts.FIRST_SPLIT, acts.SECOND_SPLIT, acts.STABLE)
    before, after = (tally.owners(epochs) for epochs in _epochs(stage))
    return compare(before, after, old, new, salt=acts.ROUTE)


def results_of(
    tally: Tally, stage: Stage, batches: Mapping[str, float], areas: Mapping[str, float | None]
) -> dict[str, ArmResult]:
    """What is known of each arm of the split."""
    splits = zip((acts.FIRST_SPLIT, acts.SECOND_SPLIT), _epochs(stage), strict=False)
    asked = [(asked_shares(weights), epochs) for weights, epochs in splits]
    return {
        version: ArmResult(
            shares=tuple((shares[version], tally.tail_number_share(version, epochs)) for shares, epochs in asked),
            rows_per_batch=batches.get(version),
            area_under_curve=areas[version],
        )
        for version in acts.FIRST_SPLIT
    }


def tell_changes(console: Console, tally: Tally, moves: Moves | None, shadow: str) -> None:
    """Say what the acts did to callers."""
    if moves is not None:
        console.print("\nThe change from 90/10 to 70/30", style="bold")
        console.print(moves_table(moves))
    count = tally.reasons[acts.CANDIDATE, f"segment:{acts.SEGMENT}"]
    console.print(f"\nThe segment “{acts.SEGMENT}” was answered by {acts.CANDIDATE}: {count:,} times.", highlight=False)
    console.print(f"\n$ tidegate shadow report {acts.ROUTE}", style="bold", highlight=False)
    console.print(Text(shadow))


def conclude(console: Console, moment: Moment, stage: Stage, moves: Moves | None) -> int:
    """Say in one sentence whether the demo held what it promises, and return the exit code."""
    tally = moment.tally
    for reason, count in tally.failures.most_common(3):
        console.print(f"{count:,} times {reason}", soft_wrap=True, highlight=False, markup=False)
    strangers = sum(
        count
        for (version, reason), count in tally.reasons.items()
        if reason not in (SPLIT, f"segment:{acts.SEGMENT}") or (reason != SPLIT and version != acts.CANDIDATE)
    )
    is_whole = not tally.failed and not tally.violations and tally.requests >= moment.flights
    if not is_whole or strangers or stage.failed or moves is None or moves.surprises:
        console.print(
            "\nThe demo did not hold: every flight must be answered, every aircraft by the version that the document "
            "gives it, and a broken route must harm nobody."
        )
        return 1
    console.print(
        "\nEvery flight was answered while the document changed twice; exactly the aircraft that had to move moved; "
        "the broken route was refused and harmed nobody."
    )
    return 0


def _epochs(stage: Stage) -> tuple[range, ...]:
    """The epochs of each split."""
    if not stage.epochs:
        return (range(FOREVER),)
    return range(stage.epochs[0]), range(stage.epochs[0], FOREVER)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
