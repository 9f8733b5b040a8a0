"""MLServer's custom runtime for ONNX Runtime, as its documentation advises: `mlserver start FOLDER` finds it by its settings."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxRuntime(MLModel):
    """One ONNX model; the path is in `parameters.uri` of its settings."""

    async def load(self) -> bool:
        """Open the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = self.settings.parameters.uri
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Rows in, rows out."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        (values,) = self._session.run([self._output], {self._input: rows})
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output(self._output, values)],
        )
