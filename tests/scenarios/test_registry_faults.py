"""Ended with SIGKILL at any point, a registry comes back with what was acknowledged and with nothing half done."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# How many points there are at least: fewer than there were would mean that something is not tried any more.
FEWEST = {"register": 65, "change": 250, "backup": 60}
FEWEST_OF_PUBLISHING = 245


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", FEWEST)
def test_it_may_be_killed_anywhere(scenario, tmp_path):
    assert _points("support.faults", scenario, str(tmp_path)) >= FEWEST[scenario]


@pytest.mark.timeout(600)
def test_it_may_be_killed_anywhere_while_it_publishes(tmp_path):
    """Whoever writes to the gateway's folder, Python or Rust, may be the last: the same versions answer after a restart."""
    counter = tmp_path / "fault_points.so"
    source = TESTS / "support" / "fault_points.c"
    subprocess.run(["cc", "-O1", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-o", counter, source, "-ldl"], check=True)
    assert _points("support.publishing", str(tmp_path), LD_PRELOAD=str(counter)) >= FEWEST_OF_PUBLISHING


def _points(module, *arguments, **environment):
    """How many points a program has tried, all of which came out as they should."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command,
        cwd=TESTS,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=590,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-8_000:]
    return json.loads(done.stdout)["points"]
