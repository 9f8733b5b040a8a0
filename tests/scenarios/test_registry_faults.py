"""Ended with SIGKILL at any point, a registry comes back with what was acknowledged and with nothing half done."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario, fewest", [("register", 60), ("change", 150)])
def test_it_may_be_killed_anywhere(scenario, fewest, tmp_path):
    command = [sys.executable, "-m", "support.faults", scenario, str(tmp_path)]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=590, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    # Fewer points than there were would mean that something is not tried any more.
    assert json.loads(done.stdout)["points"] >= fewest
