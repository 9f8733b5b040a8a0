"""`tidegate apply` says what became of a document: a table, a line, and an exit code that a script can use."""

import json

import pytest

from support.printed import rows
from support.stand_ins import admin_socket
from tidegate.cli.apply import MOST_ROWS


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("# mine\nroutes: {r: {split: {m/1: 1}}}\nlimits: {connections: 5}\n")
    return path


@pytest.fixture
def gateway(document):
    with admin_socket(document.parent / ".tidegate") as gateway:
        yield gateway


def report(*settlements, epoch=8):
    settled = [{"subject": subject, "outcome": outcome, "reason": reason} for subject, outcome, reason in settlements]
    return {"epoch": epoch, "settlements": settled}


def test_what_is_served_is_exit_0_with_the_epoch(command, document, gateway):
    gateway.says(report(("routes.r", "current", None), ("routes.old", "removed", None)))
    ended = command("apply", document)
    assert ended.exit_code == 0, ended.stderr
    assert rows(ended.stdout) == [
        ["subject", "outcome"],
        ["─" * 20],
        ["routes.r", "current"],
        ["routes.old", "removed"],
        ["epoch 8 · 1 current · 1 removed"],
    ]


@pytest.mark.parametrize("outcome", ["refused", "superseded"])
def test_a_part_that_is_not_served_is_exit_1_and_comes_first(command, document, gateway, outcome):
    gateway.says(report(("routes.a", "current", None), ("routes.r", outcome, "m/1: \x1b[31mno model")))
    ended = command("apply", document)
    assert ended.exit_code == 1
    found = rows(ended.stdout)
    assert found[2] == ["routes.r", outcome, "m/1: \\x1b[31mno model"]
    assert found[-1] == [f"epoch 8 · 1 {outcome} · 1 current"]


def test_many_unchanged_parts_are_counted_and_few_are_named(command, document, gateway):
    for count, lines in ((5, 5), (6, 1), (9000, 1)):
        gateway.says(report(*((f"routes.r{at}", "unchanged", None) for at in range(count))))
        found = rows(command("apply", document).stdout)[2:-1]
        assert len(found) == lines
    assert found == [["… 9,000 more", "unchanged"]]


def test_of_thousands_of_changes_a_page_is_shown(command, document, gateway):
    gateway.says(report(*((f"routes.r{at}", "current", None) for at in range(1000))))
    found = rows(command("apply", document).stdout)
    assert len(found) == 2 + MOST_ROWS + 1 + 1
    assert found[-2:] == [[f"… {1000 - MOST_ROWS} more", "current"], ["epoch 8 · 1,000 current"]]


def test_programs_get_all_of_it_as_json(command, document, gateway):
    said = report(*((f"routes.r{at}", "refused", "why") for at in range(100)))
    gateway.says(said)
    ended = command("apply", document, "--output", "json")
    assert (ended.exit_code, json.loads(ended.stdout)) == (1, said)


def test_a_document_with_mistakes_is_exit_2_and_is_not_sent(command, document, gateway):
    document.write_text("timeout_ms: 0\nrotes: {}\n")
    ended = command("apply", document)
    assert (ended.exit_code, ended.stdout, gateway.asked) == (2, "", [])
    first, second = ended.stderr.splitlines()
    assert first.startswith(f"{document}:1: timeout_ms: must be")
    assert second.startswith(f"{document}:2: rotes: unknown field")


def test_what_only_a_restart_can_change_is_exit_2_with_its_line(command, document, gateway):
    gateway.says({"violations": [{"path": "limits", "reason": "cannot change while the gateway serves"}]}, status=422)
    ended = command("apply", document)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == f"{document}:3: limits: cannot change while the gateway serves\n"


def test_where_no_gateway_is_a_sentence_says_so_with_exit_1(command, document):
    ended = command("apply", document)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"No gateway runs with state_dir {document.parent / '.tidegate'} (it holds no admin.sock): "
        "start it with tidegate serve, or name the document that it was started with.\n"
    )
