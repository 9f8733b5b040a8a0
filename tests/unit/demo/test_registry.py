from contextlib import contextmanager

import pytest

from support.flown import a_flight
from tidegate import drift
from tidegate.demo import registry, training
from tidegate.demo.flights import DAY_S
from tidegate.demo.training import gradient_boosting, logistic_regression


def flights(days):
    start_s = a_flight().planned_s
    return [a_flight(planned_s=start_s + day * DAY_S, is_late=bool(day % 2)) for day in range(days)]


def some_flights():
    """Ten a day of forty days, so that there is something to learn."""
    begun = a_flight().planned_s
    return [
        a_flight(
            planned_s=begun + at // 10 * DAY_S,
            carrier=("AA", "HA")[at % 2],
            dep_hour=5.0 + at % 17,
            is_late=at % 3 == 0,
        )
        for at in range(400)
    ]


class Run:
    """Keeps what a training is told."""

    def __init__(self, model, told):
        self.model, self.told = model, told
        self.datasets, self.values, self.logged, self.profiles = {}, {}, [], []
        self.is_open = True

    def dataset(self, role, source, *, locator, **_):
        self.datasets[role] = (len(source["late"]), locator)

    def metrics(self, **values):
        self.values |= values

    def log_model(self, model, *, profile, **_):
        self.logged.append(model.read_bytes())
        self.profiles.append(drift.read_profile(profile))
        return self.logged[-1]


@pytest.fixture
def runs(monkeypatch):
    made = []

    @contextmanager
    def run(model, **told):
        made.append(Run(model, told))
        yield made[-1]
        made[-1].is_open = False

    monkeypatch.setattr(registry.training, "run", run)
    return made


def test_params_are_what_the_estimator_was_told_and_what_its_rows_were_made_for():
    found = registry.params_of(gradient_boosting())
    rows = {"label": "late", "late_after_minutes": 15, "held_out_every_days": 8}
    told = {"n_estimators": 60, "max_depth": 4, "subsample": 0.5, "random_state": 2013}
    assert found == {"estimator": "GradientBoostingClassifier", **rows, **told}
    assert registry.params_of(logistic_regression()) == {"estimator": "LogisticRegression", **rows, "max_iter": 500}


def test_each_version_is_trained_in_its_run_and_registered_with_its_rows_and_what_was_measured(
    runs, monkeypatch, tmp_path
):
    trained = []

    def train(pipeline, *more):
        trained.append((type(pipeline[-1]).__name__, runs[-1].is_open))
        training.train(pipeline, *more)

    monkeypatch.setattr(registry, "train", train)
    material = registry.Material(
        locator="flights.tar.gz", code=tmp_path, learnt_from=some_flights(), judged_by=flights(5)
    )
    learnt, held_out = training.hold_out(material.learnt_from)
    made = registry.register(None, material)
    assert trained == [("LogisticRegression", True), ("GradientBoostingClassifier", True)]
    rows = {
        "train": (len(learnt), "flights.tar.gz"),
        "reference": (len(held_out), "flights.tar.gz"),
        "test": (5, "flights.tar.gz"),
    }
    assert [(run.model, run.datasets) for run in runs] == [("flight-delay", rows)] * 2
    assert all(0 <= run.values["auc"] <= 1 for run in runs)
    assert [run.told["seed"] for run in runs] == [None, 2013]
    again = training.export(gradient_boosting().fit(training.features(learnt), training.labels(learnt)))
    assert made[1] == runs[1].logged[0] == again.SerializeToString(), "the same recipe gives the same bytes"
    assert [profile.label for profile in runs[1].profiles] == ["late"]


def test_what_cannot_be_judged_is_registered_without_a_measure(runs, tmp_path):
    registry.register(
        None, registry.Material(locator="", code=tmp_path, learnt_from=some_flights(), judged_by=flights(1))
    )
    assert [run.values for run in runs] == [{}, {}]


def test_a_registry_begins_with_nothing_that_an_earlier_one_has_left(monkeypatch, tmp_path):
    folder = tmp_path / "registry"
    (folder / registry.DATA).mkdir(parents=True)
    typed = []

    @contextmanager
    def running(*words, log):
        typed.append(words)
        assert sorted(path.name for path in folder.iterdir()) == [registry.CONFIG]
        yield {"grpc": "127.0.0.1:1", "http": "127.0.0.1:2", "admin": "127.0.0.1:3"}

    monkeypatch.setattr(registry.gateway, "running", running)
    for _ in range(2):
        with registry.up(folder) as found:
            assert (found.grpc, found.http, found.admin) == ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
            assert found.token_file.parent.parent == folder
    assert typed[0][:2] == ("up", "--data")
    assert typed[0][3:5] == ("--admin", "127.0.0.1:0")
