"""A request as the protocol writes it, from a caller's values; refused with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tidegate.client import failures, frames, values
from tidegate.client.metadata import Metadata
from tidegate.client.signatures import ModelMetadata
from tidegate.client.specs import TensorSpec
from tidegate.errors import Violation
from tidegate.inference.open_inference_pb2 import InferParameter, ModelInferRequest

if TYPE_CHECKING:  # neither is a dependency
    import pandas as pd
    import polars as pl

Parameter = bool | int | float | str
Inputs: TypeAlias = "Mapping[str, object] | pd.DataFrame | pl.DataFrame"
_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a caller asks for, before it is fitted to the model."""

    model: str
    inputs: Inputs
    outputs: tuple[str, ...] = ()
    version: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    request_id: str = ""

    @classmethod
    def of(
        cls,
        model: str,
        inputs: Inputs,
        *,
        outputs: Iterable[str] | None,
        version: str,
        parameters: Mapping[str, Parameter] | None,
        request_id: str,
    ) -> Ask:
        """What the arguments of a call say."""
        return cls(
            model=model,
            inputs=inputs,
            outputs=tuple(outputs or ()),
            version=version,
            parameters=parameters or {},
            request_id=request_id,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One of many requests to the same model, with what is its own."""

    inputs: Inputs
    """As `Client.infer` takes them."""

    metadata: Metadata = field(default_factory=dict)
    """Sent with this request, besides what all have: such as its sticky key."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Of this request, besides what all have."""

    request_id: str = ""
    """Comes back as the answer's `id`."""


def build(ask: Ask, signature: ModelMetadata) -> ModelInferRequest:
    """The request with raw contents.

    Raises:
        InvalidRequest: With every violation, under the reason `UNFIT_INPUT`.
        TypeError: The inputs are neither a mapping nor a frame.
    """
    request = ModelInferRequest(model_name=ask.model, model_version=ask.version, id=ask.request_id)
    of_frame = frames.encode(ask.inputs, signature.inputs)
    encoded, violations = _encode(ask.inputs, signature.inputs) if of_frame is None else of_frame
    for spec, shape, raw in encoded:
        request.inputs.add(name=spec.name, datatype=spec.datatype, shape=shape)
        request.raw_input_contents.append(raw)
    for name in ask.outputs:
        request.outputs.add(name=name)
    for name, value in ask.parameters.items():
        parameter = _parameter(value)
        if parameter is None:
            expected = "expected a bool, an integer of 64 bits, a float or text"
            violations.append(Violation(values.path_of("parameters", name), f"{expected}, got {type(value).__name__}"))
        else:
            request.parameters[name].CopyFrom(parameter)
    if violations:
        raise failures.from_violations(violations)
    return request


def _encode(inputs: Any, specs: tuple[TensorSpec, ...]) -> tuple[list[values.Encoded], list[Violation]]:
    """Each value as its input, and everything that is wrong with them."""
    if not isinstance(inputs, Mapping):
        kind = type(inputs)
        advice = " (collect it first)" if kind.__name__ == "LazyFrame" else ""
        raise TypeError(f"inputs are a mapping or a DataFrame, not {kind.__module__}.{kind.__qualname__}{advice}")
    declared = {spec.name: spec for spec in specs}
    missing = f"is missing; the model takes {_listed(declared)}"
    violations = [Violation(values.path_of("inputs", name), missing) for name in declared if name not in inputs]
    encoded: list[values.Encoded] = []
    for name, value in inputs.items():
        path = values.path_of("inputs", name)
        if name not in declared:
            violations.append(Violation(path, f"the model has no such input; it takes {_listed(declared)}"))
            continue
        try:
            shape, raw = values.encode(value, declared[name], path)
        except values.Misfit as misfit:
            violations += misfit.violations
        else:
            encoded.append(values.Encoded(declared[name], shape, raw))
    return encoded, violations


def _parameter(value: Parameter) -> InferParameter | None:
    match value:
        case bool():
            return InferParameter(bool_param=value)
        case int() if _INT64_MIN <= value <= _INT64_MAX:
            return InferParameter(int64_param=value)
        case int() if 0 <= value <= _UINT64_MAX:
            return InferParameter(uint64_param=value)
        case float():
            return InferParameter(double_param=value)
        case str():
            return InferParameter(string_param=value)
        case _:
            return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
