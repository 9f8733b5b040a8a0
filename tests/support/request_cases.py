"""Requests that are whole and ask for what cannot be: names, inputs, contents, outputs, parameters."""

from collections.abc import Callable

from tidegate.inference import health_pb2
from tidegate.inference import open_inference_pb2 as oip

from .calls import floats, four, request
from .cases import call, case, infer, raw
from .gateway import Gateway
from .http2 import message
from .refusals import Refusal


def _x(model: str, datatype: str, shape: list[int], raw: bytes | None, **fields) -> Callable[[Gateway], Refusal]:
    return infer(request(model, ("x", datatype, shape, raw), **fields))


def _typed(model: str, datatype: str, shape: list[int], **contents) -> Callable[[Gateway], Refusal]:
    asked = request(model, ("x", datatype, shape, None))
    asked.inputs[0].contents.SetInParent()
    for field, values in contents.items():
        getattr(asked.inputs[0].contents, field).extend(values)
    return infer(asked)


def _parameter(key: str, **value) -> Callable[[Gateway], Refusal]:
    asked = four()
    asked.parameters[key].CopyFrom(oip.InferParameter(**value))
    return infer(asked)


def _output(*names: str, parameter: str = "") -> Callable[[Gateway], Refusal]:
    asked = four()
    for name in names:
        output = asked.outputs.add(name=name)
        if parameter:
            output.parameters[parameter].int64_param = 1
    return infer(asked)


def _half_typed() -> oip.ModelInferRequest:
    asked = four()
    asked.inputs[0].contents.fp32_contents.append(1)
    return asked


def _shared_memory() -> oip.ModelInferRequest:
    asked = four()
    asked.inputs[0].parameters["shared_memory_region"].string_param = "region"
    return asked


def _strings(count: int, raw: bytes) -> Callable[[Gateway], Refusal]:
    return infer(request("strings", ("text", "BYTES", [count], raw)))


def _trace_on() -> oip.TraceSettingRequest:
    asked = oip.TraceSettingRequest()
    asked.settings["trace_level"].value.append("TIMESTAMPS")
    return asked


GOOD = four().SerializeToString()
X = ("x", "FP32", [1, 4], floats(1, 2, 3, 4))
A = ("a", "FP32", [1, 2], floats(1, 2))
B = ("b", "INT64", [1, 2], bytes(16))
TWO_B = ("b", "INT64", [2, 2], bytes(32))

NAMES = [
    case("UNKNOWN_MODEL", "inference", infer(four("nobody")), "model_name"),
    case("UNKNOWN_MODEL", "no name", infer(four("")), "model_name"),
    case("UNKNOWN_MODEL", "ready", call("ModelReady", oip.ModelReadyRequest(name="nobody")), "model_name"),
    case("UNKNOWN_VERSION", "inference", infer(four(model_version="7")), "model_version"),
    case("UNKNOWN_VERSION", "no number", infer(four(model_version="-1")), "model_version"),
    case("VERSION_NOT_ON_ROUTE", "inference", infer(four("split", model_version="3")), "model_version"),
    case(
        "UNKNOWN_SERVICE",
        "health",
        call("Check", health_pb2.HealthCheckRequest(service="nobody"), "/grpc.health.v1.Health/"),
        "service",
    ),
    case("VERSION_UNAVAILABLE", "broken file", infer(four("broken")), "model_name"),
    case("VERSION_UNAVAILABLE", "ZipMap", infer(four("zipmap")), "model_name"),
]


