"""The other process: reads one model under limits, and says what it found as JSON."""

import json
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

_CPU_S = 240
_FILES = 256


def main(folder: Path, limit_bytes: int) -> None:
    """Checks a model and prints the findings."""
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    print(json.dumps(_inspect(folder)))  # noqa: T201  # the parent reads it


def _inspect(folder: Path) -> dict[str, Any]:
    import onnx  # noqa: PLC0415  # under the limits
    from google.protobuf.message import DecodeError  # noqa: PLC0415

    found: dict[str, Any] = {"reasons": [], "signature": {}, "external": []}
    path = folder / "model.onnx"
    try:
        model = onnx.load(path, load_external_data=False)
        found["external"] = _external(model, folder, found["reasons"])
        if not found["reasons"]:
            onnx.checker.check_model(path, full_check=True)
            found["signature"] = _signature(model.graph, found["reasons"])
    except DecodeError:
        found["reasons"].append("is no ONNX model, or one that was cut short")
    except MemoryError:
        found["reasons"].append("needs more memory to check than any model of its size should")
    except Exception as error:  # noqa: BLE001  # onnx raises what its parsers raise
        found["reasons"].append(_sentence(error))
    return found


def _external(model: Any, folder: Path, reasons: list[str]) -> list[str]:
    from onnx.external_data_helper import ExternalDataInfo, _get_all_tensors, uses_external_data  # noqa: PLC0415

    paths = set()
    for tensor in _get_all_tensors(model):
        if uses_external_data(tensor):
            location = ExternalDataInfo(tensor).location
            path = folder / location
            is_inside = path.resolve().is_relative_to(folder.resolve()) and not Path(location).is_absolute()
            if not is_inside or path.is_symlink():
                reasons.append(f"its external data {location!r} is outside of its folder")
            elif not path.is_file():
                reasons.append(f"its external data {location!r} is not among the files")
            else:
                paths.add(location)
    return sorted(paths)


def _signature(graph: Any, reasons: list[str]) -> dict[str, list[dict[str, Any]]]:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    sides = {"inputs": inputs, "outputs": list(graph.output)}
    for side, values in sides.items():
        # Callers name tensors; the checker finds names that are made twice, not those that are given out twice.
        counted = Counter(value.name for value in values)
        reasons.extend(f"its {side} name {name!r} {count} times" for name, count in counted.items() if count > 1)
    return {side: [_spec(value, reasons) for value in values] for side, values in sides.items()}


def _spec(value: Any, reasons: list[str]) -> dict[str, Any]:
    import onnx  # noqa: PLC0415

    names = {
        "FLOAT": "FP32",
        "DOUBLE": "FP64",
        "FLOAT16": "FP16",
        "BFLOAT16": "BF16",
        "STRING": "BYTES",
        "BOOL": "BOOL",
        **{f"{sign}INT{bits}": f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
    }
    kind = value.type.tensor_type
    datatype = names.get(onnx.TensorProto.DataType.Name(kind.elem_type))
    if value.type.WhichOneof("value") != "tensor_type" or datatype is None:
        reasons.append(f"{value.name!r} is no tensor of the Open Inference Protocol")
    # A dimension without a value is a name or nothing: any size.
    shape = [size.dim_value if size.HasField("dim_value") else -1 for size in kind.shape.dim]
    return {"name": value.name, "datatype": datatype, "shape": shape}


def _sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:500]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
