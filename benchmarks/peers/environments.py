"""Environments of the peers: each in one of its own, made once for each content of its lock.

They are kept under `build/peers/`, which git does not track and `make clean` removes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / ".locks/peers"
KEPT = ROOT / "build/peers"
# A tree of seventy wheels from a slow registry.
INSTALL_LIMIT_S = 900
PIP = ("install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--no-deps")


class EnvironmentNotMadeError(Exception):
    """The packages of a lock cannot be installed here."""


def interpreter(peer: str, *, base: str = sys.executable) -> Path:
    """The Python with exactly the packages of `.locks/peers/<peer>.txt`, on top of the interpreter `base`.

    Raises EnvironmentNotMadeError with the last words of the installation that failed.
    """
    lock = LOCKS / f"{peer}.txt"
    version = _run([base, "-c", "import sys; print(sys.version)"])
    key = hashlib.sha256(f"{base} {version} {lock.read_text()}".encode()).hexdigest()[:12]
    folder = KEPT / f"{peer}-{key}"
    is_whole = folder / "is-whole"
    if not is_whole.exists():
        for left in KEPT.glob(f"{peer}-*"):
            shutil.rmtree(left)  # of another lock, or of a run that was ended
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([base, "-m", "venv", str(folder)])
        _run([str(folder / "bin/python"), "-m", "pip", *PIP, "-r", str(lock)])
        is_whole.touch()
    return folder / "bin/python"


def versions(python: Path, packages: tuple[str, ...]) -> list[str]:
    """What is installed of `packages`, and the interpreter, as `name version`."""
    code = (
        "import sys; from importlib.metadata import version as v; import platform\n"
        "print(f'Python {platform.python_version()}'); [print(name, v(name)) for name in sys.argv[1:]]"
    )
    return _run([str(python), "-c", code, *packages]).splitlines()


def clean() -> dict[str, str]:
    """The environment variables of this process without those that lead an interpreter astray."""
    return {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }


def _run(command: list[str]) -> str:
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, env=clean(), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentNotMadeError(str(error)) from error
    if ended.returncode != 0:
        raise EnvironmentNotMadeError((ended.stderr or ended.stdout).strip()[-500:])
    return ended.stdout
