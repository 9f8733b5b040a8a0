"""KServe's model server with a custom model, as its documentation advises: `server.py NAME=PATH … --grpc_port N`.

Flags are KServe's own, which it reads for itself.
"""

import sys

import onnxruntime
from kserve import InferOutput, InferResponse, Model, ModelServer


class OnnxModel(Model):
    """One ONNX model, version 1."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name
        self.ready = True

    async def predict(self, payload, _headers=None, _response_headers=None):
        """Raw rows in, raw rows out; a run is a call on the event loop, which is faster than a thread at this size."""
        (values,) = self._session.run([self._output], {self._input: payload.inputs[0].as_numpy()})
        output = InferOutput(name=self._output, shape=list(values.shape), datatype="FP32")
        output.set_data_from_numpy(values, binary_data=True)
        return InferResponse(response_id=payload.id, model_name=self.name, model_version="1", infer_outputs=[output])


if __name__ == "__main__":
    named = (argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    ModelServer().start([OnnxModel(name, path) for name, path in named])
