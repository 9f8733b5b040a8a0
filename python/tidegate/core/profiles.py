"""Profiles of reference data, and counts in their bins: the typed face of the native sketches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate import _native
from tidegate.errors import DocumentRefused, DocumentViolation

# So many values cross to the core at a time: few enough to lie in a near cache, enough that crossing costs nothing.
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFeature:
    """One watched column of a tensor."""

    name: str
    column: int
    weight: float
    sentinel: float | str | None
    nullable: bool
    reference: Mapping[str, Any] = field(repr=False)
    """Its part of the document: bins or categories, counts, range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTensor:
    """One input or output of the model."""

    name: str
    direction: str
    datatype: str
    width: int
    in_sample: bool
    rows: int
    features: tuple[ProfileFeature, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strings:
    """Text or bytes as Arrow has them: element i is `data[offsets[i]:offsets[i + 1]]`, empty where there is nothing."""

    offsets: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """The number of elements."""
        return len(self.offsets) - 1


class Profile:
    """What the inputs and the predictions of a model looked like in its reference data."""

    def __init__(self, text: str, native: _native.Profile) -> None:
        """Takes a document and what the core made of it."""
        self.text = text
        self._native = native
        document = json.loads(text)
        self.rows: int = document["rows"]
        self.source: str = document.get("source", "training")
        self.label: str | None = document.get("label")
        self.timezone: str | None = document.get("timezone")
        self.tensors = tuple(_tensor(tensor) for tensor in document["tensors"])

    @property
    def digest(self) -> str:
        """The sha256 of the document."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def features(self) -> tuple[ProfileFeature, ...]:
        """All features, in the order of the document."""
        return tuple(feature for tensor in self.tensors for feature in tensor.features)

    def bind(self, signature: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Checks that this is a profile of a model.

        Args:
            signature: `inputs` and `outputs`, each a list of `name`, `datatype` and `shape`.

        Raises:
            DocumentRefused: It is one of another; what both have is listed.
        """
        try:
            self._native.bind(json.dumps(signature))
        except _native.Refused as refused:
            raise _refusal(refused) from None

    def counts(self) -> Counts:
        """Counts of nothing yet, in the bins of this profile."""
        return Counts(self._native.counts())

    def judge(
        self, cells: Sequence[Mapping[str, Any]], *, tolerated_psi: float, list_fdr: float
    ) -> list[dict[str, Any]]:
        """What the core finds of each feature, in the order of the document; `tidegate.core.drift` has it typed."""
        settings = {"tolerated_psi": tolerated_psi, "list_fdr": list_fdr}
        found: list[dict[str, Any]] = json.loads(self._native.judge(json.dumps(cells), json.dumps(settings)))
        return found


class Counts:
    """What was counted of a table, or of a part of it, in the bins of a profile."""

    def __init__(self, native: _native.Counts) -> None:
        """Takes what the core counts with."""
        self._native = native

    def add(self, tensor: ProfileTensor, feature: ProfileFeature, values: npt.NDArray[Any] | Strings) -> None:
        """Counts values of a feature, which are contiguous and in the datatype of its tensor (BF16 as its bits)."""
        whose = (tensor.direction, tensor.name)
        for begin in range(0, len(values), _BLOCK):
            if isinstance(values, np.ndarray):
                self._native.add(whose, feature.column, values[begin : begin + _BLOCK].tobytes())
            else:
                self._native.add_strings(whose, feature.column, *_bytes_of(values, begin, begin + _BLOCK))

    def merge(self, other: Counts) -> None:
        """Adds other counts in the bins of the same profile."""
        self._native.merge(other._native)

    def cells(self) -> list[dict[str, Any]]:
        """What was counted of each feature, in the order of the profile."""
        cells: list[dict[str, Any]] = json.loads(self._native.to_json())
        return cells


def parse_profile(text: str) -> Profile:
    """The profile that a document is.

    Raises:
        DocumentRefused: It breaks rules; the violations are all there are, without lines.
    """
    try:
        return Profile(text, _native.Profile(text))
    except _native.Refused as refused:
        raise _refusal(refused) from None


def build_feature(
    settings: Mapping[str, Any], values: npt.NDArray[Any] | Strings, chunks: npt.NDArray[np.uint32] | None
) -> dict[str, Any]:
    """The part of a profile that is about one feature, from all of its values.

    Args:
        settings: `name`, `column`, `datatype`, `bins`, `sentinel`, `weight`.
        values: Contiguous, in the datatype of the tensor (BF16 as its bits).
        chunks: The time chunk of each value, counted from 0; None without time.
    """
    said = json.dumps(settings, allow_nan=False)
    places = None if chunks is None else chunks.astype("<u4").tobytes()
    if isinstance(values, np.ndarray):
        built = _native.build_feature(said, values.tobytes(), places)
    else:
        built = _native.build_string_feature(said, *_bytes_of(values, 0, len(values)), places)
    feature: dict[str, Any] = json.loads(built)
    return feature


def _bytes_of(values: Strings, begin: int, end: int) -> tuple[bytes, bytes]:
    """Offsets of 64 bits and the data between them, of the elements from `begin` to `end`."""
    offsets = values.offsets[begin : end + 1].astype("<i8")
    data = values.data[offsets[0] : offsets[-1]]
    return (offsets - offsets[0]).tobytes(), data.tobytes()


def _refusal(refused: _native.Refused) -> DocumentRefused:
    return DocumentRefused("", tuple(DocumentViolation(path, reason) for path, reason in refused.args[0]))


def _tensor(document: Mapping[str, Any]) -> ProfileTensor:
    features = tuple(
        ProfileFeature(
            name=feature["name"],
            column=feature["column"],
            weight=feature.get("weight", 1.0),
            sentinel=feature.get("sentinel"),
            nullable=feature.get("nullable", False),
            reference=feature,
        )
        for feature in document["features"]
    )
    return ProfileTensor(
        name=document["name"],
        direction=document["direction"],
        datatype=document["datatype"],
        width=document["width"],
        in_sample=document.get("in_sample", False),
        rows=document["rows"],
        features=features,
    )
