"""A client for Tidegate and every other server of the Open Inference Protocol: numpy or frames in, numpy or frames out.

with Client("localhost:8001") as client:
    late = client.infer("flight-delay", {"carrier": ["HA"], "dep_hour": [9.0]})["probability"]

`tidegate.client.aio` has its twin for asyncio.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.client.answer import Answer
    from tidegate.client.client import Client
    from tidegate.client.dialogue import IndexEntry
    from tidegate.client.requests import Parameter
    from tidegate.client.signatures import ModelMetadata
    from tidegate.client.specs import TensorSpec
    from tidegate.client.streams import Stream

__all__ = ["Answer", "Client", "IndexEntry", "ModelMetadata", "Parameter", "Stream", "TensorSpec"]

# The registry's client is below this package and needs neither numpy nor the messages of inference: what is asked for is
# imported then.
_HOMES = {
    "Answer": "answer",
    "Client": "client",
    "IndexEntry": "dialogue",
    "ModelMetadata": "signatures",
    "Parameter": "requests",
    "Stream": "streams",
    "TensorSpec": "specs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"tidegate.client.{_HOMES[name]}"), name)
