"""Drift away from a gateway: profiles of reference data, and comparisons of tables by the gateway's own counts and laws."""

from tidegate.core.drift import Settings
from tidegate.core.profiles import Profile
from tidegate.drift.assembly import Choices
from tidegate.drift.build import build_profile
from tidegate.drift.check import Breach, Rule, check
from tidegate.drift.compare import compare
from tidegate.drift.errors import (
    ColumnsUnusable,
    DriftError,
    ModelUnusable,
    NothingToCompare,
    ProfileMisfit,
    TableUnreadable,
)
from tidegate.drift.profiles import read_profile
from tidegate.drift.report import Bin, Cause, CauseKind, Distance, Judgement, Psi, Report, Share, State

__all__ = [
    "Bin",
    "Breach",
    "Cause",
    "CauseKind",
    "Choices",
    "ColumnsUnusable",
    "Distance",
    "DriftError",
    "Judgement",
    "ModelUnusable",
    "NothingToCompare",
    "Profile",
    "ProfileMisfit",
    "Psi",
    "Report",
    "Rule",
    "Settings",
    "Share",
    "State",
    "TableUnreadable",
    "build_profile",
    "check",
    "compare",
    "read_profile",
]
