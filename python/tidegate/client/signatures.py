"""What a model declares, remembered so that a request does not ask for it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from tidegate.client.specs import TensorSpec
from tidegate.errors import InvalidRequest
from tidegate.inference.open_inference_pb2 import ModelMetadataResponse

# Models one process talks to; the least recently used is asked for again.
REMEMBERED = 1024
# Refusals that a changed model could explain. A server that names no reason is given the benefit of the doubt.
_STALE_REASONS = frozenset(
    {
        "",
        "CONTENTS_LENGTH_MISMATCH",
        "MISSING_INPUT",
        "RAW_COUNT_MISMATCH",
        "RAW_LENGTH_MISMATCH",
        "TRUNCATED_BYTES",
        "UNFIT_INPUT",
        "UNKNOWN_INPUT",
        "UNKNOWN_OUTPUT",
        "WRONG_DATATYPE",
        "WRONG_RANK",
        "WRONG_SHAPE",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """What a route or model takes and gives."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class Signatures:
    """The declarations of the models that were asked for; safe to share between threads."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._known: OrderedDict[tuple[str, str], ModelMetadata] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, model: str, version: str) -> ModelMetadata | None:
        """What was fetched before, if it still is there."""
        with self._lock:
            if (model, version) in self._known:
                self._known.move_to_end((model, version))
            return self._known.get((model, version))

    def remember(self, model: str, version: str, message: ModelMetadataResponse) -> ModelMetadata:
        """Take what the server declared, and read it."""
        fetched = _metadata_of(message)
        with self._lock:
            self._known[model, version] = fetched
            self._known.move_to_end((model, version))
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return fetched

    def forget(self, model: str, version: str) -> None:
        """Ask again next time."""
        with self._lock:
            self._known.pop((model, version), None)


def could_be_stale(refused: InvalidRequest) -> bool:
    """Whether the refusal may come from a model that changed since its declaration was fetched."""
    return refused.reason in _STALE_REASONS


def _metadata_of(message: ModelMetadataResponse) -> ModelMetadata:
    return ModelMetadata(
        name=message.name,
        versions=tuple(message.versions),
        platform=message.platform,
        inputs=tuple(map(_spec_of, message.inputs)),
        outputs=tuple(map(_spec_of, message.outputs)),
    )


def _spec_of(tensor: ModelMetadataResponse.TensorMetadata) -> TensorSpec:
    return TensorSpec(name=tensor.name, datatype=tensor.datatype, shape=tuple(tensor.shape))
