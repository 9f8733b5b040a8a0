"""Where a training comes from: its code, the lock of its dependencies, and what it ran on."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCKS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "pylock.toml",
    "Pipfile.lock",
    "requirements.lock",
    "requirements.txt",
    "requirements*.txt",
    ".locks/**/*",
)
"""Files that name every dependency, the strictest first; where a pattern finds several, all of them together are the lock."""
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
        for pattern in LOCKS:
            if found := sorted(path for path in place.glob(pattern) if path.is_file()):
                return _pinned(place, found)
        if (place / ".git").exists():
            break
    installed = {
        f"{package.metadata['Name'].lower()}=={package.version}\n"
        for package in importlib.metadata.distributions()
        if package.metadata["Name"]
    }
    return "installed packages", _digest("".join(sorted(installed)).encode())


def _pinned(place: Path, locks: Sequence[Path]) -> tuple[str, str]:
    """What a lock is called, and its digest; of several the folder, and the digest of what `sha256sum` prints of them."""
    names = [lock.relative_to(place).as_posix() for lock in locks]
    digests = [_digest(lock.read_bytes()) for lock in locks]
    if len(locks) == 1:
        return names[0], digests[0]
    listed = "".join(f"{digest.removeprefix('sha256:')}  {name}\n" for digest, name in zip(digests, names, strict=True))
    folder = names[0].partition("/")[0] if "/" in names[0] else ", ".join(names)
    return folder, _digest(listed.encode())


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
