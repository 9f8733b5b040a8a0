"""Looks into a model that nobody vouches for, in a process of its own that may not take much."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.errors import InputRefused, RegistryUnavailable, Violation

MEMORY_FLOOR_BYTES = 2 << 30
"""Address space for the interpreter and the checker."""
MEMORY_FACTOR = 4
"""And so many times the files: shapes are inferred on a copy."""
TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a model says of itself."""

    signature: dict[str, Any]
    """`inputs` and `outputs`, each with `name`, `datatype` and `shape`; -1 where any size goes."""
    external: tuple[str, ...]
    """Paths of its external data."""


def inspect(folder: Path, *, python: str = sys.executable) -> Inspection:
    """Checks `model.onnx` of a folder, and reads its signature.

    Raises:
        InputRefused: It is no sound model; the reasons are named.
        RegistryUnavailable: It could not be looked into.
    """
    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    limit_bytes = MEMORY_FLOOR_BYTES + MEMORY_FACTOR * size_bytes
    # -I: neither the caller's environment nor the folder can put modules in the way.
    command = [python, "-I", "-m", "tidegate.services.inspection", str(folder), str(limit_bytes)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        raise _refused(["takes longer to check than any model should"]) from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        # A signal, or memory beyond the limit, is the model's doing; what Python cannot import is ours.
        if "Error: No module" in last:
            raise RegistryUnavailable(f"Models cannot be checked here: {last}", reason="CHECKER_MISSING")
        raise _refused([f"ends its check ({last or f'exit code {done.returncode}'}): is it larger than it says?"])
    found = json.loads(done.stdout)
    if found["reasons"]:
        raise _refused(found["reasons"])
    return Inspection(signature=found["signature"], external=tuple(found["external"]))


def _refused(reasons: list[str]) -> InputRefused:
    return InputRefused(
        f"model.onnx is refused: {'; '.join(reasons)}.",
        reason="MODEL_REFUSED",
        violations=tuple(Violation("model.onnx", reason) for reason in reasons),
    )
