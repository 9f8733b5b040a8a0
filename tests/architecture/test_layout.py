"""The shape of the house: a fixed top level, short files, and nothing that holds on one machine only."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TOP_LEVEL = {
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "deploy",
    "docs",
    "proto",
    "pyproject.toml",
    "python",
    "rust",
    "tests",
}

# Past this length a file has more than one idea.
MOST_LINES = 300
# Where splitting would hurt the reader, with the reason.
LONGER = {
    "rust/dataplane/src/runtime/onnx.rs": "the one file with unsafe code keeps its SAFETY notes together",
}
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")
CODE = {".py", ".pyi", ".rs", ".cc", ".sh"}

# A path of somebody's machine, and the hosts of package registries: a clone builds with the registry its owner has set.
PLACES = re.compile(r"(?<![\w.])/(home|root|work|Users)/\w", re.ASCII)
REGISTRIES = re.compile(r"pypi\.org|pythonhosted|crates\.io(?!-index)|npmjs|static\.rust-lang", re.IGNORECASE)


def _tracked() -> list[Path]:
    """The files of the repository: what git tracks, and what is about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=30,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def _code(path: Path) -> str:
    """The text of a file without the unit tests at the end of a Rust file."""
    return _text(path).split("\n#[cfg(test)]\nmod tests {")[0]


def test_the_top_level_is_fixed():
    names = {path.relative_to(ROOT).parts[0] for path in _tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_is_longer_than_one_idea():
    lengths = {
        str(path.relative_to(ROOT)): len(_code(path).splitlines())
        for path in _tracked()
        if path.suffix in CODE and not GENERATED.search(path.name)
    }
    longer = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert {name: lines for name, lines in longer.items() if name not in LONGER} == {}
    assert [name for name in LONGER if name not in longer] == [], "an exception that is no longer needed"


@pytest.mark.parametrize("pattern", [PLACES, REGISTRIES], ids=["paths of a machine", "registries"])
def test_nothing_holds_on_one_machine_only(pattern):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in _tracked()
        if path != Path(__file__) and path.name != "Cargo.lock"
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_no_name_says_nothing():
    nothing = {"manager", "helper", "helpers", "util", "utils", "common", "misc", "data", "info", "handler"}
    found = [str(path.relative_to(ROOT)) for path in _tracked() if path.suffix in CODE and path.stem in nothing]
    assert found == []


def test_locks_have_hashes_and_no_addresses():
    locks = sorted((ROOT / ".locks").rglob("*.txt"))
    clients = {f"clients/{name}" for name in ("kserve", "mlserver", "reflection", "tritonclient")}
    peers = {f"peers/{name}" for name in ("evidently", "grpc-aio", "kserve", "mlserver", "pytriton", "whylogs")}
    names = {str(lock.relative_to(ROOT / ".locks").with_suffix("")) for lock in locks}
    assert names == {"data", "demo", "dev", "lock"} | clients | peers
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins
        assert all(re.match(r"[\w.\[\]-]+==\S+ (; .+ )?\\$", pin) for pin in pins), lock.name
        assert text.count("--hash=sha256:") >= len(pins)
