"""A training run registers its model with everything that it was made of, or nothing at all."""

import datetime as dt
import json
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tidegate.training
from support import models
from tidegate.client.registry import Registry
from tidegate.core.evidence import Dataset, Metrics
from tidegate.core.evidence import Run as RunForm
from tidegate.drift import build_profile
from tidegate.errors import InputRefused, Missing, RegistryUnavailable
from tidegate.services import garbage
from tidegate.training import TrainingRefused

TABLE = pa.table({"hour": [1, 2, 3]})


@pytest.fixture
def registry(admin):
    with admin.client() as client:
        yield client


@pytest.fixture
def running(admin, registry, tmp_path):
    """Begins a run of `delay` against the registry of the test, with code that is in no repository."""

    def begin(**more):
        return tidegate.training.run("delay", **{"registry": registry, "clock": admin.clock, "code": tmp_path, **more})

    return begin


def said(registry, version, kind):
    """The pieces of evidence of a kind, as JSON."""
    pieces = [each for each in registry.show(version).evidence if each.kind == kind]
    return [json.loads(registry.read(each.file.digest)) for each in pieces]


def test_a_run_registers_its_model_with_lineage_metrics_and_datasets(admin, registry, running):
    with running(params={"depth": np.int64(7), "eta": np.float32(0.5)}, seed=3, sweep="depths") as run:
        train = run.dataset("train", TABLE, locator="s3://flights@v12")
        run.dataset("test", TABLE.slice(1), name="late flights")
        run.metrics(auc=0.71)
        run.metrics("carrier HA", auc=0.66)
        admin.clock.move(minutes=5)
        made = run.log_model(models.add(0.5), alias="champion", owner="ops")
    assert made.is_new
    assert registry.show("delay@champion").name == made.version.name == "delay/1"
    [form] = [RunForm.model_validate(each) for each in said(registry, "delay/1", "run")]
    assert (form.params, form.seed, form.sweep, form.code) == ({"depth": 7, "eta": 0.5}, 3, "depths", None)
    assert form.end_us - form.begin_us == 5 * 60 * 1_000_000
    assert form.environment["lock"] == "installed packages"
    assert [(use.role, use.digest == train.digest) for use in form.datasets] == [("train", True), ("test", False)]
    [metrics] = [Metrics.model_validate(each) for each in said(registry, "delay/1", "metrics")]
    assert (metrics.values, metrics.slices) == ({"auc": 0.71}, {"carrier HA": {"auc": 0.66}})
    datasets = {each["split"]: Dataset.model_validate(each) for each in said(registry, "delay/1", "dataset")}
    assert datasets["train"].is_reproducible
    assert (datasets["test"].name, datasets["test"].is_reproducible) == ("late flights", False)
    roles = {edge.role for edge in registry.show("delay/1").edges}
    assert {"run", "train", "test", "dataset", "metrics"} <= roles
    [entry] = [each for each in registry.journal() if each.action == "versions.register" and "delay" in each.resource]
    assert entry.reason == f"run {run.name}"


def test_a_stored_copy_stays_when_garbage_goes(admin, registry, running):
    with running() as run:
        copied = run.dataset("train", TABLE, store_copy=True)
        run.log_model(models.add(0.5))
    digest = copied.document["copy_digest"]
    admin.clock.now = dt.datetime.now(dt.UTC) + dt.timedelta(days=9)
    assert digest not in dict(garbage.find(admin.services, admin.blobs).blobs)
    again = pa.BufferReader(registry.read(digest))
    assert pa.parquet.read_table(again).equals(TABLE)


def test_a_copy_that_is_not_there_is_refused(registry, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.add(0.5).SerializeToString())
    document = {
        "name": "x",
        "digest": f"sha256:{'a' * 64}",
        "rows": 1,
        "columns": [],
        "copy_digest": f"sha256:{'b' * 64}",
    }
    with pytest.raises(InputRefused, match="copy of x"):
        registry.register("delay", path, datasets=[document])


