"""What a registry says, as plain values. Names are as people write them: `fraud/3`, without the project `default`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.client.registry.answers.aliases import Alias, AliasSet
    from tidegate.client.registry.answers.garbage import Garbage
    from tidegate.client.registry.answers.journal import Entry, Verified
    from tidegate.client.registry.answers.models import Model
    from tidegate.client.registry.answers.monitors import Watched
    from tidegate.client.registry.answers.principals import Principal
    from tidegate.client.registry.answers.routes import Applied, Plan, RolledBack, Route, Serving, Tenure
    from tidegate.client.registry.answers.versions import (
        Difference,
        Edge,
        Evidence,
        File,
        Quarantined,
        Registered,
        Version,
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
    "Plan",
    "Principal",
    "Quarantined",
    "Registered",
    "RolledBack",
    "Route",
    "Serving",
    "Tenure",
    "Verified",
    "Version",
    "Watched",
]

# A frozen class takes a millisecond to make, and a command needs a few of them: what is asked for is imported then.
_HOMES = {
    "Alias": "aliases",
    "AliasSet": "aliases",
    "Applied": "routes",
    "Difference": "versions",
    "Edge": "versions",
    "Entry": "journal",
    "Evidence": "versions",
    "File": "versions",
    "Garbage": "garbage",
    "Model": "models",
    "Plan": "routes",
    "Principal": "principals",
    "Quarantined": "versions",
    "Registered": "versions",
    "RolledBack": "routes",
    "Route": "routes",
    "Serving": "routes",
    "Tenure": "routes",
    "Verified": "journal",
    "Version": "versions",
    "Watched": "monitors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    # The next one who asks finds it without coming here.
    globals()[name] = found
    return found
