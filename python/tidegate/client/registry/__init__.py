"""A registry of models and routes, from Python.

with Registry("localhost:8003", token_file="tidegate-data/owner.token") as registry:
    made = registry.register("flight-delay", "model.onnx", metrics={"auc": 0.71})
    plan = registry.plan({"route": "flight-delay", "split": {made.version.name: 1}})
    registry.apply(plan, reason="RISK-1432")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.client.registry import answers
from tidegate.client.registry.facade import Registry
from tidegate.client.registry.histories import Past, alias_history, state_history

if TYPE_CHECKING:
    from tidegate.client.registry.answers import (
        Alias,
        AliasSet,
        Applied,
        Difference,
        Edge,
        Entry,
        Evidence,
        File,
        Garbage,
        Model,
        Plan,
        Principal,
        Quarantined,
        Registered,
        RolledBack,
        Route,
        Tenure,
        Verified,
        Version,
        Watched,
    )

__all__ = [
    "Alias",
    "AliasSet",
    "Applied",
    "Difference",
    "Edge",
    "Entry",
    "Evidence",
    "File",
    "Garbage",
    "Model",
    "Past",
    "Plan",
    "Principal",
    "Quarantined",
    "Registered",
    "Registry",
    "RolledBack",
    "Route",
    "Tenure",
    "Verified",
    "Version",
    "Watched",
    "alias_history",
    "state_history",
]


def __getattr__(name: str) -> Any:
    if name not in answers.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(answers, name)