def test_models_are_taken_as_objects_bytes_and_paths(running, registry, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.add(0.5).SerializeToString())
    for model in (path, str(path), path.read_bytes(), models.add(0.5)):
        with running() as run:
            assert run.log_model(model).version.name == "delay/1"
    with running() as run, pytest.raises(TrainingRefused, match="got object: export it first"):
        run.log_model(object())
    assert len(registry.list_versions("delay")) == 1


def test_a_profile_goes_along_as_it_was_built(running, registry, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(models.add(0.5).SerializeToString())
    rows = np.random.default_rng(7).normal(size=(500, 4)).astype(np.float32)
    profile = build_profile(rows, model=path)
    with running() as run:
        run.log_model(path, profile=profile)
    assert said(registry, "delay/1", "profile") == [json.loads(profile.text)]
    plan = registry.plan({"route": "delay", "split": {"delay/1": 1}})
    assert plan.content["versions"]["delay/1"]["profile"] == f"sha256:{profile.digest}"


def test_a_registry_that_is_not_there_is_told_before_anything_is_trained():
    with (
        Registry("127.0.0.1:1", token="nobody") as nowhere,
        pytest.raises(RegistryUnavailable, match=r"No registry answers .*start `tidegate up`"),
        tidegate.training.run("delay", registry=nowhere),
    ):
        raise AssertionError("it must not begin")


def test_an_exception_registers_nothing_and_says_so(running, registry):
    with pytest.raises(ZeroDivisionError) as raised, running(name="nightly") as run:
        run.metrics(auc=1 / 0)
    assert raised.value.__notes__ == ["The training run nightly has failed: nothing of it is registered."]
    with pytest.raises(TrainingRefused, match="nightly is over"):
        run.log_model(models.add(0.5))
    with pytest.raises(Missing):
        registry.list_versions("delay")


def test_an_exception_after_the_model_says_what_is_there(running):
    with pytest.raises(KeyError) as raised, running(name="nightly") as run:  # noqa: PT012  # the order is the point
        run.log_model(models.add(0.5))
        raise KeyError
    assert raised.value.__notes__ == [
        "The training run nightly has failed: delay/1 was registered before, nothing after it."
    ]


def test_a_run_without_a_model_warns(running, caplog):
    with caplog.at_level(logging.WARNING), running(name="nightly"):
        pass
    assert "nightly ended without log_model" in caplog.text


def test_a_parent_is_kept_as_it_is_resolved_and_an_unknown_one_is_told_at_once(running, registry):
    registry.set_alias("fraud@champion", "fraud/2")
    with running(parent="fraud@champion") as run:
        run.log_model(models.add(0.5))
    assert said(registry, "delay/1", "run")[0]["parent"] == "fraud/2"
    with pytest.raises(Missing, match="fraud/9"), running(parent="fraud/9"):
        raise AssertionError("it must not begin")


def test_what_comes_after_the_model_is_refused(running):
    with running() as run:
        run.log_model(models.add(0.5))
        with pytest.raises(TrainingRefused, match="before log_model"):
            run.metrics(auc=0.5)
        with pytest.raises(TrainingRefused, match="before log_model"):
            run.dataset("train", TABLE)


def test_parameters_and_metrics_that_are_no_json_are_all_named(running):
    with pytest.raises(TrainingRefused) as refused, running(params={"a": object(), "b": {"c": [float("nan")]}, "d": 1}):
        raise AssertionError("it must not begin")
    assert [violation.path for violation in refused.value.violations] == ["a", "b.c[0]"]
    with running() as run, pytest.raises(TrainingRefused, match="auc: must be finite, got nan"):
        run.metrics(auc=float("nan"))


def test_without_a_registry_it_says_where_it_looked(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(TrainingRefused, match=r"tidegate-data/owner.token here: start `tidegate up`"),
        tidegate.training.run("delay"),
    ):
        raise AssertionError("it must not begin")
    assert not list(Path(tmp_path).iterdir())
