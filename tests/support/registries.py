"""A registry of its own for a test, with a clock that the test sets, and versions to put into it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from onnx.external_data_helper import convert_model_to_external_data

from support import models
from tidegate.blobs import Blobs, open_blobs
from tidegate.core.journal import Actor, Kind
from tidegate.core.manifests import EXTERNAL, MODEL_FILE, ONNX, Evidence, File
from tidegate.core.names import ModelName
from tidegate.services import plans
from tidegate.services.registration import Registration, register
from tidegate.services.registry import Caller, Receipt, Registry
from tidegate.stores import Store, open_store

ANN = Actor(name="ann", kind=Kind.PERSON)
ROBOT = Actor(name="ci", kind=Kind.AUTOMATION)
HOUR_US = 3600 * 1_000_000


class SetClock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000

    def now_us(self) -> int:
        return self.us

    def pass_hours(self, hours: float) -> None:
        self.us += int(hours * HOUR_US)


ANN_ASKS = Caller(actor=ANN, reason="because", method="test")


@dataclass(frozen=True, slots=True)
class Kept:
    """A registry with everything that it is made of."""

    registry: Registry
    store: Store
    blobs: Blobs
    clock: SetClock
    folder: Path
    caller: Caller = ANN_ASKS

    def by(self, actor: Actor, **more: Any) -> Caller:
        return replace(self.caller, actor=actor, **more)

    def file(self, path: str, content: bytes, media_type: str = "application/json") -> File:
        return File(path=path, digest=self.blobs.put(content), size_bytes=len(content), media_type=media_type)

    def register(self, model: str, content: onnx.ModelProto | bytes, *said: tuple[Evidence, Any]) -> Receipt:
        raw = content if isinstance(content, bytes) else content.SerializeToString()
        evidence = tuple((kind, self.file(kind.word, json.dumps(value).encode())) for kind, value in said)
        files = (self.file(MODEL_FILE, raw, ONNX),)
        registration = Registration(model=ModelName.parse(model), files=files, evidence=evidence)
        return register(self.registry, self.blobs, self.caller, registration)

    def register_some(self, model: str, count: int) -> None:
        for number in range(1, count + 1):
            assert self.register(model, models.add(number))["version"] == number

    def apply(self, document: dict[str, Any], **more: Any) -> Receipt:
        planned = plans.plan(self.registry, self.caller, document)
        return plans.apply(self.registry, self.caller, planned.plan.id, **more)


def open_registry(folder: Path) -> Kept:
    """A registry in a folder, new or as it was left."""
    clock, store = SetClock(), open_store(f"sqlite:{folder}/registry.db")
    blobs = open_blobs(f"folder:{folder}/artifacts")
    return Kept(Registry(store, clock, instance="test"), store, blobs, clock, folder)


def with_external_data(kept: Kept, location: str = "weights.bin") -> tuple[File, File]:
    """The files of a model whose weights lie in a file of their own."""
    model = models.gather(entries=100)
    convert_model_to_external_data(model, location=location, size_threshold=0, convert_attribute=True)
    raw = kept.folder / "external"
    raw.mkdir()
    onnx.save_model(model, raw / MODEL_FILE)
    weights = raw / location
    model_file = kept.file(MODEL_FILE, (raw / MODEL_FILE).read_bytes(), ONNX)
    return model_file, kept.file(location, weights.read_bytes() if weights.exists() else b"", EXTERNAL)
