"""`make demo`: train two models, serve them behind one route, replay a month of flights, show what happened."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from tidegate.client import Client
from tidegate.demo import gateway, training
from tidegate.demo.flights import Flight, fetch_archive, read_flights
from tidegate.demo.replay import Prediction, Tally, replay
from tidegate.demo.view import ArmResult, Moment, asked_shares, closing_tables, showing
from tidegate.errors import RequestError, TidegateError

TOP = Path(__file__).parents[3]
ARCHIVES = TOP / ".cache" / "data"
LOCK = TOP / ".locks" / "data.txt"
FOLDER = TOP / ".cache" / "demo"
REPLAYED_MONTHS = range(4, 5)
CALLERS = 4  # more of them wait for one another in this process, not for the gateway
TICK_S = 0.25
CALL_TIMEOUT_S = 5.0  # with retries; the route itself allows a request 200 ms
GIVE_UP_AFTER_FAILURES = 100
INTERRUPTED = 130  # what a shell gives a program that Ctrl-C ended


def main() -> int:
    """Run the demo; 0 when no request failed and every aircraft kept its version."""
    console = Console()
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
    flights = prepare(console)
    document = FOLDER / "gateway.yaml"
    document.write_text(gateway.DOCUMENT)
    split = ", ".join(f"{arm} {share:.0%}" for arm, share in asked_shares(gateway.SPLIT).items())
    console.print(f"Serving {document.relative_to(TOP)}; of the aircraft get {split}.", highlight=False)
    with gateway.serving(document) as addresses, Client(addresses.grpc, timeout=CALL_TIMEOUT_S) as client:
        console.print(f"gRPC on {addresses.grpc}, metrics on http://{addresses.http}/metrics\n", highlight=False)
        moment = replay_flights(console, flights, asking(client))
        batches = gateway.rows_per_batch(client)
    results = {
        version: ArmResult(
            rows_per_batch=batches.get(version),
            area_under_curve=training.area_under_curve(*moment.tally.verdicts(version)),
        )
        for version in gateway.SPLIT
    }
    console.print(closing_tables(moment, gateway.SPLIT, results))
    return conclude(console, moment)


def prepare(console: Console) -> list[Flight]:
    """Fetch the flights, train the models where they are not yet, and return the flights to replay."""
    console.print("Reading the flights that left New York in 2013 …")
    archive = fetch_archive(ARCHIVES, LOCK)
    is_new = training.train_models(
        FOLDER / "models", gateway.ROUTE, archive, lambda: read_flights(archive, months=training.TRAINING_MONTHS)
    )
    if is_new:
        gateway.forget_state(FOLDER)
    console.print(
        f"{'Trained' if is_new else 'Found'} two models of “lands more than 15 minutes late” (January to March): "
        "1 is a logistic regression, 2 gradient boosting.",
        highlight=False,
    )
    return read_flights(archive, months=REPLAYED_MONTHS)


def asking(client: Client) -> Callable[[Flight], Prediction | str]:
    """How one flight is asked about: one row, with the tail number as the sticky key."""

    def ask(flight: Flight) -> Prediction | str:
        inputs = {"carrier": [flight.carrier], "dep_hour": [flight.dep_hour]}
        try:
            answer = client.infer(gateway.ROUTE, inputs, metadata={gateway.STICKY_METADATA: flight.tail_number})
        except RequestError as error:
            return f"{error.code}: {error}"
        return Prediction(version=answer.version, probability=float(answer["probability"].item()))

    return ask


def replay_flights(console: Console, flights: Sequence[Flight], ask: Callable[[Flight], Prediction | str]) -> Moment:
    """Replay every flight of April, showing how it goes; ends early when nearly nothing works."""
    tally = Tally()
    started_s = time.perf_counter()
    moment = Moment(tally=tally, flights=len(flights), elapsed_s=0.0)
    with (
        showing(console, gateway.SPLIT) as show,
        closing(replay(flights, ask, callers=CALLERS, tick_s=TICK_S)) as outcomes,
    ):
        for batch in outcomes:
            for outcome in batch:
                tally.add(outcome)
            moment = Moment(tally=tally, flights=len(flights), elapsed_s=time.perf_counter() - started_s)
            show(moment)
            if tally.failed >= GIVE_UP_AFTER_FAILURES:
                break
    return moment


def conclude(console: Console, moment: Moment) -> int:
    """Say in one sentence whether the demo held what it promises, and return the exit code."""
    tally = moment.tally
    for reason, count in tally.failures.most_common(3):
        console.print(f"{count:,} times {reason}", soft_wrap=True, highlight=False, markup=False)
    if tally.failed or tally.violations or tally.requests < moment.flights:
        console.print("\nThe demo did not hold: every flight must be answered, every aircraft by one version.")
        return 1
    console.print("\nEvery flight was answered, and every aircraft kept its version.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
