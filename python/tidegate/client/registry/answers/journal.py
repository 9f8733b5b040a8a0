"""What the journal says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What somebody did, or was refused."""

    number: int
    time: dt.datetime
    principal: str
    kind: str
    action: str
    resource: str
    is_refused: bool
    reason: str
    patch: tuple[Mapping[str, Any], ...]
    before_digest: str
    after_digest: str
    hash: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is known of the journal after all of it was read."""

    entries: int
    last_hash: str
    broken_entry: int | None
    broken_reason: str
