"""ONNX models whose rows are of open length, or of many columns."""

import onnx
from onnx import TensorProto, helper

from support.models import ELEMENT_TYPES


def ragged(datatype: str) -> onnx.ModelProto:
    """[-1, -1] of the datatype -> the same: rows of any length, as ids of tokens come."""
    rows = ["N", "L"]
    return _model(
        helper.make_node("Identity", ["ids"], ["same"]),
        helper.make_tensor_value_info("ids", ELEMENT_TYPES[datatype], rows),
        helper.make_tensor_value_info("same", ELEMENT_TYPES[datatype], rows),
    )


def wide(width: int) -> onnx.ModelProto:
    """FP32 [-1, width] -> FP32 [-1, 1], the sum of each row."""
    return _model(
        helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1]),
        helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
    )


def _model(
    node: onnx.NodeProto, taken: onnx.ValueInfoProto, given: onnx.ValueInfoProto, *constants: onnx.TensorProto
) -> onnx.ModelProto:
    graph = helper.make_graph([node], "graph", [taken], [given], list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
