"""Profiles, counts and judgements: the typed face of the native counting and of its decisions about drift."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate import _native
from tidegate.errors import DocumentRefused, DocumentViolation
