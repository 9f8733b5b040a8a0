"""The registry of the demo: its process, and how two versions come into it, each out of its training."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from tidegate import training
from tidegate.client.registry import Registered, Registry
from tidegate.demo import acts, gateway
from tidegate.demo.flights import LATE_AFTER_MINUTES, Flight, columns
from tidegate.demo.training import (
    HELD_OUT_EVERY,
    LABEL,
    MODEL,
    PROFILE,
    area_under_curve,
    features,
    gradient_boosting,
    hold_out,
    labels,
    logistic_regression,
    train,
)

DATA = "tidegate-data"  # where commands that are typed in the folder look for the owner's token
CONFIG = "config.yaml"
LOG = "up.log"
TOKEN = "owner.token"  # noqa: S105  # the file's name
VERSIONS = {acts.STABLE: logistic_regression, acts.CANDIDATE: gradient_boosting}
_CONFIG = """\
listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}  # port 0: any free one
drain_delay_ms: 0  # nobody but the demo calls
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """A registry with its gateway: the folder, and where each part listens, as `host:port`."""

    folder: Path
    grpc: str
    http: str
    admin: str

    @property
    def token_file(self) -> Path:
        """Of the owner, who is whoever started it."""
        return self.folder / DATA / TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What versions are made of."""

    locator: str
    """Where all of the flights can be read again."""
    code: Path
    learnt_from: Sequence[Flight]
    """The days that were held out among them."""
    judged_by: Sequence[Flight]


@contextmanager
def up(folder: Path) -> Iterator[Up]:
    """Run `tidegate up` for the length of the block, with nothing in the folder but what it makes."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    config = folder / CONFIG
    config.write_text(_CONFIG)
    words = ("up", "--data", folder / DATA, "--admin", "127.0.0.1:0", "--config", config)
    with gateway.running(*words, log=folder / LOG) as bound:
        yield Up(folder=folder, grpc=bound["grpc"], http=bound["http"], admin=bound["admin"])


def register(registry: Registry, material: Material) -> list[Registered]:
    """Train and register both versions as a training script does, in the order of their numbers.

    The recipes are those of the first gateway's models, and so are the bytes that come of them.

    Raises:
        TrainingRefused: What is told cannot be kept.
        RegistryError: As it says.
    """
    learnt, held_out = hold_out(material.learnt_from)
    datasets = (
        ("train", "January to March 2013 without every eighth day", _table(learnt)),
        ("reference", "January to March 2013, every eighth day", _table(held_out)),
        ("test", "April 2013", _table(material.judged_by)),
    )
    found = []
    for arm, recipe in VERSIONS.items():
        pipeline = recipe()
        params = params_of(pipeline)
        with (
            tempfile.TemporaryDirectory(prefix="tidegate-demo-") as scratch,
            training.run(
                acts.ROUTE, params=params, seed=params.get("random_state"), registry=registry, code=material.code
            ) as run,
        ):
            for role, name, table in datasets:
                run.dataset(role, table, name=name, locator=material.locator)
            folder = Path(scratch) / arm
            train(pipeline, learnt, held_out, folder)
            if (area := _area_under_curve(pipeline, material.judged_by)) is not None:
                run.metrics(auc=area)
            found.append(run.log_model(folder / MODEL, profile=folder / PROFILE, progress=False))
    return found


def params_of(pipeline: Pipeline) -> dict[str, Any]:
    """What decides a training beside its rows: the estimator, what it was told, and what the rows were made for."""
    estimator = pipeline[-1]
    # The other parameters are the defaults of the release of scikit-learn, which a run names.
    defaults = type(estimator)().get_params()
    told = {name: value for name, value in estimator.get_params().items() if value != defaults[name]}
    rows = {"label": LABEL, "late_after_minutes": LATE_AFTER_MINUTES, "held_out_every_days": HELD_OUT_EVERY}
    return {"estimator": type(estimator).__name__, **rows, **told}


def _area_under_curve(pipeline: Pipeline, flights: Sequence[Flight]) -> float | None:
    late = pipeline.predict_proba(features(flights))[:, 1]
    return area_under_curve([flight.is_late for flight in flights], late.tolist())


def _table(flights: Sequence[Flight]) -> dict[str, Any]:
    return {**columns(flights), LABEL: labels(flights)}
