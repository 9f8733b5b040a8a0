import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from support.flown import a_flight
from tidegate import drift
from tidegate.demo.flights import DAY_S
from tidegate.demo.training import (
    TORN_NUMBER,
    area_under_curve,
    export,
    features,
    gradient_boosting,
    hold_out,
    labels,
    logistic_regression,
    more_boosting,
    train_models,
)


def some_flights(count=400):
    rng = np.random.default_rng(2013)
    return [
        a_flight(
            planned_s=index // 10 * DAY_S,
            carrier=str(rng.choice(["AA", "DL", "HA", "UA"])),
            dep_hour=float(hour),
            tail_number=f"N{index}",
            is_late=bool(rng.random() < hour / 24),
        )
        for index, hour in enumerate(rng.uniform(5, 23, count))
    ]


@pytest.fixture(
    scope="module", params=[logistic_regression, gradient_boosting, more_boosting], ids=lambda make: make.__name__
)
def fitted(request):
    flights = some_flights()
    return request.param().fit(features(flights), labels(flights))


def run(model, flights):
    table = features(flights)
    feed = {"carrier": table[:, :1].astype(str), "dep_hour": table[:, 1:].astype(np.float32)}
    return ReferenceEvaluator(model).run(["label", "probability"], feed)


def test_the_graph_answers_what_the_pipeline_answers(fitted):
    flights = some_flights(40)
    label, probability = run(export(fitted), flights)
    expected = fitted.predict_proba(features(flights))[:, 1:]
    np.testing.assert_allclose(probability, expected, rtol=1e-4)
    np.testing.assert_array_equal(label, expected[:, 0] > 0.5)


def test_a_row_alone_answers_as_it_does_among_others(fitted):
    flights = some_flights(10)
    model = export(fitted)
    _, together = run(model, flights)
    alone = np.concatenate([run(model, [flight])[1] for flight in flights])
    np.testing.assert_allclose(alone, together, rtol=1e-5)


def test_a_carrier_never_seen_is_answered(fitted):
    stranger = a_flight(carrier="ZZ")
    _, probability = run(export(fitted), [stranger])
    assert 0 < probability[0, 0] < 1


def test_every_input_and_output_names_the_same_dynamic_first_axis(fitted):
    graph = export(fitted).graph
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "carrier": ["rows", 1],
        "dep_hour": ["rows", 1],
        "label": ["rows"],
        "probability": ["rows", 1],
    }


def test_models_are_trained_once_and_anew_when_the_flights_change(tmp_path):
    archive = tmp_path / "flights"
    archive.write_bytes(b"one")
    repository = tmp_path / "demo" / "models"
    repository.parent.mkdir()
    readings = []

    def read():
        readings.append(1)
        return some_flights()

    assert train_models(repository, "flight-delay", archive, read)
    assert not train_models(repository, "flight-delay", archive, read)
    assert len(readings) == 1
    archive.write_bytes(b"two")
    assert train_models(repository, "flight-delay", archive, read)
    assert len(readings) == 2


def test_a_version_folder_holds_its_model_and_its_profile_and_nothing_else(tmp_path):
    archive = tmp_path / "flights"
    archive.write_bytes(b"one")
    train_models(tmp_path / "models", "flight-delay", archive, some_flights)
    folders = tmp_path / "models" / "flight-delay"
    files = sorted(path.relative_to(folders).as_posix() for path in folders.rglob("*.*"))
    whole = [f"{number}/{name}" for number in (1, 2, 3) for name in ("model.onnx", "profile.json")]
    assert files == [*whole, f"{TORN_NUMBER}/model.onnx"]
    for number in (1, 2, 3):
        onnx.checker.check_model(folders / str(number) / "model.onnx")
    with pytest.raises(Exception, match="parsing"):
        onnx.load(folders / str(TORN_NUMBER) / "model.onnx")


def test_a_profile_is_of_what_was_learnt_and_of_predictions_for_days_that_were_not(tmp_path):
    archive = tmp_path / "flights"
    archive.write_bytes(b"one")
    train_models(tmp_path / "models", "flight-delay", archive, some_flights)
    profile = drift.read_profile(tmp_path / "models" / "flight-delay" / "2" / "profile.json")
    learnt, held_out = hold_out(some_flights())
    rows = {(tensor.direction, tensor.name): (tensor.rows, tensor.in_sample) for tensor in profile.tensors}
    assert rows == {
        ("input", "carrier"): (len(learnt), False),
        ("input", "dep_hour"): (len(learnt), False),
        ("output", "label"): (len(held_out), False),
        ("output", "probability"): (len(held_out), False),
    }
    assert profile.label == "late"


def test_every_eighth_day_is_held_out_whole():
    flights = [a_flight(planned_s=(100 + at // 3) * DAY_S) for at in range(90 * 3)]
    learnt, held_out = hold_out(flights)
    assert sorted({flight.day - 100 for flight in held_out}) == list(range(7, 90, 8))
    assert not {flight.day for flight in held_out} & {flight.day for flight in learnt}
    assert len(held_out) + len(learnt) == len(flights)
    assert {flight.day % 7 for flight in held_out} == set(range(7))


def test_the_area_is_the_part_of_pairs_in_the_right_order():
    assert area_under_curve([False, True, False, True], [0.1, 0.9, 0.5, 0.4]) == 0.75


@pytest.mark.parametrize("is_late", [[], [True, True], [False]])
def test_without_both_kinds_there_is_no_area(is_late):
    assert area_under_curve(is_late, [0.5] * len(is_late)) is None
