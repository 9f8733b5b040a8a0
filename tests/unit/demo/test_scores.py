import numpy as np

from support.flown import a_flight
from tidegate.demo import acts
from tidegate.demo.scores import ROWS, areas_under_curve


class Versions:
    """A client of two versions: one is right, the other says the opposite."""

    def __init__(self):
        self.asked = []

    def infer(self, model, inputs, *, version):
        self.asked.append((model, version, len(inputs["carrier"])))
        hours = inputs["dep_hour"]
        return {"probability": np.reshape(hours if version == "1" else -hours, (-1, 1))}


def test_versions_are_scored_by_the_same_flights():
    flights = [a_flight(dep_hour=float(at), is_late=at > 400) for at in range(ROWS + 500)]
    client = Versions()
    assert areas_under_curve(client, [acts.STABLE, acts.CANDIDATE], flights) == {acts.STABLE: 1.0, acts.CANDIDATE: 0.0}
    assert {model for model, _, _ in client.asked} == {acts.ROUTE}
    for number in ("1", "2"):
        assert [rows for _, version, rows in client.asked if version == number] == [ROWS, ROWS, 500 - ROWS]
