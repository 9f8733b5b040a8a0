"""Requests as the users of tritonclient write them."""

from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc

# What numpy has no type for travels as its bits.
BITS_OF_BF16 = np.dtype("uint16")


def sent(name: str, values: np.ndarray, datatype: str) -> triton_grpc.InferInput:
    """One input."""
    tensor = triton_grpc.InferInput(name, list(values.shape), datatype)
    if datatype == "BF16":
        tensor._raw_content = values.astype(BITS_OF_BF16).tobytes()  # numpy's own BF16 does not exist
    else:
        tensor.set_data_from_numpy(values)
    return tensor


def x(*rows: list[float]) -> list[triton_grpc.InferInput]:
    """The input of the models that take FP32 [-1, 4]."""
    return [sent("x", np.float32(rows).reshape(-1, 4), "FP32")]


def tensor_of(result: triton_grpc.InferResult, name: str) -> Any:
    """An output as numpy."""
    found = result.as_numpy(name)
    assert found is not None, f"there is no output {name}"
    return found


def parameters_of(result: triton_grpc.InferResult) -> dict[str, Any]:
    """The parameters of an answer."""
    parameters = result.get_response().parameters
    return {name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in parameters.items()}
