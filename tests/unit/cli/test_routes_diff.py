"""`tidegate routes diff` says what a document changes about the routes of another."""

import json

import pytest

from support.printed import rows


@pytest.fixture
def differ(command, tmp_path):
    """Runs `routes diff` on two documents."""

    def differ(old, new, *options):
        paths = [tmp_path / "old.yaml", tmp_path / "new.yaml"]
        for path, document in zip(paths, (old, new), strict=True):
            path.write_text(json.dumps(document))
        return command("routes", "diff", *paths, *options)

    return differ


OLD = {
    "routes": {
        "flights": {"sticky": "params.unit", "split": {"m/1": 90, "m/2": 10}},
        "gone": {"split": {"m/1": 1}},
    }
}
NEW = {
    "timeout_ms": 5,
    "routes": {
        "flights": {
            "sticky": "params.unit",
            "split": {"m/1": 80, "m/2": 20},
            "pins": {"when": 'peer == "::1"'},
            "segments": [{"name": "ha", "when": "true", "split": {"m/2": 1}}],
        },
        "new": {"split": {"m/1": 1, "m/2": 2}},
    },
}


def test_a_difference_is_told_field_by_field(differ):
    ended = differ(OLD, NEW)
    assert ended.exit_code == 0, ended.stderr
    assert rows(ended.stdout) == [
        ["- gone", "m/1 1"],
        ["+ new", "m/1 1 · m/2 2"],
        ["~ flights", "10.00 % of its callers move"],
        ['split["m/1"]', "90 → 80"],
        ['split["m/2"]', "10 → 20"],
        ["segments.ha", "- → when true · split m/2 1 · salt flights/ha"],
        ["pins", 'allow → when peer == "::1"'],
        ["! beside routes, these differ: timeout_ms"],
    ]


def test_a_new_salt_is_told_to_deal_everybody_anew(differ):
    salted = {"routes": {**OLD["routes"], "flights": {**OLD["routes"]["flights"], "salt": "two"}}}
    assert ["~ flights", "about 18.00 % of its callers move: all are dealt anew"] in rows(differ(OLD, salted).stdout)


def test_equal_routes_are_said_to_be_equal(differ):
    assert differ(OLD, OLD).stdout == "The routes are the same.\n"


def test_programs_get_the_differences_as_json(differ):
    said = json.loads(differ(OLD, NEW, "--output", "json").stdout)
    assert (list(said["added"]), list(said["removed"]), said["elsewhere"]) == (["new"], ["gone"], ["timeout_ms"])
    assert said["changed"]["flights"]["fields"][0] == {"path": 'split["m/1"]', "old": 90, "new": 80}
    assert said["changed"]["flights"]["moves"]["split"]["is_exact"]


def test_both_documents_are_told_what_is_wrong_with_them(differ):
    ended = differ({"rotes": {}}, {"timeout_ms": 0})
    assert (ended.exit_code, ended.stdout) == (2, "")
    first, second = ended.stderr.splitlines()
    assert "old.yaml:1: rotes: unknown field" in first
    assert "new.yaml:1: timeout_ms: must be" in second