INPUTS = [
    case("MISSING_INPUT", "none at all", infer(request("add_one")), "inputs"),
    case("MISSING_INPUT", "one of two", infer(request("two_in_two_out", A)), "inputs"),
    case("DUPLICATE_INPUT", "of one", infer(request("add_one", X, X)), "inputs[1].name"),
    case("DUPLICATE_INPUT", "beside another", infer(request("two_in_two_out", A, B, A)), "inputs[2].name"),
    case("UNKNOWN_INPUT", "beside the right one", infer(request("add_one", X, ("z", *X[1:]))), "inputs[1].name"),
    case("UNKNOWN_INPUT", "an empty name", infer(request("add_one", X, ("", *X[1:]))), "inputs[1].name"),
    case("WRONG_DATATYPE", "another one", _x("add_one", "FP64", [1, 4], bytes(32)), "inputs[0].datatype"),
    case("WRONG_DATATYPE", "none", _x("add_one", "", [1, 4], bytes(16)), "inputs[0].datatype"),
    case("WRONG_DATATYPE", "no datatype", _x("add_one", "fp32", [1, 4], bytes(16)), "inputs[0].datatype"),
    case("WRONG_RANK", "too few axes", _x("add_one", "FP32", [4], bytes(16)), "inputs[0].shape"),
    case("WRONG_RANK", "too many axes", _x("add_one", "FP32", [1, 4, 1], bytes(16)), "inputs[0].shape"),
    case("WRONG_RANK", "an axis for a scalar", _x("scalar", "FP32", [1], bytes(4)), "inputs[0].shape"),
    case("WRONG_SHAPE", "another extent", _x("add_one", "FP32", [1, 5], bytes(20)), "inputs[0].shape[1]"),
    case("WRONG_SHAPE", "no rows of none", _x("add_one", "FP32", [1, 0], b""), "inputs[0].shape[1]"),
    case("WRONG_SHAPE", "another number of rows", infer(request("two_in_two_out", A, TWO_B)), "inputs[1].shape[0]"),
    case("INVALID_SHAPE", "negative", _x("add_one", "FP32", [-1, 4], bytes(16)), "inputs[0].shape[0]"),
    case("INVALID_SHAPE", "the most negative", _x("add_one", "FP32", [-(2**63), 4], b""), "inputs[0].shape[0]"),
    case(
        "INVALID_SHAPE",
        "a product beyond 64 bits",
        _x("dynamic_shapes", "FP32", [2**33, 2**33], b""),
        "inputs[0].shape",
    ),
    case(
        "INVALID_SHAPE", "a product that wraps to 0", _x("dynamic_shapes", "FP32", [2**62, 4], b""), "inputs[0].shape"
    ),
    case("INVALID_SHAPE", "hidden behind a 0", _x("dynamic_shapes", "FP32", [2**62, 0], b""), "inputs[0].shape"),
]

CONTENTS = [
    case("RAW_COUNT_MISMATCH", "one of two", infer(request("two_in_two_out", A, (*B[:3], None))), "raw_input_contents"),
    case("RAW_COUNT_MISMATCH", "one too many", infer(four(raw_input_contents=[b""])), "raw_input_contents"),
    case("RAW_LENGTH_MISMATCH", "too short", _x("add_one", "FP32", [1, 4], bytes(15)), "raw_input_contents[0]"),
    case("RAW_LENGTH_MISMATCH", "too long", _x("add_one", "FP32", [1, 4], bytes(17)), "raw_input_contents[0]"),
    case("RAW_LENGTH_MISMATCH", "empty", _x("add_one", "FP32", [1, 4], b""), "raw_input_contents[0]"),
    case("RAW_LENGTH_MISMATCH", "a string too many", _strings(3, b"\0\0\0\0" * 4), "raw_input_contents[0]"),
    case("RAW_LENGTH_MISMATCH", "a string too few", _strings(3, b"\0\0\0\0" * 2), "raw_input_contents[0]"),
    case("RAW_AND_TYPED", "both", infer(_half_typed()), "inputs[0].contents"),
    case("MISSING_CONTENTS", "neither", _x("add_one", "FP32", [1, 4], None), "inputs[0].contents"),
    case("MISSING_CONTENTS", "FP16 has no typed form", _typed("identity_fp16", "FP16", [1, 3]), "inputs[0].contents"),
    case(
        "WRONG_CONTENTS",
        "whole numbers for FP32",
        _typed("add_one", "FP32", [1, 4], int64_contents=[1] * 4),
        "inputs[0].contents",
    ),
    case(
        "WRONG_CONTENTS",
        "doubles for FP32",
        _typed("add_one", "FP32", [1, 4], fp64_contents=[1] * 4),
        "inputs[0].contents",
    ),
    case(
        "CONTENTS_LENGTH_MISMATCH",
        "too few",
        _typed("add_one", "FP32", [1, 4], fp32_contents=[1] * 3),
        "inputs[0].contents",
    ),
    case(
        "CONTENTS_LENGTH_MISMATCH",
        "too many",
        _typed("add_one", "FP32", [1, 4], fp32_contents=[1] * 5),
        "inputs[0].contents",
    ),
    case(
        "CONTENTS_OUT_OF_RANGE",
        "UINT8",
        _typed("identity_uint8", "UINT8", [1, 3], uint_contents=[1, 300, 2]),
        "inputs[0].contents",
    ),
    case(
        "CONTENTS_OUT_OF_RANGE",
        "INT8",
        _typed("identity_int8", "INT8", [1, 3], int_contents=[1, 2, -129]),
        "inputs[0].contents",
    ),
    case(
        "CONTENTS_OUT_OF_RANGE",
        "a raw BOOL of 2",
        _x("identity_bool", "BOOL", [1, 3], b"\0\1\2"),
        "raw_input_contents[0]",
    ),
    case("TRUNCATED_BYTES", "in a string", _strings(1, b"\5\0\0\0four"), "raw_input_contents[0]"),
    case("TRUNCATED_BYTES", "in a length", _strings(1, b"\5\0\0"), "raw_input_contents[0]"),
    case("TRUNCATED_BYTES", "4 GiB claimed", _strings(1, b"\xff\xff\xff\xff"), "raw_input_contents[0]"),
]

