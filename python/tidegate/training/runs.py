"""One training, from its first line to the version that came of it."""

from __future__ import annotations

import datetime as dt
import logging
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from tidegate.client.registry import Registered, Registry
from tidegate.clock import Clock, SystemClock
from tidegate.core.profiles import Profile
from tidegate.errors import RegistryUnavailable, Violation
from tidegate.training.datasets import Described, describe
from tidegate.training.errors import TrainingRefused
from tidegate.training.origins import code_of, environment_of, lock_of
from tidegate.training.params import json_of

ADMIN = "127.0.0.1:8003"
OWNER_TOKEN = Path("tidegate-data/owner.token")
"""Where `tidegate up` leaves the token of whoever started it."""

ProfileLike: TypeAlias = "Profile | str | Path | Mapping[str, Any]"

_LOG = logging.getLogger("tidegate.training")


class Run:
    """What a training is told; :func:`run` makes one."""

    def __init__(
        self, registry: Registry, clock: Clock, *, model: str, begun: Mapping[str, Any], code: Path, folder: Path
    ) -> None:
        """Takes what is known when it begins."""
        self._registry = registry
        self._clock = clock
        self._model = model
        self._begun = dict(begun)
        self._code = code
        self._folder = folder
        self._datasets: dict[str, Described] = {}
        self._values: dict[str, float] = {}
        self._slices: dict[str, dict[str, float]] = {}
        self._is_over = False
        self.registered: list[Registered] = []
        """What came of it so far."""

    @property
    def name(self) -> str:
        """What the run is called."""
        return str(self._begun["name"])

    def dataset(
        self, role: str, source: Any, *, name: str | None = None, locator: str | None = None, store_copy: bool = False
    ) -> Described:
        """Say what the training reads; without a locator or a copy it is marked as not reproducible.

        Args:
            role: `train`, `validation`, `test`, `calibration` or `reference`.
            source: A frame of pandas, polars or pyarrow, columns by name, or the path of a Parquet or CSV file.
            name: What people call it; the file's name, or the role.
            locator: Where it can be read again, such as `s3://flights/2026.parquet@v12`.
            store_copy: Whether the registry keeps a copy.

        Raises:
            TrainingRefused: The role is unknown, a type has no digest, or the model was logged already.
            TableUnreadable: It is no table, cannot be read, or has no rows.
        """
        self._check_open()
        called = name or (Path(source).name if isinstance(source, str | Path) else role)
        found = describe(source, name=called, role=role, locator=locator, store_copy=store_copy, folder=self._folder)
        # Told twice it is one dataset; where it is may be said later.
        self._datasets[f"{role} {found.digest}"] = found
        return found

    def metrics(self, slice_name: str | None = None, /, **values: float) -> None:
        """Say what an evaluation has measured: whole, or of a slice, as in `run.metrics("carrier HA", auc=0.66)`.

        Raises:
            TrainingRefused: A value is no finite number, or the model was logged already.
        """
        self._check_open()
        numbers = {name: float(value) for name, value in values.items()}
        faults = tuple(
            Violation(name, f"must be finite, got {value}")
            for name, value in numbers.items()
            if not math.isfinite(value)
        )
        if faults:
            places = "; ".join(f"{path}: {reason}" for path, reason in faults)
            raise TrainingRefused(f"These metrics cannot be kept: {places}.", faults)
        (self._values if slice_name is None else self._slices.setdefault(slice_name, {})).update(numbers)

    def log_model(
        self,
        model: Any,
        *,
        profile: ProfileLike | None = None,
        card: str | Path | None = None,
        external: str | Path | None = None,
        alias: str | None = None,
        owner: str = "",
        contact: str = "",
        runbook: str = "",
        reason: str = "",
        progress: bool | None = None,
    ) -> Registered:
        """Register what was trained, with the run, its datasets and its metrics.

        Args:
            model: An ONNX model (what has `SerializeToString`), its bytes, or the path of a file or a folder.
            profile: The reference distributions, as `tidegate.drift` makes them, or their document or its path.
            card: A text for people, or a path.
            external: Beside a file, the folder of its external data.
            alias: An alias to set, such as `champion`.
            owner: Who answers for the model, if it is new.
            contact: How they are reached, if it is new.
            runbook: Where it says what to do, if it is new.
            reason: For the journal; the run's name by default.
            progress: Whether a bar is shown.

        Raises:
            TrainingRefused: The model is none, or the run is over.
            RegistryError: As it says; the run goes on, and it can be tried again.
        """
        if self._is_over:
            raise TrainingRefused(f"The run {self.name} is over: log the model inside of its block.")
        why = reason or f"run {self.name}"
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            made = self._registry.register(
                self._model,
                _file_of(model, Path(folder)),
                external=external,
                profile=_profile(profile),
                card=card,
                run=self._document(),
                metrics={"values": self._values, "slices": self._slices} if self._values or self._slices else None,
                datasets=[each.document for each in self._datasets.values()],
                copies=[each.copy for each in self._datasets.values() if each.copy is not None],
                owner=owner,
                contact=contact,
                runbook=runbook,
                reason=why,
                progress=progress,
            )
        self.registered.append(made)
        if alias is not None:
            self._registry.set_alias(f"{self._model}@{alias}", made.version.name, reason=why)
        return made

    def _document(self) -> dict[str, Any]:
        """The run as the registry keeps it; libraries are looked at now, for training has loaded them."""
        lock, dependencies = lock_of(self._code)
        datasets = [{"role": each.document["split"], "digest": each.digest} for each in self._datasets.values()]
        return {
            **self._begun,
            "dependencies": dependencies,
            "environment": {**environment_of(), "lock": lock},
            "datasets": datasets,
            "end_us": self._clock.now_us(),
        }

    def _check_open(self) -> None:
        if self._is_over:
            raise TrainingRefused(f"The run {self.name} is over.")
        if self.registered:
            raise TrainingRefused(
                f"{self.registered[-1].version.name} is registered already: say datasets and metrics before log_model."
            )

    def _end(self, error: BaseException | None) -> None:
        self._is_over = True
        names = ", ".join(made.version.name for made in self.registered)
        if error is not None:
            what = f"{names} was registered before, nothing after it" if names else "nothing of it is registered"
            error.add_note(f"The training run {self.name} has failed: {what}.")
        elif not names:
            _LOG.warning("The training run %s ended without log_model: nothing of it is registered.", self.name)


