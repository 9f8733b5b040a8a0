import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from tidegate.demo.flights import Flight
from tidegate.demo.training import (
    TORN_NUMBER,
    area_under_curve,
    export,
    features,
    gradient_boosting,
    labels,
    logistic_regression,
    more_boosting,
    train_models,
)


def some_flights(count=400):
    rng = np.random.default_rng(2013)
    return [
        Flight(
            month=1,
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
    stranger = Flight(month=1, carrier="ZZ", dep_hour=9.0, tail_number="N0", is_late=False)
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


def test_a_version_folder_holds_its_model_and_nothing_else(tmp_path):
    archive = tmp_path / "flights"
    archive.write_bytes(b"one")
    train_models(tmp_path / "models", "flight-delay", archive, some_flights)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "models").rglob("*.*"))
    assert files == [f"models/flight-delay/{number}/model.onnx" for number in (1, 2, 3, TORN_NUMBER)]
    for path in files[:-1]:
        onnx.checker.check_model(tmp_path / path)
    with pytest.raises(Exception, match="parsing"):
        onnx.load(tmp_path / files[-1])


def test_the_area_is_the_part_of_pairs_in_the_right_order():
    assert area_under_curve([False, True, False, True], [0.1, 0.9, 0.5, 0.4]) == 0.75


@pytest.mark.parametrize("is_late", [[], [True, True], [False]])
def test_without_both_kinds_there_is_no_area(is_late):
    assert area_under_curve(is_late, [0.5] * len(is_late)) is None
