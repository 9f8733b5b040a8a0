from contextlib import contextmanager

import pytest

from support.flown import a_flight
from tidegate.demo import registry
from tidegate.demo.acts import CANDIDATE, STABLE
from tidegate.demo.flights import DAY_S
from tidegate.demo.training import gradient_boosting, logistic_regression


def flights(days):
    start_s = a_flight().planned_s
    return [a_flight(planned_s=start_s + day * DAY_S, is_late=bool(day % 2)) for day in range(days)]


class Run:
    """Keeps what a training is told."""

    def __init__(self, model, told):
        self.model, self.told = model, told
        self.datasets, self.values, self.logged = {}, {}, []

    def dataset(self, role, source, *, locator, **_):
        self.datasets[role] = (len(source["late"]), locator)

    def metrics(self, **values):
        self.values |= values

    def log_model(self, model, *, profile, **_):
        self.logged.append((model, profile))
        return model


@pytest.fixture
def runs(monkeypatch):
    made = []

    @contextmanager
    def run(model, **told):
        made.append(Run(model, told))
        yield made[-1]

    monkeypatch.setattr(registry.training, "run", run)
    return made


def test_params_are_what_the_estimator_was_told_and_what_its_rows_were_made_for():
    found = registry.params_of(gradient_boosting())
    rows = {"label": "late", "late_after_minutes": 15, "held_out_every_days": 8}
    told = {"n_estimators": 60, "max_depth": 4, "subsample": 0.5, "random_state": 2013}
    assert found == {"estimator": "GradientBoostingClassifier", **rows, **told}
    assert registry.params_of(logistic_regression()) == {"estimator": "LogisticRegression", **rows, "max_iter": 500}


def test_each_version_is_registered_with_its_rows_its_profile_and_what_was_measured(runs, tmp_path):
    material = registry.Material(
        models=tmp_path,
        locator="flights.tar.gz",
        code=tmp_path,
        learnt_from=flights(16),
        judged_by=flights(5),
        areas={STABLE: 0.6, CANDIDATE: None},
    )
    made = registry.register(None, material)
    assert made == [tmp_path / arm / "model.onnx" for arm in (STABLE, CANDIDATE)]
    rows = {"train": (14, "flights.tar.gz"), "reference": (2, "flights.tar.gz"), "test": (5, "flights.tar.gz")}
    assert [(run.model, run.datasets) for run in runs] == [("flight-delay", rows)] * 2
    assert [run.values for run in runs] == [{"auc": 0.6}, {}]
    assert [run.told["seed"] for run in runs] == [None, 2013]
    assert runs[1].logged == [(tmp_path / CANDIDATE / "model.onnx", tmp_path / CANDIDATE / "profile.json")]


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
