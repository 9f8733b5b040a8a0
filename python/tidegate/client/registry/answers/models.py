"""What is said of models."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A trained thing that has versions."""

    name: str
    owner: str
    contact: str
    runbook: str
    latest_version: int
    create_time: dt.datetime
    etag: str
