"""`tidegate routes simulate` says who would move: of all callers, and of a list of keys."""

import base64
import csv
import json

import pytest

from support.printed import rows
from support.snapshots import HALF
from tidegate.core.routing import BUCKETS, bucket

KEYS = [f"N{number}" for number in range(1000)]


def test_a_simulation_counts_callers_and_keys(ask):
    ended = ask("simulate", "--split", "m/1=1", "--split", "m/2=3", "--keys", "-", text="\n".join([*KEYS, *KEYS, ""]))
    assert ended.exit_code == 0, ended.stderr
    places = [bucket("flights", key) for key in KEYS]
    moved, now = sum(HALF // 2 <= place < HALF for place in places), sum(place < HALF for place in places)
    found = rows(ended.stdout)
    head = f"25.00 % of all callers move, the fewest that the new weights allow · {moved} of 1,000 keys"
    assert found[0] == [head]
    assert found[2:6] == [
        ["arm", "now", "then", "keys now", "keys then", "stable"],
        found[3],
        ["m/1", "50.00 %", "25.00 %", f"{now}", f"{now - moved}", "●"],
        ["m/2", "50.00 %", "75.00 %", f"{1000 - now}", f"{1000 - now + moved}"],
    ]
    assert found[7:10] == [
        ["from", "to", "of all callers", "keys"],
        found[8],
        ["m/1", "m/2", "25.00 %", f"{moved}"],
    ]
    assert found[-1] == ["! whoever matches a segment is dealt by its own split"]


def test_without_keys_only_shares_are_shown(ask):
    found = rows(ask("simulate", "--split", "m/1=1,m/2=1", segments=[]).stdout)
    assert found[0] == ["0.00 % of all callers move, the fewest that the new weights allow"]
    assert len(found) == 6


def test_a_list_of_movers_is_all_that_a_pipe_reads(ask):
    ended = ask("simulate", "--split", "m/1=1,m/2=3", "--keys", "-", "--list", text="\n".join(KEYS))
    listed = list(csv.reader(ended.stdout.splitlines(), delimiter="\t"))
    movers = [key for key in KEYS if HALF // 2 <= bucket("flights", key) < HALF]
    assert listed == [[key, "m/1", "m/2"] for key in movers]
    assert "of all callers move" in ended.stderr


def test_programs_get_a_simulation_as_json(ask):
    ended = ask("simulate", "--split", "m/1=1,m/2=3", "--keys", "-", "--list", "--output", "json", text="\n".join(KEYS))
    said = json.loads(ended.stdout)
    assert said["moved_share"] == 0.25
    assert said["moves"][0] == {
        "from": "m/1",
        "to": "m/2",
        "buckets": HALF // 2,
        "share": 0.25,
        "keys": said["moved_keys"],
    }
    assert said["after"]["m/1"]["buckets"] == HALF // 2
    assert (said["keys"], len(said["key_moves"])) == (1000, said["moved_keys"])


def test_binary_keys_are_hashed_as_their_bytes(ask):
    keys = [bytes([0xFF, number]) for number in range(200)]
    text = "\n".join(base64.b64encode(key).decode().rstrip("=") for key in keys)
    ended = ask(
        "simulate",
        "--split",
        "m/2=1",
        "--keys",
        "-",
        "--list",
        text=text,
        sticky='metadata["x-unit-bin"]',
        pins="allow",
    )
    movers = [base64.b64encode(key).decode() for key in keys if bucket("flights", key) < HALF]
    assert [line.split("\t")[0] for line in ended.stdout.splitlines()] == movers


@pytest.mark.parametrize(
    "split, stable, arm",
    [("m/1=1,m/2=3", "", "m/1"), ("m/1=1,m/2=3", "m/2", "m/2"), ("m/3=1,m/2=3", "", "m/2")],
)
def test_the_stable_arm_is_the_routes_or_the_given_or_else_the_heaviest(ask, split, stable, arm):
    options = ["--stable", stable] if stable else []
    said = json.loads(ask("simulate", "--split", split, *options, "--output", "json").stdout)
    assert said["stable"] == arm


def test_explicit_ranges_are_named(ask):
    ended = ask("simulate", "--split", "m/1=1,m/2=1", ranges=[[0, HALF, "m/1"], [HALF, BUCKETS, "m/2"]])
    assert "! the route has explicit ranges" in ended.stdout


@pytest.mark.parametrize(
    "arguments, text, sentence",
    [
        (["--split", "m/1"], "", "--split takes VERSION=WEIGHT, each version once, not 'm/1'.\n"),
        (["--split", "m/1=1,m/1=2"], "", "--split takes VERSION=WEIGHT, each version once, not 'm/1=2'.\n"),
        (["--split", "m/1=many"], "", 'a weight must be a whole number from 0 to 18446744073709551615, got "many"\n'),
        (
            ["--split", "m/1=0"],
            "",
            "routes.flights.split: the weights add up to 0; at least one version needs a weight\n",
        ),
        (["--split", "m=1"], "", '"m" is no version: write <model>/<version>, such as "flight-delay/2"\n'),
        (["--split", "m/1=1", "--stable", "m/9"], "", '"m/9" is not an arm of the split: m/1\n'),
        (
            ["--split", "m/1=1", "--keys", "-"],
            "a\n" + "k" * 1025,
            "standard input, line 2 is no sticky value: these have 1 to 1024 bytes.\n",
        ),
        (["--split", "m/1=1", "--keys", "/nowhere"], "", "/nowhere cannot be read: No such file or directory.\n"),
    ],
)
def test_a_simulation_of_nonsense_is_exit_2(ask, arguments, text, sentence):
    ended = ask("simulate", *arguments, text=text)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.endswith(sentence)
