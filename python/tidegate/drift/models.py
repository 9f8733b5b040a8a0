"""A model run over rows: what it takes and gives, and its predictions as a table.

ONNX Runtime is loaded when a model is: nothing else of this package needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate import optional
from tidegate.core.profiles import Strings
from tidegate.datatypes import BYTES, DTYPES
from tidegate.drift.columns import read_whole
from tidegate.drift.errors import ModelUnusable
from tidegate.drift.signatures import BoundTensor, Signature, TensorSpec
from tidegate.drift.tables import Table, load_arrow

BATCH_ROWS = 4096
_MATRIX = 2
_DATATYPES = {
    "bool": "BOOL",
    "float16": "FP16",
    "bfloat16": "BF16",
    "float": "FP32",
    "double": "FP64",
    "string": BYTES,
    **{f"{sign}int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class Model:
    """An ONNX model that answers rows."""

    def __init__(self, path: Path) -> None:
        """Loads it.

        Raises:
            ModelUnusable: It is none, or takes or gives what is no tensor of the protocol.
            ModuleNotFoundError: ONNX Runtime is not installed.
        """
        self.path = path
        runtime = optional.load("onnxruntime", needed_for="a profile of a model")
        if not path.is_file():
            raise ModelUnusable(f"{path} cannot be read: there is no such file.")
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is raised as well
        try:
            self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # each of its failures has a class of its own, under no common one
            raise ModelUnusable(f"{path} is no model that ONNX Runtime can load: {_last_part(error)}.") from error
        self.signature = Signature(
            inputs=tuple(self._spec(tensor) for tensor in self._session.get_inputs()),
            outputs=tuple(self._spec(tensor) for tensor in self._session.get_outputs()),
        )

    def predict(
        self, table: Table, inputs: Sequence[BoundTensor], *, advance: Callable[[int], None] = lambda _: None
    ) -> dict[str, npt.NDArray[Any]]:
        """The outputs for all rows of a table, of shape [rows] or [rows, k].

        Raises:
            ModelUnusable: It cannot run on these rows, or answers something else than one row for each.
            ColumnsUnusable: A column does not hold what its input takes.
        """
        fed = {tensor.name: self._feed(table, tensor) for tensor in inputs}
        names = [spec.name for spec in self.signature.outputs]
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in names}
        for begin in range(0, table.rows, BATCH_ROWS):
            rows = min(BATCH_ROWS, table.rows - begin)
            try:
                answers = self._session.run(names, {name: rows_[begin : begin + rows] for name, rows_ in fed.items()})
            except Exception as error:
                place = f"rows {begin:,} to {begin + rows - 1:,}"
                raise ModelUnusable(f"{self.path} fails on {place} of {table.name}: {_last_part(error)}.") from error
            for name, answer in zip(names, answers, strict=True):
                if answer.shape[:1] != (rows,):
                    raise ModelUnusable(f"{self.path} answers {rows} rows with {name} of shape {list(answer.shape)}.")
                parts[name].append(answer)
            advance(rows)
        return {name: np.concatenate(answers) for name, answers in parts.items()}

    def _spec(self, tensor: Any) -> TensorSpec:
        kind = tensor.type.removeprefix("tensor(").removesuffix(")")
        if kind not in _DATATYPES:
            raise ModelUnusable(f"{self.path} has {tensor.name} of {tensor.type}, which is no tensor of the protocol.")
        shape = tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
        return TensorSpec(name=tensor.name, datatype=_DATATYPES[kind], shape=shape)

    def _feed(self, table: Table, tensor: BoundTensor) -> npt.NDArray[Any]:
        """An input as ONNX Runtime takes it, of the rank that the model declares."""
        columns = [_array(read_whole(table, name, tensor.datatype)) for name in tensor.columns]
        rank = next(len(spec.shape) for spec in self.signature.inputs if spec.name == tensor.name)
        return columns[0] if rank == 1 else np.stack(columns, axis=1)


def predictions(outputs: Mapping[str, npt.NDArray[Any]], model: str) -> tuple[Table, tuple[BoundTensor, ...]]:
    """Outputs as a table with its tensors: `y` of one value a row is the column `y`, one of k values `y[0]` … `y[k-1]`.

    Outputs of more axes are images or sequences, not predictions that could drift by column; they are left out.
    """
    columns: dict[str, npt.NDArray[Any]] = {}
    tensors = []
    for name, output in outputs.items():
        if output.ndim > _MATRIX:
            continue
        flat = output.reshape(len(output), -1)
        is_single = flat.shape[1] == 1
        named = [name] if is_single else [f"{name}[{at}]" for at in range(flat.shape[1])]
        columns |= {column: np.ascontiguousarray(flat[:, at]) for at, column in enumerate(named)}
        tensors.append(BoundTensor(name=name, datatype=_datatype(flat), columns=tuple(named)))
    rows = len(next(iter(outputs.values()), ()))
    arrow = load_arrow()
    table = Table(
        name=f"the predictions of {model}",
        columns=dict.fromkeys(columns),
        rows=rows,
        read=lambda column: arrow.chunked_array([arrow.array(columns[column])]),
    )
    return table, tuple(tensors)


def _datatype(values: npt.NDArray[Any]) -> str:
    """The datatype of an output; text comes as objects."""
    return next((name for name, dtype in DTYPES.items() if dtype == values.dtype), BYTES)


def _array(values: npt.NDArray[Any] | Strings) -> npt.NDArray[Any]:
    if not isinstance(values, Strings):
        return values
    texts = np.empty(len(values), dtype=object)
    texts[:] = list(_texts(values))
    return texts


def _texts(values: Strings) -> Iterator[str]:
    data, offsets = values.data.tobytes(), values.offsets.tolist()
    for begin, end in pairwise(offsets):
        yield data[begin:end].decode(errors="surrogateescape")


def _last_part(error: Exception) -> str:
    """What ONNX Runtime says after its own codes and places."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(" : ")[-1].rstrip(".")
