"""Aliases, monitors, the journal, garbage and tokens from the command line, against a real registry on loopback."""

import sqlite3
import stat

import pytest

from support.commands import Typist

SPLIT_1 = {"route": "fraud", "split": {"fraud@champion": 1}}


@pytest.fixture
def typist(admin, tmp_path):
    return Typist.at(admin, tmp_path / "desk")


# -- aliases


def test_an_alias_is_set_listed_and_removed_and_says_who_serves_the_one_before(typist):
    assert typist.types("aliases", "set", "fraud@champion", "fraud/1").stdout == "fraud@champion points to fraud/1.\n"
    typist.types("routes", "apply", "-f", typist.writes("route.yaml", SPLIT_1), "--timeout", 0)
    moved = typist.types("aliases", "set", "fraud@champion", "fraud/2", "--reason", "better")
    assert "fraud@champion points to fraud/2 (was fraud/1)." in moved.stdout
    assert "  fraud serves the one before" in moved.stdout
    [listed] = typist.reads("aliases", "list", "fraud")
    assert (listed["name"], listed["version"]) == ("fraud@champion", "fraud/2")
    assert "fraud@champion   fraud/2" in typist.types("aliases", "list", "fraud").stdout
    assert "is gone (was fraud/2)" in typist.types("aliases", "remove", "fraud@champion").stdout
    assert "has no aliases" in typist.types("aliases", "list", "fraud").stdout


def test_the_history_of_an_alias_says_what_it_pointed_to_when_and_why(typist):
    for number, why in ((1, "first"), (2, "better")):
        typist.types("aliases", "set", "fraud@champion", f"fraud/{number}", "--reason", why)
        typist.admin.clock.move(hours=1)
    refused = typist.types("aliases", "set", "fraud@champion", "fraud/3", by="gate")
    assert refused.exit_code == 1
    typist.types("aliases", "remove", "fraud@champion", "--reason", "nobody uses it")
    typist.types("aliases", "set", "fraud@champion", "fraud/2")
    found = typist.reads("aliases", "history", "fraud@champion")
    assert [(past["was"], past["reason"]) for past in found] == [
        ("fraud/2", ""),
        (None, "nobody uses it"),
        ("fraud/2", "better"),
        ("fraud/1", "first"),
    ]
    assert found[0]["end_time"] is None
    assert [past["end_time"] for past in found[1:]] == [past["start_time"] for past in found[:-1]]
    assert len(typist.reads("aliases", "history", "fraud@champion", "--limit", 2)) == 2
    table = typist.types("aliases", "history", "fraud@champion").stdout
    assert [word for word in ("now", "nowhere", "nobody uses it", "ann") if word not in table] == []
    never = typist.types("aliases", "history", "fraud@nobody")
    assert (never.exit_code, "fraud@nobody was never set" in never.stderr) == (1, True)


def test_the_states_of_a_version_are_told_with_who_made_them_so(typist):
    typist.types("models", "quarantine", "fraud/1", "--reason", "leaks")
    typist.types("models", "quarantine", "fraud/1", "--reason", "again")
    typist.types("models", "release", "fraud/1", "--reason", "it did not")
    typist.types("models", "retire", "fraud/1")
    found = typist.reads("models", "show", "fraud/1")["states"]
    assert [(past["was"], past["reason"]) for past in found[:-1]] == [
        ("retired", ""),
        ("registered", "it did not"),
        ("quarantined", "leaks"),
    ]
    assert found[-1]["was"] == "registered"
    assert found[-1]["start_time"] == typist.reads("models", "show", "fraud/1")["create_time"]
    shown = typist.types("models", "show", "fraud/1").stdout
    assert [word for word in ("quarantined", "leaks", "it did not", "ann") if word not in shown] == []


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (("set", "champion", "fraud/1"), 2, "'champion' is no alias: write model@alias"),
        (("set", "fraud@champion", "fraud"), 2, "names no version"),
        (("set", "fraud@champion", "fraud/9"), 1, "There is no fraud/9"),
        (("remove", "fraud@nobody"), 1, "fraud has no alias 'nobody'"),
        (("list", "nobody"), 1, "There is no model nobody"),
    ],
)
def test_an_alias_of_nothing_is_refused(typist, words, code, sentence):
    ended = typist.types("aliases", *words)
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert sentence in ended.stderr


# -- monitors


def test_monitors_are_applied_from_a_document(typist):
    path = typist.writes("monitors.yaml", {"monitors": {"fraud": {"windows": ["1h"]}, "other": None}})
    first = typist.types("monitors", "apply", "-f", path, "--reason", "watch")
    assert first.exit_code == 0, first.output
    assert "applied" in first.stdout
    assert [each["has_changed"] for each in typist.reads("monitors", "apply", "-f", path)] == [False, False]


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("monitors:\n  fraud:\n    windows: [1y]\n", "monitors.yaml:3: monitors.fraud.windows"),
        ("fraud:\n  tolerate_psi: -1\n", "monitors.yaml:2: fraud.tolerate_psi"),
        ("monitors: [fraud]\n", "monitors.yaml:1: monitors: expected a mapping"),
        ("monitors: {}\nroutes: {}\n", "monitors.yaml:2: routes: stands beside monitors"),
        ("fraud: 3\n", "monitors.yaml:1: fraud: expected a mapping of fields"),
    ],
)
def test_a_monitor_is_refused_with_its_line(typist, text, sentence):
    ended = typist.types("monitors", "apply", "-f", typist.writes("monitors.yaml", text))
    assert ended.exit_code == 2, ended.output
    assert sentence in ended.stderr


