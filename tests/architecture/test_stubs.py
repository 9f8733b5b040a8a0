"""The hand-written stub says exactly what the native module has."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_stub_of_the_native_module_equals_the_module(tmp_path):
    # Without mypy's project settings: only the stub is the subject.
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "tidegate._native", "--mypy-config-file", str(settings)],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "python"), "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
