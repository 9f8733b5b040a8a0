"""A request as the protocol writes it, from a caller's values; refused with everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.client import values
from tidegate.client.signatures import ModelMetadata
from tidegate.errors import InvalidRequest, Violation
from tidegate.inference.open_inference_pb2 import InferParameter, ModelInferRequest

Parameter = bool | int | float | str
_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")
# Violations that the message itself spells out; all of them are in `violations`.
_SPELT_OUT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a caller asks for, before it is fitted to the model."""

    model: str
    inputs: Mapping[str, object]
    outputs: tuple[str, ...] = ()
    version: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    request_id: str = ""


def build(ask: Ask, signature: ModelMetadata) -> ModelInferRequest:
    """The request with raw contents.

    Raises:
        InvalidRequest: With every violation, under the reason `UNFIT_INPUT`.
    """
    violations: list[Violation] = []
    request = ModelInferRequest(model_name=ask.model, model_version=ask.version, id=ask.request_id)
    declared = {spec.name: spec for spec in signature.inputs}
    missing = f"is missing; the model takes {_listed(declared)}"
    violations += [Violation(_path("inputs", name), missing) for name in declared if name not in ask.inputs]
    for name, value in ask.inputs.items():
        path = _path("inputs", name)
        if name not in declared:
            violations.append(Violation(path, f"the model has no such input; it takes {_listed(declared)}"))
            continue
        try:
            shape, raw = values.encode(value, declared[name], path)
        except values.Misfit as misfit:
            violations += misfit.violations
            continue
        request.inputs.add(name=name, datatype=declared[name].datatype, shape=shape)
        request.raw_input_contents.append(raw)
    for name in ask.outputs:
        request.outputs.add(name=name)
    for name, value in ask.parameters.items():
        parameter = _parameter(value)
        if parameter is None:
            expected = "expected a bool, an integer of 64 bits, a float or text"
            violations.append(Violation(_path("parameters", name), f"{expected}, got {type(value).__name__}"))
        else:
            request.parameters[name].CopyFrom(parameter)
    if violations:
        raise _refusal(violations)
    return request


def _refusal(violations: list[Violation]) -> InvalidRequest:
    spelt = "; ".join(f"{path}: {reason}" for path, reason in violations[:_SPELT_OUT])
    more = f"; and {len(violations) - _SPELT_OUT} more" if len(violations) > _SPELT_OUT else ""
    return InvalidRequest(
        f"The request cannot be sent: {spelt}{more}.",
        code="INVALID_ARGUMENT",
        reason="UNFIT_INPUT",
        violations=tuple(violations),
    )


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


def _path(place: str, name: str) -> str:
    return f"{place}.{name}" if _PLAIN_NAME.fullmatch(name) else f'{place}["{name}"]'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
