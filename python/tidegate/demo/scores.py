"""How good each version is, told by the same flights: those that a split gives to one version are not those of another."""

from collections.abc import Iterable, Sequence

import numpy as np

from tidegate.client import Client
from tidegate.demo import acts
from tidegate.demo.flights import Flight, columns
from tidegate.demo.training import area_under_curve

ROWS = 256
"""Of a request: few enough for the deadline of a route that expects one row."""


def areas_under_curve(client: Client, arms: Iterable[str], flights: Sequence[Flight]) -> dict[str, float | None]:
    """The area under the curve of each of these versions, asked by its number about all of the flights."""
    is_late = [flight.is_late for flight in flights]
    return {arm: area_under_curve(is_late, _probabilities(client, arm, flights)) for arm in arms}


def _probabilities(client: Client, arm: str, flights: Sequence[Flight]) -> list[float]:
    _, _, number = arm.partition("/")
    found: list[float] = []
    for begin in range(0, len(flights), ROWS):
        asked = columns(flights[begin : begin + ROWS])
        inputs = {"carrier": asked["carrier"], "dep_hour": asked["dep_hour"]}
        found += np.ravel(client.infer(acts.ROUTE, inputs, version=number)["probability"]).tolist()
    return found
