"""What a caller gets: the outputs by name, and who made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tidegate import optional
from tidegate.client import tensors
from tidegate.client.frames import table
from tidegate.errors import Internal
from tidegate.inference.open_inference_pb2 import InferParameter, ModelInferResponse

if TYPE_CHECKING:  # neither is a dependency
    import pandas as pd
    import polars as pl

Parameter = bool | int | str | float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer(Mapping[str, npt.NDArray[Any]]):
    """The outputs of one request as read-only arrays, with what the gateway says of its decision.

    BYTES come as arrays of `bytes` objects (`text` decodes them), BF16 as FP32, which holds each of its values exactly.
    """

    outputs: Mapping[str, npt.NDArray[Any]]

    version: str
    """Which version answered, as the gateway writes it; empty from another server."""

    reason: str
    """Why that version: such as `sticky` or `unkeyed`."""

    prediction_id: str
    """The name of this prediction, to join an outcome to it later."""

    epoch: int | None
    """The number of the snapshot that decided."""

    model_name: str
    model_version: str

    id: str
    """The caller's own `request_id`, sent back."""

    parameters: Mapping[str, Parameter]
    """Every parameter of the response."""

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """The output of this name."""
        return self.outputs[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the outputs, in the order of the model."""
        return iter(self.outputs)

    def __len__(self) -> int:
        """The number of outputs."""
        return len(self.outputs)

    def text(self, name: str) -> npt.NDArray[np.str_]:
        """A BYTES output as text; raises `UnicodeDecodeError` where it is not UTF-8."""
        output = self.outputs[name]
        decoded = [element.decode("utf-8") for element in output.ravel().tolist()]
        return np.array(decoded, dtype=np.str_).reshape(output.shape)

    def to_pandas(self, *, text: bool = True) -> pd.DataFrame:
        """The outputs as a DataFrame: the column `y` for an output of one value a row, `y[0]` … `y[k-1]` for one of k.

        Args:
            text: Whether BYTES become text, or stay bytes.

        Raises:
            ValueError: The outputs have more than two axes, none, or different numbers of rows.
            UnicodeDecodeError: A BYTES output is not UTF-8 and should be text.
            ModuleNotFoundError: pandas is not installed.
        """
        library = optional.load("pandas", needed_for="to_pandas")
        return library.DataFrame(table.columns(self.outputs, text=text))

    def to_polars(self, *, text: bool = True) -> pl.DataFrame:
        """The outputs as a polars DataFrame, by the rules of `to_pandas`."""
        library = optional.load("polars", needed_for="to_polars")
        of_objects = library.String if text else library.Binary
        frame: pl.DataFrame = library.DataFrame(
            [
                library.Series(name, values.tolist(), dtype=of_objects)
                if values.dtype.kind == "O"
                else library.Series(name, values)
                for name, values in table.columns(self.outputs, text=text).items()
            ]
        )
        return frame


def read(message: ModelInferResponse, metadata: Mapping[str, str]) -> Answer:
    """The answer in a response; `metadata` is the call's initial metadata, for gateways that keep parameters off.

    Raises:
        Internal: The response contradicts itself.
    """
    parameters = {name: _parameter(value) for name, value in message.parameters.items()}

    def told(what: str) -> str:
        return str(parameters.get(f"tidegate_{what}", metadata.get(f"x-tidegate-{what.replace('_', '-')}", "")))

    epoch = told("epoch")
    return Answer(
        outputs=_outputs(message),
        version=told("version"),
        reason=told("reason"),
        prediction_id=told("prediction_id"),
        epoch=int(epoch) if epoch.isdecimal() else None,
        model_name=message.model_name,
        model_version=message.model_version,
        id=message.id,
        parameters=parameters,
    )


def _outputs(message: ModelInferResponse) -> dict[str, npt.NDArray[Any]]:
    raw = message.raw_output_contents
    if raw and len(raw) != len(message.outputs):
        raise _contradiction(f"it has {len(message.outputs)} outputs and {len(raw)} raw contents")
    outputs = {}
    for at, tensor in enumerate(message.outputs):
        try:
            if raw:
                outputs[tensor.name] = tensors.from_raw(tensor.datatype, tensor.shape, raw[at])
            else:
                outputs[tensor.name] = tensors.from_typed(tensor.datatype, tensor.shape, tensor.contents)
        except ValueError as broken:
            raise _contradiction(f"output {tensor.name}: {broken}") from broken
    return outputs


def _contradiction(what: str) -> Internal:
    return Internal(f"The server's answer contradicts itself: {what}.", code="INTERNAL", reason="MALFORMED_ANSWER")


def _parameter(value: InferParameter) -> Parameter:
    chosen = value.WhichOneof("parameter_choice")
    return getattr(value, chosen) if chosen else ""
