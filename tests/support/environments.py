"""Environments of stock clients: each in one of its own, made once for each content of its lock.

Several clients register the same protobuf symbols and want different releases of the same packages, so no two of them
can share an interpreter. They are kept under `build/clients/`, which git does not track and `make clean` removes.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / ".locks"
KEPT = ROOT / "build/clients"

# One environment is made in seconds; a slow registry may take minutes, and nothing at all is a fault to be told.
INSTALL_LIMIT_S = 900
PIP = ("install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--no-deps")
# The first that has `tool` lines in go.mod.
OLDEST_GO = (1, 24)
# `global.index-url='…'`, and `:env:.index-url='…'` where the environment says it.
INDEX_OF_PIP = re.compile(r"^(?:global|:env:)\.index-url='(?P<url>[^']+)'$", re.MULTILINE)


def interpreter(client: str) -> Path:
    """The Python that has exactly the packages of `.locks/clients/<client>.txt`; makes it when it is not there."""
    lock = LOCKS / "clients" / f"{client}.txt"
    return _made(client, [lock], lambda folder: _install(folder, lock)) / "bin/python"


def grpcurl() -> Path | None:
    """The grpcurl that `.locks/grpcurl/` pins, built by Go; `None` on a machine without a Go that reads its go.mod."""
    go = shutil.which("go")
    if go is None or not _is_new_enough(go):
        return None
    locks = [LOCKS / "grpcurl/go.mod", LOCKS / "grpcurl/go.sum"]
    return _made("grpcurl", locks, lambda folder: _build(go, folder)) / "grpcurl"


def _made(name: str, locks: list[Path], make: Callable[[Path], None]) -> Path:
    """The folder that `make` has filled, for this content of the locks and this interpreter."""
    key = hashlib.sha256("\0".join([sys.version, *(lock.read_text() for lock in locks)]).encode()).hexdigest()[:12]
    folder = KEPT / f"{name}-{key}"
    is_whole = folder / "is-whole"
    if not is_whole.exists():
        with _alone(name):
            if not is_whole.exists():  # somebody else may have made it while this process waited
                for left in KEPT.glob(f"{name}-*"):
                    shutil.rmtree(left)  # of another lock, or of a run that was killed
                folder.mkdir()
                make(folder)
                is_whole.touch()
    return folder


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """No other process makes this environment meanwhile."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(folder: Path, lock: Path) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    python = str(folder / "bin/python")
    # uv links what it has unpacked before and takes seconds where pip takes a minute for a tree of seventy packages.
    _run([str(_uv()), "pip", *PIP, "--python", python, "-r", str(lock)], UV_DEFAULT_INDEX=_index())


def _uv() -> Path:
    """The uv of `.locks/lock.txt`, which pip installs."""
    lock = LOCKS / "lock.txt"

    def install(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin/python"), "-m", "pip", *PIP, "-r", str(lock)])

    return _made("uv", [lock], install) / "bin/uv"


def _index() -> str | None:
    """The registry that pip has been told to use: uv does not read pip's settings."""
    found = INDEX_OF_PIP.findall(_run([sys.executable, "-m", "pip", "config", "list"]))
    return found[-1] if found else None  # the environment comes last, and wins


def _is_new_enough(go: str) -> bool:
    found = re.match(r"go(\d+)\.(\d+)", _run([go, "env", "GOVERSION"]))
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_GO


def _build(go: str, folder: Path) -> None:
    for lock in ("go.mod", "go.sum"):
        shutil.copy(LOCKS / "grpcurl" / lock, folder)
    settings = {"GOFLAGS": "-mod=readonly -trimpath -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    # Without optimisation and symbols the build takes half as long.
    flags = ["-gcflags=all=-N -l", "-ldflags=-s -w"]
    program = "github.com/fullstorydev/grpcurl/cmd/grpcurl"
    _run([go, "-C", str(folder), "build", *flags, "-o", "grpcurl", program], **settings)


def _run(command: list[str], **settings: str | None) -> str:
    """What the command prints; what it complains about when it fails. Nothing of this interpreter's settings leaks in."""
    kept = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }
    given = {name: value for name, value in settings.items() if value is not None}
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=INSTALL_LIMIT_S,
        env=kept | given,
        check=False,
    )
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout
