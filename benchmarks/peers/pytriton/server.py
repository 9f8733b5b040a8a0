"""PyTriton with ONNX Runtime behind its dynamic batcher: `server.py --model NAME=PATH … --grpc N --http N --metrics N`."""

import argparse

import numpy as np
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

# As many rows as the cells have in flight; nobody waits for a full batch.
MOST_ROWS = 64


def _bind(triton, name, path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given, answered = session.get_inputs()[0], session.get_outputs()[0]

    @batch
    def infer(**inputs):
        return dict(zip([answered.name], session.run([answered.name], inputs), strict=True))

    triton.bind(
        model_name=name,
        infer_func=infer,
        inputs=[Tensor(name=given.name, dtype=np.float32, shape=(given.shape[1],))],
        outputs=[Tensor(name=answered.name, dtype=np.float32, shape=(answered.shape[1],))],
        config=ModelConfig(max_batch_size=MOST_ROWS, batcher=DynamicBatcher()),
        strict=False,
    )


def main() -> None:
    """Bind the models and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", action="append", required=True, metavar="NAME=PATH")
    for port in ("grpc", "http", "metrics"):
        parser.add_argument(f"--{port}", type=int, required=True)
    settings = parser.parse_args()
    host = "127.0.0.1"
    config = TritonConfig(
        grpc_address=host,
        grpc_port=settings.grpc,
        http_address=host,
        http_port=settings.http,
        metrics_address=host,
        metrics_port=settings.metrics,
        allow_gpu_metrics=False,
    )
    with Triton(config=config) as triton:
        for model in settings.model:
            _bind(triton, *model.split("=", 1))
        triton.serve()


if __name__ == "__main__":
    main()
