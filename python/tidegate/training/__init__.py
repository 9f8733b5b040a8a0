"""Training that can be told from its model later: what it was made of, by which code, and how well it did.

with tidegate.training.run("flight-delay", params=params) as run:
    run.dataset("train", df_train, locator="s3://flights/2026.parquet@v12")
    run.metrics(auc=0.71)
    run.log_model(onnx_model, profile=profile)
"""

from tidegate.training.content import content_digest
from tidegate.training.datasets import Described, describe
from tidegate.training.errors import TrainingRefused
from tidegate.training.runs import Run, run

__all__ = ["Described", "Run", "TrainingRefused", "content_digest", "describe", "run"]
