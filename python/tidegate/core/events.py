"""What is told to others of a change: an event in the form of CloudEvents 1.0, made of a journal entry and of nothing else."""

import datetime as dt
import json
from typing import Any

from tidegate.core.journal import Entry

TYPE = "dev.tidegate.registry"
"""What every type of event begins with; the action follows, then `v1`."""


def event_of(entry: Entry, instance: str) -> dict[str, Any]:
    """The event that tells of an entry; told again it is the same, so that readers can drop what they know.

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
        "type": f"{TYPE}.{body['action']}.{body['outcome']}.v1",
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
