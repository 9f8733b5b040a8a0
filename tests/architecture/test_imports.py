"""Who may know whom: the rings, and the few files that know the native module."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python/tidegate"

# The typed faces of the native module; everybody else imports these.
KNOWS_NATIVE = ("core", "gateway")


def test_imports_only_go_inward():
    # In a process of its own: it disables every logger that there is, and other tests read the log.
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_core_and_gateway_import_the_native_module():
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in KNOWS_NATIVE and "tidegate._native" in _imports(path)
    ]
    assert strangers == []


# Looks into models that nobody vouches for, in a process of its own.
CHECKS_MODELS = "services/inspection/__main__.py"


@pytest.mark.parametrize("module", ["onnxruntime", "onnx", "sklearn"])
def test_only_the_demo_imports_what_trains_models(module):
    strangers = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "demo" and module in _imports(path)
    ]
    strangers = [path for path in strangers if (path, module) != (CHECKS_MODELS, "onnx")]
    assert strangers == []


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; `from a import b` counts as `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(("tidegate", *path.relative_to(PACKAGE).parent.parts[: 1 - node.level or None]))
            module = ".".join(part for part in (package if node.level else "", node.module or "") if part)
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names | {name.split(".")[0] for name in names}
