"""Where a training comes from: its code, the lock of its dependencies, and what it ran on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.lock", "requirements.txt")
"""Files that name every dependency, the strictest first."""
LIBRARIES = {
    "catboost": "catboost",
    "jax": "jax",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "skl2onnx": "skl2onnx",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
    "tidegate": "tidegate",
    "torch": "torch",
    "xgboost": "xgboost",
}
"""Modules whose release can change what a training gives, with the names of their packages."""
_GIT_S = 20.0
"""Longest look at the files of a repository; a slower one is no reason to stop a training."""
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def code_of(folder: Path) -> dict[str, Any] | None:
    """The commit that the code in a folder is at, and whether files that git knows differ; None without a repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    repository = _git(folder, "remote", "get-url", "origin") or ""
    # What could not be looked at is not called clean.
    return {"commit": commit, "is_dirty": changed != "", "repository": _CREDENTIALS.sub("", repository)}


def lock_of(folder: Path) -> tuple[str, str]:
    """The name and the digest of what pins the dependencies.

    That is the nearest lock above the folder; without one it is the list of everything that is installed.
    """
    for place in (folder, *folder.parents):
        for name in LOCKS:
            if (place / name).is_file():
                return name, _digest((place / name).read_bytes())
        if (place / ".git").exists():
            break
    installed = {
        f"{found.metadata['Name'].lower()}=={found.version}\n"
        for found in importlib.metadata.distributions()
        if found.metadata["Name"]
    }
    return "installed packages", _digest("".join(sorted(installed)).encode())


def environment_of() -> dict[str, str]:
    """Python, the platform, and the releases of the libraries that are loaded."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for module, package in LIBRARIES.items():
        if module in sys.modules:
            try:
                found[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                found[package] = str(getattr(sys.modules[module], "__version__", "unknown"))
    return found


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says; None where it says nothing good, or is not there."""
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_GIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
