"""Plans, applies, rollbacks and history from the command line, against a real registry on loopback."""

import os
import pty
import subprocess
import sys
from contextlib import contextmanager

import pytest

from support import models
from support.admin import PATIENCE_S, model_file
from support.commands import Typist
from tidegate.api import AdminServer
from tidegate.core.serving import Serving, ServingState

SPLIT_1 = {"route": "fraud", "split": {"fraud/1": 1}}
SPLIT_2 = {"route": "fraud", "split": {"fraud/1": 9, "fraud/2": 1}}


@pytest.fixture
def typist(admin, tmp_path):
    return Typist.at(admin, tmp_path / "desk")


@pytest.fixture
def applied(typist):
    """Somebody whose route `fraud` was applied once."""
    ended = typist.types("routes", "apply", "-f", typist.writes("1.yaml", SPLIT_1), "--timeout", 0, "--reason", "first")
    assert ended.exit_code == 0, ended.output
    return typist


def test_a_plan_exits_as_terraforms_does(typist):
    path = typist.writes("route.yaml", SPLIT_1)
    ended = typist.types("routes", "plan", "-f", path)
    assert ended.exit_code == 2, ended.output
    for text in ("+ fraud", "fraud/1", "load it first", "there is nothing before it", "routes apply --plan"):
        assert text in ended.stdout
    assert typist.types("routes", "apply", "-f", path, "--timeout", 0).exit_code == 0
    same = typist.types("routes", "plan", "-f", path)
    assert same.exit_code == 0
    assert "= fraud  nothing changes" in same.stdout
    broken = typist.types("routes", "plan", "-f", typist.writes("broken.yaml", "route: fraud\nsplit: {fraud/9: 1}\n"))
    assert broken.exit_code == 1
    assert f"{typist.folder / 'broken.yaml'}:2: split.fraud/9: There is no fraud/9" in broken.stderr


def test_a_plan_says_who_moves_what_aliases_mean_and_where_a_rollback_leads(applied):
    applied.types("models", "register", "fraud", model_file(applied.folder, 2), "--alias", "next")
    document = {"route": "fraud", "split": {"fraud/1": 3, "fraud@next": 1}}
    ended = applied.types("routes", "plan", "-f", applied.writes("route.yaml", document))
    assert ended.exit_code == 2
    assert "~ fraud  25.00 % of its callers move" in ended.stdout
    assert "fraud@next" in ended.stdout
    assert "ranges" not in ended.stdout
    assert "leads to revision 1" in ended.stdout
    assert "10 min are asked for; --to names any" in ended.stdout
    assert "gateways load  1 version, " in ended.stdout


@pytest.mark.parametrize(
    "text, sentences",
    [
        ("", [":1: expected a mapping of fields, got nothing"]),
        ("route: fraud\nroute: x\nsplit: {}", [":2: route: is a duplicate"]),
        ("split: {fraud/1: 1}", ["route: "]),
        ("route: fraud\nsplit:\n  fraud/1: 1\nstiky: x\n", [":4: stiky: "]),
        ("route: fraud\nsplit:\n  fraud/1: -1\n  fraud/8: 2\n", [":4: split.fraud/8: "]),
    ],
)
def test_a_document_is_refused_with_its_lines(typist, text, sentences):
    ended = typist.types("routes", "apply", "-f", typist.writes("route.yaml", text), "--timeout", 0)
    assert ended.exit_code == 2, ended.output
    for sentence in sentences:
        assert sentence in ended.stderr


def test_a_plan_is_applied_by_its_id_and_only_once(applied):
    made = applied.reads("routes", "plan", "-f", applied.writes("2.yaml", SPLIT_2), codes=(2,))
    plan = made["name"].rpartition("/")[2]
    ended = applied.types("routes", "apply", "--plan", plan, "--reason", "RISK-1432", "--timeout", 0)
    assert ended.exit_code == 0, ended.output
    assert "fraud is at revision 2" in ended.stdout
    assert applied.types("routes", "apply", "--plan", "0123456789abcdef").exit_code == 1
    assert applied.types("routes", "apply").exit_code == 2
    assert applied.reads("routes", "show", "fraud")["revision"] == 2


