"""What a gate has done, as `tidegate drift show` prints it."""

import pytest
from rich.console import Console

from support.printed import rows
from tidegate.cli.drift_gate import gate
from tidegate.cli.drift_watch import Gate, GatedRows


def printed(found):
    screen = Console(width=100)
    with screen.capture() as captured:
        for part in gate(found):
            screen.print(part)
    return captured.get()


@pytest.mark.parametrize("features", [1, 40, 100])
def test_the_first_rules_are_listed_and_the_rest_is_counted(features):
    broken = tuple(GatedRows(feature=f"x{at}", rule="range", rejected=1_000, flagged=at) for at in range(features))
    said = printed(Gate(mode="reject", rejected=1_234, flagged=5, rows=broken))
    assert said.startswith("gate  reject · requests: 1,234 rejected, 5 flagged")
    listed = [row for row in rows(said) if row and row[0].startswith("x")]
    assert listed[0] == ["x0", "range", "1,000", "0"]
    assert len(listed) == min(features, 40)
    assert ("… 60 more rules" in said) == (features == 100)


def test_a_gate_that_observes_and_always_has_is_no_line():
    assert printed(Gate(mode="observe", rejected=0, flagged=0, rows=())) == ""
    assert "none of them broke a rule" in printed(Gate(mode="flag", rejected=0, flagged=0, rows=()))
