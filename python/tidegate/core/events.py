"""What is told to others: events in the form of CloudEvents 1.0, each made of what it tells of and of nothing else.

So an event that is told again is the same, and readers can drop what they know.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tidegate.core.causes import read_cause
from tidegate.core.journal import Entry

FAMILY = "dev.tidegate."
"""What every type of event begins with."""
REGISTRY = f"{FAMILY}registry"
"""What the types of changes of a registry begin with; action and outcome follow, then `v1`."""
TRANSITION = f"{FAMILY}drift.transition.v1"
"""A drift state of a feature has changed."""


def event_of(entry: Entry, instance: str) -> dict[str, Any]:
    """The event that tells of an entry.

    Args:
        entry: Of the journal.
        instance: The registry.
    """
    body = json.loads(entry.body)
    time = dt.datetime.fromtimestamp(body["time_us"] / 1e6, tz=dt.UTC)
    return {
        "specversion": "1.0",
        "id": f"{instance}-{entry.seq}",
        "source": f"//tidegate/registries/{instance}",
        "type": f"{REGISTRY}.{body['action']}.{body['outcome']}.v1",
        "subject": body["resource"],
        "time": time.isoformat(),
        # A number, as in the extension `sequence`, by which readers know what they have.
        "sequence": str(entry.seq),
        "datacontenttype": "application/json",
        "data": {
            name: body[name]
            for name in ("actor", "action", "outcome", "reason", "request_id", "before", "after", "patch")
        },
    }


def event_of_transition(change: Mapping[str, Any]) -> dict[str, Any]:
    """The event that tells of a drift state that has changed.

    Its id is made of everything but the evidence: a gateway that was killed may judge a window again, from a few rows less.

    Args:
        change: As a gateway has it: route, version, feature, window, from and to, when, and the evidence.
    """
    known = {name: value for name, value in change.items() if name != "evidence"}
    evidence = change["evidence"]
    if evidence is not None and (cause := read_cause(evidence.get("cause"))) is not None:
        evidence = {**evidence, "cause": {**evidence["cause"], "sentence": cause.sentence}}
    identity = json.dumps(known, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {
        "specversion": "1.0",
        "id": hashlib.sha256(identity.encode()).hexdigest()[:32],
        "source": f"//tidegate/routes/{change['route']}",
        "type": TRANSITION,
        "subject": change["feature"],
        "time": dt.datetime.fromtimestamp(change["at_s"], tz=dt.UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {**known, "evidence": evidence},
    }
