"""Requests of tritonclient to the models of Triton's examples, and numpy's own answer to them."""

import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput, InferResult

ELEMENTS = 16
FIRST = np.arange(ELEMENTS, dtype=np.int32).reshape(1, ELEMENTS)
SECOND = np.full((1, ELEMENTS), 3, np.int32)


def of(name: str, values: np.ndarray, datatype: str) -> InferInput:
    """One input with its contents."""
    tensor = InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    return tensor


def pair(first: np.ndarray = FIRST, second: np.ndarray = SECOND, datatype: str = "INT32") -> list[InferInput]:
    """Both inputs of a `simple` model."""
    return [of("INPUT0", first, datatype), of("INPUT1", second, datatype)]


def both() -> list[InferRequestedOutput]:
    """Both outputs, asked for by name as the examples do."""
    return [InferRequestedOutput("OUTPUT0"), InferRequestedOutput("OUTPUT1")]


def assert_sum_and_difference(result: InferResult, first: np.ndarray = FIRST, second: np.ndarray = SECOND) -> None:
    """The answer of a `simple` model is numpy's."""
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), first + second, strict=True)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), first - second, strict=True)


def assert_scored(result: InferResult, answers: dict, version: str, rows: slice = slice(None)) -> None:
    """The answer of `scorer` is ONNX Runtime's for the same rows; the last digits may depend on how rows were batched."""
    known = answers[version]
    np.testing.assert_allclose(result.as_numpy("probability"), np.float32(known["probability"])[rows], rtol=1e-5)
    np.testing.assert_array_equal(result.as_numpy("label"), np.int64(known["label"])[rows], strict=True)


def rows_of(answers: dict, rows: slice = slice(None)) -> list[InferInput]:
    """The input of `scorer`."""
    return [of("x", np.float32(answers["x"])[rows], "FP32")]
