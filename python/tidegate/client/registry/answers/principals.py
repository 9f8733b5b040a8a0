"""Who may ask."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who may ask, or might once."""

    name: str
    kind: str
    create_time: dt.datetime
    revoke_time: dt.datetime | None
    etag: str
