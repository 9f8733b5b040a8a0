"""ModelInfer as a stock tritonclient sends it: every datatype, every shape, and back without a changed bit."""

from queue import SimpleQueue

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException

from support.models import ELEMENT_TYPES
from support.triton import BITS_OF_BF16, parameters_of, sent, tensor_of, x

NUMBERS = {
    "UINT8": [[0, 1, 255]],
    "UINT16": [[0, 1, 2**16 - 1]],
    "UINT32": [[0, 1, 2**32 - 1]],
    "UINT64": [[0, 1, 2**64 - 1]],
    "INT8": [[-(2**7), -1, 2**7 - 1]],
    "INT16": [[-(2**15), -1, 2**15 - 1]],
    "INT32": [[-(2**31), -1, 2**31 - 1]],
    "INT64": [[-(2**63), -1, 2**63 - 1]],
    "FP16": [[-0.0, np.inf, 6e-8]],
    "FP32": [[-0.0, -np.inf, 1e-45]],
    "FP64": [[-0.0, np.inf, 5e-324]],
    "BOOL": [[True, False, True]],
}
DTYPES = {
    **{name: np.dtype(name.lower()) for name in NUMBERS if "INT" in name},
    "FP16": np.dtype("f2"),
    "FP32": np.dtype("f4"),
    "FP64": np.dtype("f8"),
    "BOOL": np.dtype("?"),
}
STRINGS = [[b"", b"with \x00 inside", b"\xff\xfe is no UTF-8"], ["ü".encode(), b"\x00", b"x" * 70_000]]


@pytest.mark.parametrize("datatype", NUMBERS)
def test_every_number_comes_back_bit_by_bit(triton, datatype):
    values = np.array(NUMBERS[datatype] * 3, DTYPES[datatype])
    result = triton.infer(f"identity_{datatype.lower()}", [sent("x", values, datatype)])
    assert tensor_of(result, "y").tobytes() == values.tobytes()
    assert tensor_of(result, "y").dtype == values.dtype
    assert list(result.get_output("y").shape) == [3, 3]


def test_the_bits_of_bf16_and_of_a_nan_are_left_alone(triton):
    bits = np.array([[0x7FC1, 0x8000, 0x0001]], BITS_OF_BF16)
    result = triton.infer("identity_bf16", [sent("x", bits, "BF16")])
    assert result.get_response().raw_output_contents[0] == bits.tobytes()
    nan = np.array([[0x7FC0_1234, 0xFFC0_0001, 0x7F80_0001]], "u4").view("f4")
    assert tensor_of(triton.infer("identity_fp32", [sent("x", nan, "FP32")]), "y").tobytes() == nan.tobytes()


def test_bytes_may_hold_anything(triton):
    values = np.array(STRINGS, dtype=object)
    result = triton.infer("identity_bytes", [sent("x", values, "BYTES")])
    assert tensor_of(result, "y").tolist() == STRINGS


def test_the_datatypes_of_this_file_are_all_there_are():
    assert {*NUMBERS, "BF16", "BYTES"} == ELEMENT_TYPES.keys()


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 1000])
def test_a_request_may_have_any_number_of_rows(triton, rows):
    values = np.arange(rows * 4, dtype="f4").reshape(rows, 4)
    assert np.array_equal(tensor_of(triton.infer("add_one", [sent("x", values, "FP32")]), "y"), values + 1)


@pytest.mark.parametrize(
    "model, tensor, datatype, out",
    [
        ("add_one", ("x", (0, 4)), "FP32", "y"),
        ("identity_bytes", ("x", (0, 3)), "BYTES", "y"),
        ("strings", ("text", (0,)), "BYTES", "same"),
        ("dynamic_shapes", ("x", (0, 0)), "FP32", "double"),
        ("dynamic_shapes", ("x", (3, 0)), "FP32", "double"),
        ("dynamic_shapes", ("x", (0, 5)), "FP32", "double"),
        ("mean_removed", ("x", (0, 4)), "FP32", "y"),
    ],
)
def test_no_rows_and_no_elements_are_answered_with_none(triton, model, tensor, datatype, out):
    name, shape = tensor
    values = np.empty(shape, object if datatype == "BYTES" else "f4")
    result = triton.infer(model, [sent(name, values, datatype)])
    assert tensor_of(result, out).shape == shape


def test_a_sum_over_no_elements_is_zero_for_every_row(triton):
    result = triton.infer("dynamic_shapes", [sent("x", np.empty((3, 0), "f4"), "FP32")])
    assert tensor_of(result, "total").tolist() == [[0], [0], [0]]


