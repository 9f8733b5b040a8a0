"""ModelInfer messages for the harness, built from `proto/` in a descriptor pool of their own.

Nothing here comes from the server under test, so that a fault in its generated code cannot hide itself.
"""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from numpy.typing import NDArray

METHOD = "/inference.GRPCInferenceService/ModelInfer"
_PROTO_ROOT = Path(__file__).parent.parent / "proto"


class Wire:
    """Encodes one-tensor requests and decodes their answers."""

    def __init__(self, build_folder: Path) -> None:
        """Describe the messages with `protoc`; the description is kept in `build_folder`."""
        description = build_folder / "open_inference.binpb"
        subprocess.run(
            [
                "protoc",
                f"-I{_PROTO_ROOT}",
                "--include_imports",
                f"--descriptor_set_out={description}",
                "inference/open_inference.proto",
            ],
            check=True,
        )
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(description.read_bytes()).file:
            pool.Add(file)
        find = pool.FindMessageTypeByName
        self._request: Any = message_factory.GetMessageClass(find("inference.ModelInferRequest"))
        self._response: Any = message_factory.GetMessageClass(find("inference.ModelInferResponse"))

    def request(self, model_name: str, rows: NDArray[np.float32]) -> bytes:
        """A ModelInferRequest with `rows` [n, width] as raw contents of input `x`."""
        message = self._request(model_name=model_name, raw_input_contents=[rows.tobytes()])
        message.inputs.add(name="x", datatype="FP32", shape=rows.shape)
        return bytes(message.SerializeToString())

    def answer(self, message: bytes) -> tuple[str, NDArray[np.float32]]:
        """The answering version and output `y` [n, outputs]; ValueError when the answer has another form."""
        response = self._response.FromString(message)
        if len(response.outputs) != 1 or len(response.raw_output_contents) != 1:
            raise ValueError("an answer has one raw output")
        output = response.outputs[0]
        if output.name != "y" or output.datatype != "FP32":
            raise ValueError(f"the output is {output.name} of {output.datatype}, not y of FP32")
        values = np.frombuffer(response.raw_output_contents[0], dtype="<f4").reshape(tuple(output.shape))
        return _version(response), values


def _version(response: Any) -> str:
    """The version number that answered, from the field every server fills."""
    return str(response.model_version).rpartition("/")[2]