@contextmanager
def run(
    model: str,
    *,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    parent: str | None = None,
    sweep: str | None = None,
    name: str | None = None,
    registry: Registry | None = None,
    code: str | Path = ".",
    clock: Clock | None = None,
) -> Iterator[Run]:
    """A training of a model; what it registers says what it was made of.

    An exception in the block registers nothing more, and says so in a note.

    Args:
        model: The model's name in the registry; it is made if it is new.
        params: What the training was told, as JSON.
        seed: Of its random numbers.
        parent: The version that it begins from: `model/3`, `model@alias` or `model@sha256:…`; kept as it is resolved now.
        sweep: The search that it is a part of.
        name: What it is called; the model and the time by default.
        registry: Where to; by default the one that `tidegate up` runs from this folder.
        code: A folder of the code, for its commit and its lock.
        clock: Says what time it is.

    Raises:
        TrainingRefused: Parameters are no JSON, or there is no token.
        RegistryError: No registry answers, or there is no such parent: better now than after hours.
    """
    clock = clock or SystemClock()
    begin_us = clock.now_us()
    begun: dict[str, Any] = {
        "name": name or f"{model} {dt.datetime.fromtimestamp(begin_us / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "params": json_of(params or {}),
        "begin_us": begin_us,
    }
    begun |= {key: value for key, value in (("seed", seed), ("sweep", sweep)) if value is not None}
    folder = Path(code).absolute()
    if (commit := code_of(folder)) is not None:
        begun["code"] = commit
    asked = _default_registry() if registry is None else registry
    try:
        if (known := _greet(asked, parent)) is not None:
            begun["parent"] = known
        with tempfile.TemporaryDirectory(prefix="tidegate-run-") as scratch:
            made = Run(asked, clock, model=model, begun=begun, code=folder, folder=Path(scratch))
            try:
                yield made
            except BaseException as error:
                made._end(error)
                raise
            made._end(None)
    finally:
        if registry is None:
            asked.close()


def _greet(registry: Registry, parent: str | None) -> str | None:
    """Asks once, so that hours of training do not end at a wrong token: the parent as it is resolved now."""
    try:
        if parent is not None:
            return registry.show(parent).name
        registry.list_models(limit=1)
    except RegistryUnavailable as error:
        raise RegistryUnavailable(
            f"No registry answers ({error.message}): start `tidegate up`, or give registry=Registry(…, token_file=…).",
            reason=error.reason,
        ) from error
    return None


def _default_registry() -> Registry:
    if not OWNER_TOKEN.is_file():
        raise TrainingRefused(
            f"There is no {OWNER_TOKEN} here: start `tidegate up` in this folder, or give registry=Registry(…, token_file=…)."
        )
    return Registry(ADMIN, token_file=OWNER_TOKEN)


def _file_of(model: Any, folder: Path) -> Path:
    """The path of a model, which is written if it is none."""
    if isinstance(model, str | Path):
        return Path(model)
    if isinstance(model, bytes | bytearray):
        raw = bytes(model)
    elif callable(getattr(model, "SerializeToString", None)):
        raw = model.SerializeToString()
    else:
        raise TrainingRefused(
            f"Expected an ONNX model, its bytes or its path, got {type(model).__name__}: export it first."
        )
    path = folder / "model.onnx"
    path.write_bytes(raw)
    return path


def _profile(profile: ProfileLike | None) -> bytes | str | Path | Mapping[str, Any] | None:
    return profile.text.encode() if isinstance(profile, Profile) else profile
