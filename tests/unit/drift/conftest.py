"""A model of departures, and a profile of it."""

import pytest

from support import flights
from support.departures import departures
from tidegate.drift import build_profile


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Carrier BYTES and dep_hour FP32, one of each a row -> probability FP32."""
    return flights.write(tmp_path_factory.mktemp("models")) / "flight-delay/1/model.onnx"


@pytest.fixture(scope="session")
def profile(model):
    """A profile of 4,000 departures over twenty days, and of the predictions of others."""
    return build_profile(
        departures(),
        model=model,
        holdout=departures(seed=2),
        label="late",
        time="time_hour",
        timezone="America/New_York",
    )
