"""What is said about a version: its training run, its datasets, its metrics; their forms, and what they make of lineage."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, ValidationError

from tidegate.core.manifests import Evidence
from tidegate.core.paths import extend_path
from tidegate.errors import InputRefused, Violation

MOST_BYTES = 64 << 20
"""Largest piece of evidence: a profile of 10⁵ features has some tens of MiB."""

Role = Literal["train", "validation", "test", "calibration", "reference"]
_DIGEST = r"^sha256:[0-9a-f]{64}$"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Code(_Form):
    """Where the code of a run is."""

    commit: StrictStr
    is_dirty: StrictBool
    """Whether files differed from the commit."""
    repository: StrictStr = ""


class DatasetUse(_Form):
    """A dataset that a run has read."""

    role: Role
    digest: StrictStr = Field(pattern=_DIGEST)


class Run(_Form):
    """One training."""

    name: StrictStr
    params: dict[StrictStr, Any] = {}
    seed: StrictInt | None = None
    code: Code | None = None
    dependencies: StrictStr | None = Field(default=None, pattern=_DIGEST)
    """The digest of the lock of its dependencies."""
    environment: dict[StrictStr, StrictStr] = {}
    parent: StrictStr | None = None
    """The version that the training began from."""
    sweep: StrictStr | None = None
    """The search that it was a part of."""
    datasets: tuple[DatasetUse, ...] = ()
    begin_us: StrictInt | None = None
    end_us: StrictInt | None = None


class DatasetColumn(_Form):
    """A column of a dataset."""

    name: StrictStr
    type: StrictStr
    """As Arrow says it."""
    nulls: StrictInt = Field(ge=0)
    low: Any = None
    high: Any = None


class Dataset(_Form):
    """A snapshot of a dataset: what it was, and where it is."""

    name: StrictStr
    digest: StrictStr = Field(pattern=_DIGEST)
    """Of the content as Arrow has it, however it lies in chunks."""
    rows: StrictInt = Field(ge=0)
    columns: tuple[DatasetColumn, ...]
    split: StrictStr = ""
    locator: StrictStr | None = None
    """Where it can be read again, such as `s3://bucket/key@version`."""
    copy_digest: StrictStr | None = Field(default=None, pattern=_DIGEST)
    """The bytes of a copy that the registry keeps."""

    @property
    def is_reproducible(self) -> bool:
        """Whether somebody can read it again."""
        return self.locator is not None or self.copy_digest is not None


class Metrics(_Form):
    """What an evaluation has measured, whole and by slice."""

    values: dict[StrictStr, FiniteFloat]
    slices: dict[StrictStr, dict[StrictStr, FiniteFloat]] = {}


_FORMS: Mapping[Evidence, type[_Form]] = {Evidence.RUN: Run, Evidence.DATASET: Dataset, Evidence.METRICS: Metrics}


def read(kind: Evidence, content: bytes) -> _Form | None:
    """Reads a piece of evidence; None of a kind that has no form here.

    Raises:
        InputRefused: It has another form; every place is named.
    """
    form = _FORMS.get(kind)
    if form is None:
        return None
    try:
        return form.model_validate(json.loads(content))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputRefused(f"This {kind.word} is no JSON: {error}", reason="EVIDENCE_REFUSED", kind=kind.word) from None
    except ValidationError as error:
        violations = tuple(Violation(_path(found["loc"]), found["msg"]) for found in error.errors())
        sentences = "; ".join(f"{path}: {reason}" for path, reason in violations)
        raise InputRefused(
            f"This {kind.word} is refused: {sentences}.",
            reason="EVIDENCE_REFUSED",
            violations=violations,
            kind=kind.word,
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path = f"{path}[{part}]" if isinstance(part, int) else extend_path(path, part)
    return path