OUTPUTS = [
    case("UNKNOWN_OUTPUT", "a name", _output("score"), "outputs[0].name"),
    case("UNKNOWN_OUTPUT", "beside the right one", _output("y", "score"), "outputs[1].name"),
    case("DUPLICATE_OUTPUT", "twice", _output("y", "y"), "outputs[1].name"),
    case(
        "UNSUPPORTED_PARAMETER",
        "classification",
        _output("y", parameter="classification"),
        'outputs[0].parameters["classification"]',
    ),
    case(
        "SHARED_MEMORY_DISABLED",
        "an output",
        _output("y", parameter="shared_memory_region"),
        'outputs[0].parameters["shared_memory_region"]',
    ),
    case("SHARED_MEMORY_DISABLED", "an input", infer(_shared_memory()), 'inputs[0].parameters["shared_memory_region"]'),
    case("SHARED_MEMORY_DISABLED", "registering a region", call("SystemSharedMemoryRegister")),
    case("SHARED_MEMORY_DISABLED", "registering a device's region", call("CudaSharedMemoryRegister")),
]

PARAMETERS = [
    case("INVALID_PARAMETER", "priority", _parameter("priority", string_param="high"), 'parameters["priority"]'),
    case("INVALID_PARAMETER", "a negative priority", _parameter("priority", int64_param=-1), 'parameters["priority"]'),
    case("INVALID_PARAMETER", "timeout", _parameter("timeout", double_param=0.5), 'parameters["timeout"]'),
    case(
        "INVALID_PARAMETER",
        "a bool that is none",
        _parameter("sequence_start", int64_param=1),
        'parameters["sequence_start"]',
    ),
    case("INVALID_PARAMETER", "no value", _parameter("timeout"), 'parameters["timeout"]'),
    case(
        "INVALID_PARAMETER",
        "a reserved prefix",
        _parameter("triton_more", bool_param=True),
        'parameters["triton_more"]',
    ),
    case(
        "INVALID_PARAMETER",
        "statistics of a version of nothing",
        call("ModelStatistics", oip.ModelStatisticsRequest(version="1")),
        "version",
    ),
    case("INVALID_TIMEOUT", "no unit", raw(message(GOOD), ("grpc-timeout", "5"))),
    case("INVALID_TIMEOUT", "negative", raw(message(GOOD), ("grpc-timeout", "-5S"))),
    case("INVALID_TIMEOUT", "nine digits", raw(message(GOOD), ("grpc-timeout", "123456789S"))),
    case(
        "WRONG_DIALECT",
        "KServe's",
        call("RepositoryModelLoad", oip.RepositoryModelLoadRequest(repository_name="add")),
        "repository_name",
    ),
    case("ADMIN_ONLY", "load", call("RepositoryModelLoad", oip.RepositoryModelLoadRequest(model_name="add"))),
    case("ADMIN_ONLY", "unload", call("RepositoryModelUnload", oip.RepositoryModelUnloadRequest(model_name="add"))),
    case("ADMIN_ONLY", "a trace setting", call("TraceSetting", _trace_on()), "settings"),
    case("PIN_DENIED", "a version", infer(four("closed", model_version="1")), "model_version"),
    case(
        "MODEL_FAILED",
        "an index outside",
        infer(request("gather", ("index", "INT64", [1, 1], (99).to_bytes(8, "little")))),
    ),
]