def test_what_breaks_callers_is_shown_and_refused_until_it_is_allowed(applied, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(models.identity("FP64").SerializeToString())
    assert applied.types("models", "register", "other", other).exit_code == 0
    path = applied.writes("other.yaml", {"route": "fraud", "split": {"other/1": 1}})
    plan = applied.types("routes", "plan", "-f", path)
    assert plan.exit_code == 2
    assert "! breaks callers" in plan.stdout
    refused = applied.types("routes", "apply", "-f", path, "--timeout", 0)
    assert refused.exit_code == 1
    assert "--allow-breaking" in refused.stderr
    assert applied.types("routes", "apply", "-f", path, "--timeout", 0, "--allow-breaking").exit_code == 0


def test_a_rollback_says_where_it_leads_and_holds_until_a_person_releases_it(applied):
    applied.admin.clock.move(hours=1)
    path = applied.writes("2.yaml", SPLIT_2)
    applied.types("routes", "apply", "-f", path, "--timeout", 0)
    ended = applied.types("rollback", "fraud", "--reason", "late", "--timeout", 0)
    assert ended.exit_code == 0, ended.output
    assert "fraud is back at revision 1 (was 2)" in ended.stdout
    assert "fraud/1 1" in ended.stdout
    held = applied.types("routes", "apply", "-f", path, "--timeout", 0)
    assert held.exit_code == 1
    assert "! held: rolled back by ann: late" in held.stdout
    assert held.stderr.startswith("fraud is held (rolled back by ann: late)")
    robot = applied.types("routes", "apply", "-f", path, "--timeout", 0, "--release-hold", by="bot")
    assert robot.exit_code == 1
    assert applied.types("routes", "apply", "-f", path, "--timeout", 0, "--release-hold").exit_code == 0
    assert "fraud is back at revision 1" in applied.types("rollback", "fraud", "--to", 1, "--timeout", 0).stdout
    assert applied.types("rollback", "nobody", "--timeout", 0).exit_code == 1


def test_a_preview_is_switched_to_and_switched_back(applied):
    preview = {"name": "preview", "when": 'metadata["x-preview"] == "1"', "split": {"fraud/2": 1}}
    path = applied.writes("preview.yaml", SPLIT_1 | {"segments": [preview]})
    assert applied.types("routes", "switch", "fraud", "--timeout", 0).exit_code == 2
    assert applied.types("routes", "apply", "-f", path, "--timeout", 0).exit_code == 0
    ended = applied.types("routes", "switch", "fraud", "--timeout", 0, "--reason", "RISK-3")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == "fraud is at revision 3: fraud/2 1.\n"
    assert applied.types("rollback", "fraud", "--to", 2, "--timeout", 0).exit_code == 0


def test_history_says_what_was_when_by_whom_and_why(applied):
    applied.admin.clock.move(hours=1)
    applied.types("routes", "apply", "-f", applied.writes("2.yaml", SPLIT_2), "--timeout", 0, "--reason", "RISK-2")
    past = applied.reads("routes", "history", "fraud")
    assert [(each["revision"], each["principal"], each["reason"]) for each in past] == [
        (2, "ann", "RISK-2"),
        (1, "ann", "first"),
    ]
    [then] = applied.reads("routes", "history", "fraud", "--at", "2026-11-01T12:30Z")
    assert then["revision"] == 1
    table = applied.types("routes", "history", "fraud").stdout
    assert "2026-11-01T13:00:00Z" in table
    assert "RISK-2" in table
    cases = (
        ("yesterday", "is no moment"),
        ("2026-11-01T12:30", "has no time zone: write 2026-11-01T12:30Z"),
        ("2026-11-01", "has no time zone: write 2026-11-01T00:00Z"),
    )
    for text, sentence in cases:
        ended = applied.types("routes", "history", "fraud", "--at", text)
        assert ended.exit_code == 2
        assert sentence in ended.stderr
    assert applied.types("routes", "history", "fraud", "--at", "2020-01-01T00:00Z").exit_code == 1


def test_routes_are_listed_and_shown(applied):
    listed = applied.types("routes", "list")
    assert listed.exit_code == 0
    assert "fraud/1 1" in listed.stdout
    shown = applied.types("routes", "show", "fraud")
    assert "revision 1, generation 1" in shown.stdout
    digest = applied.reads("models", "show", "fraud/1")["digest"]
    assert digest.removeprefix("sha256:")[:12] in shown.stdout


@contextmanager
def gateway(typist, *steps):
    """A registry beside a gateway that says these, one after the other, of every route."""
    said = iter(steps)
    admin = typist.admin
    server = AdminServer(
        admin.services,
        admin.blobs,
        admin.clock,
        address="127.0.0.1:0",
        follow=lambda *_: Serving(state=ServingState(next(said)), reason="fraud/1: out of memory"),
    )
    server.start()
    try:
        yield ("--admin", f"127.0.0.1:{server.port}")
    finally:
        server.stop(grace_s=0)


ROLLBACK = ("rollback", "fraud", "--to", 1)


def test_a_change_waits_until_the_gateway_serves_it(applied):
    with gateway(applied, "served", "pending", "pending", "pending", "served") as there:
        ended = applied.types(*ROLLBACK, *there)
        assert ended.exit_code == 0, ended.output
        assert ended.stderr.endswith("The gateway serves it.\n")


def test_what_the_gateway_refuses_fails_with_its_reason(applied):
    with gateway(applied, "served", "refused") as there:
        ended = applied.types(*ROLLBACK, *there)
        assert ended.exit_code == 1
        assert "the gateway cannot serve it: fraud/1: out of memory. It serves what was before." in ended.stderr


def test_what_loads_for_longer_than_is_waited_fails_and_goes_on(applied):
    with gateway(applied, "served", "pending", *["pending"] * 50) as there:
        ended = applied.types(*ROLLBACK, "--timeout", 0.01, *there)
        assert ended.exit_code == 1
        assert "does not serve it yet: fraud/1: out of memory" in ended.stderr
    with gateway(applied, "served", "pending") as there:
        ended = applied.types(*ROLLBACK, "--timeout", 0, *there)
        assert ended.exit_code == 0
        assert "The gateway will serve it" in ended.stderr
    with gateway(applied, *["refused"] * 4) as there:
        assert "refused" in applied.types("routes", "list", *there).stdout
        assert "! refused: fraud/1: out of memory" in applied.types("routes", "show", "fraud", *there).stdout


def test_without_a_gateway_nothing_is_known_and_nothing_fails(applied):
    ended = applied.types(*ROLLBACK)
    assert ended.exit_code == 0
    assert "no gateway can be asked" in ended.stderr
    assert applied.reads("routes", "show", "fraud")["hold"]


@pytest.mark.parametrize("answer, revision", [("n", 1), ("", 1), ("y", 2)])
def test_somebody_at_a_terminal_is_asked_first(applied, answer, revision):
    path = applied.writes("2.yaml", SPLIT_2)
    command = [
        sys.executable,
        "-c",
        "from tidegate.cli import main; main()",
        "routes",
        "apply",
        "-f",
        path,
        "--timeout",
        "0",
    ]
    terminal, keyboard = pty.openpty()
    try:
        os.write(terminal, f"{answer}\n".encode())
        ended = subprocess.run(
            command,
            stdin=keyboard,
            env=applied.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert "Apply this to fraud? [y/N]" in ended.stdout
    assert ended.returncode == (0 if revision == 2 else 1), ended.stderr
    assert applied.reads("routes", "show", "fraud")["revision"] == revision
