"""What a model would get from a frame, without a server."""

import pytest

from tidegate import errors
from tidegate.client.requests import Ask, build
from tidegate.client.signatures import ModelMetadata
from tidegate.client.specs import TensorSpec
from tidegate.client.tensors import from_raw


def signature(**inputs):
    """A model that takes each input as (datatype, shape)."""
    specs = tuple(TensorSpec(name=name, datatype=kind, shape=tuple(shape)) for name, (kind, shape) in inputs.items())
    return ModelMetadata(name="m", versions=("1",), platform="", inputs=specs, outputs=())


def sent(frame, **inputs):
    """What a model with these inputs would get."""
    request = build(Ask(model="m", inputs=frame), signature(**inputs))
    return {
        tensor.name: from_raw(tensor.datatype, tensor.shape, raw)
        for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
    }


def refusals(frame, **inputs):
    with pytest.raises(errors.InvalidRequest) as refused:
        sent(frame, **inputs)
    assert refused.value.reason == "UNFIT_INPUT"
    return [tuple(violation) for violation in refused.value.violations]