def test_a_scalar_has_no_axes_there_and_back(triton):
    result = triton.infer("scalar", [sent("x", np.array(21, "f4"), "FP32")])
    assert list(result.get_output("y").shape) == []
    assert result.get_response().raw_output_contents[0] == np.float32(42).tobytes()


def test_a_fixed_shape_is_taken_as_it_is(triton):
    values = np.arange(6, dtype="f4").reshape(2, 3)
    assert np.array_equal(tensor_of(triton.infer("fixed_shape", [sent("x", values, "FP32")]), "y"), values * 2)


@pytest.mark.parametrize("width", [1, 2, 17, 3000])
def test_rows_of_any_width_go_through_one_model(triton, width):
    values = np.ones((2, width), "f4")
    result = triton.infer("dynamic_shapes", [sent("x", values, "FP32")])
    assert np.array_equal(tensor_of(result, "double"), values * 2)
    assert tensor_of(result, "total").tolist() == [[width], [width]]


def test_inputs_come_in_any_order_and_outputs_in_the_model_s(triton):
    a = sent("a", np.float32([[1.5, 2.5]]), "FP32")
    b = sent("b", np.int64([[10, 20]]), "INT64")
    for inputs in ([a, b], [b, a]):
        result = triton.infer("two_in_two_out", inputs)
        assert [output.name for output in result.get_response().outputs] == ["sum", "difference"]
        assert tensor_of(result, "sum").tolist() == [[11.5, 22.5]]
        assert tensor_of(result, "difference").tolist() == [[-9, -18]]


@pytest.mark.parametrize("names", [["difference"], ["sum"], ["difference", "sum"]])
def test_only_the_outputs_that_were_asked_for_come_and_in_that_order(triton, names):
    inputs = [sent("a", np.float32([[1, 2]]), "FP32"), sent("b", np.int64([[3, 4]]), "INT64")]
    result = triton.infer("two_in_two_out", inputs, outputs=[triton_grpc.InferRequestedOutput(name) for name in names])
    assert [output.name for output in result.get_response().outputs] == names
    values = {"sum": [[4, 6]], "difference": [[-2, -2]]}
    assert {name: tensor_of(result, name).tolist() for name in names} == {name: values[name] for name in names}


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests_are_answered(triton, algorithm):
    values = np.arange(40_000, dtype="f4").reshape(-1, 4)
    result = triton.infer("add_one", [sent("x", values, "FP32")], compression_algorithm=algorithm)
    assert np.array_equal(tensor_of(result, "y"), values + 1)


def test_a_request_of_many_megabytes_is_answered(triton):
    values = np.random.default_rng(7).standard_normal((1_000_000, 4), "f4")
    result = triton.infer("add_one", [sent("x", values, "FP32")])
    assert np.array_equal(tensor_of(result, "y"), values + np.float32(1))


def test_the_id_name_and_version_of_the_answer_are_the_caller_s(triton):
    answer = triton.infer("add_one", x([1, 2, 3, 4]), request_id="my own id").get_response()
    assert (answer.model_name, answer.model_version, answer.id) == ("add_one", "1", "my own id")
    assert triton.infer("add_one", x([1, 2, 3, 4]), model_version="1").get_response().model_version == "1"


def test_parameters_of_the_protocol_and_of_anybody_else_are_taken(triton):
    result = triton.infer(
        "add_one",
        x([1, 2, 3, 4]),
        priority=3,
        timeout=5_000_000,
        sequence_id=9,
        sequence_start=True,
        parameters={"tenant": "blue", "level": 2, "is_test": True},
        headers={"x-unknown": "value"},
        client_timeout=20,
    )
    assert tensor_of(result, "y").tolist() == [[2, 3, 4, 5]]
    assert set(parameters_of(result)) == {
        "tidegate_version",
        "tidegate_reason",
        "tidegate_prediction_id",
        "tidegate_epoch",
    }


def test_a_failing_run_fails_its_own_request_only(triton):
    with pytest.raises(InferenceServerException) as caught:
        triton.infer("gather", [sent("index", np.int64([[1], [99]]), "INT64")])
    assert caught.value.status() == "StatusCode.INTERNAL"
    assert tensor_of(triton.infer("gather", [sent("index", np.int64([[7]]), "INT64")]), "value").tolist() == [[7]]


def test_rows_that_look_at_each_other_are_never_shared_between_callers(triton):
    answers: SimpleQueue = SimpleQueue()
    for number in range(32):
        values = np.float32([[number, 0, 0, 0], [number + 2, 0, 0, 0]])
        triton.async_infer(
            "mean_removed", [sent("x", values, "FP32")], lambda result, error: answers.put((result, error))
        )
    for _ in range(32):
        result, error = answers.get(timeout=20)
        assert error is None
        assert tensor_of(result, "y")[:, 0].tolist() == [-1, 1]