# -- journal


def test_the_journal_says_who_did_what_and_why(typist):
    typist.types("aliases", "set", "fraud@champion", "fraud/1", "--reason", "RISK-7")
    typist.types("models", "quarantine", "fraud/3", by="gate")
    newest = typist.types("journal", "show", "--limit", 3).stdout
    for text in ("RISK-7", "aliases.set", "fraud@champion", "ann"):
        assert text in newest
    assert "versions.quarantine" in newest
    assert "refused" in newest
    [entry] = typist.reads("journal", "show", "--resource", "fraud@champion")
    assert (entry["principal"], entry["reason"], entry["is_refused"]) == ("ann", "RISK-7", False)
    of_version = typist.reads("journal", "show", "--resource", "fraud/1")
    assert {each["action"] for each in of_version} == {"versions.register", "versions.attach"}
    assert [each["action"] for each in typist.reads("journal", "show", "--resource", "fraud/")] == ["models.create"]
    assert typist.reads("journal", "show", "--resource", "fraud") == []
    assert typist.types("journal", "show", "--until", "soon").exit_code == 2


def test_a_chain_that_holds_is_said_and_one_that_breaks_is_named(typist):
    holds = typist.types("journal", "verify")
    assert (holds.exit_code, holds.stdout.startswith("the chain holds")) == (0, True)
    with sqlite3.connect(typist.admin.folder / "registry.db") as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")
        database.execute("update journal set body = replace(body, 'first look', 'second look') where seq = 5")
    database.close()
    broken = typist.types("journal", "verify")
    assert broken.exit_code == 1
    assert broken.stderr.startswith("Entry 5 is broken: its bytes are not those that were hashed.")
    ended = typist.types("journal", "verify", "--output", "json")
    assert (ended.exit_code, '"broken_entry": 5' in ended.stdout) == (1, True)


# -- garbage


def test_garbage_is_shown_before_it_goes(typist):
    typist.admin.blobs.put(b"nobody needs me")
    assert "Nothing is garbage." in typist.types("gc", "--dry-run").stdout
    typist.admin.clock.move(days=9_000)
    assert "1 blobs, 15 B would go." in typist.types("gc", "--dry-run").stdout
    assert "1 blobs, 15 B gone." in typist.types("gc", "--reason", "room").stdout
    assert typist.reads("gc", "--dry-run")["count"] == 0


def test_what_cut_off_uploads_have_left_is_counted_and_goes(typist):
    left = typist.admin.folder / "artifacts" / "incoming" / "tmp1"
    left.write_bytes(b"half of a model")
    assert "Nothing is garbage." in typist.types("gc").stdout
    typist.admin.clock.move(days=9_000)
    assert "1 uploads that were cut off, 15 B would go." in typist.types("gc", "--dry-run").stdout
    assert typist.reads("gc", "--dry-run")["cut_off_count"] == 1
    assert left.exists()
    assert "1 uploads that were cut off, 15 B gone." in typist.types("gc").stdout
    assert not left.exists()
    [entry] = typist.reads("journal", "show", "--resource", "blobs")
    assert entry["action"] == "garbage.collect"


def test_damage_is_told(typist):
    [file] = typist.reads("models", "show", "fraud/1")["files"]
    typist.admin.clock.move(days=9_000)
    assert typist.admin.blobs.remove(file["digest"], untouched_since_s=typist.admin.clock.now.timestamp())
    ended = typist.types("gc", "--dry-run")
    assert ended.exit_code == 1
    assert "1 blobs are needed and not there: restore a backup." in ended.stderr
    assert file["digest"] in ended.stderr


# -- tokens


def test_a_token_is_made_used_listed_and_revoked(typist):
    made = typist.types("tokens", "create", "deployer", "--kind", "automation", "--reason", "CI")
    assert made.exit_code == 0
    assert "shown this once" in made.stderr
    [token] = made.stdout.split()
    path = typist.writes("deployer.token", token)
    assert typist.types("models", "list", "--token-file", path).exit_code == 0
    assert "deployer" in typist.types("tokens", "list").stdout
    assert "is revoked" in typist.types("tokens", "revoke", "deployer").stdout
    assert typist.types("models", "list", "--token-file", path).exit_code == 1
    [found] = [each for each in typist.reads("tokens", "list") if each["name"] == "deployer"]
    assert (found["kind"], found["revoke_time"] is not None) == ("automation", True)


def test_a_token_may_go_to_a_new_file_of_ones_own(typist):
    path = typist.folder / "edge.token"
    assert typist.types("tokens", "create", "edge", "--kind", "gateway", "--out", path).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert typist.types("models", "list", "--token-file", path).exit_code == 0
    again = typist.types("tokens", "create", "other", "--kind", "gateway", "--out", path)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    twice = typist.types("tokens", "create", "edge", "--kind", "gateway", "--out", typist.folder / "new.token")
    assert twice.exit_code == 1
    assert not (typist.folder / "new.token").exists()
    assert "robot" in typist.types("tokens", "create", "x", "--kind", "robot").stderr
