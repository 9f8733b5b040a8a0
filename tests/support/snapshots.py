"""A snapshot as a gateway writes it."""

from typing import Any

from tidegate.core.documents import fill_in
from tidegate.core.routing import BUCKETS

HALF = BUCKETS // 2


def snapshot(**route: Any) -> dict[str, Any]:
    """As a gateway writes it: half of the callers to each of two versions."""
    written = {
        "sticky": 'metadata["x-unit"]',
        "split": {"m/1": 1, "m/2": 1},
        "segments": [{"name": "ha", "when": 'params.carrier == "HA"', "split": {"m/2": 1}}],
        "pins": {"when": 'peer == "10.0.0.1"'},
        "shadow": [{"to": "m/3", "share_bp": 5000}, {"to": "m/2", "when": "params.dry"}],
        **route,
    }
    table = {"salt": "flights", "stable": "m/1", "ranges": [[0, HALF, "m/1"], [HALF, BUCKETS, "m/2"]]}
    segment = {"salt": "flights/ha", "stable": "m/2", "ranges": [[0, BUCKETS, "m/2"]]}
    content = {
        "requires": ["segments", "pins"],
        "route": fill_in({"routes": {"flights": written}})["routes"]["flights"],
        "table": table,
        "segment_tables": {"ha": segment},
    }
    return {"schema": 2, "incarnation": 1, "epoch": 7, "routes": {"flights": content}, "versions": {}}
