"""`tidegate routes` says why a request goes where it goes, and who would move, from a gateway or from a file."""

import base64
import csv
import json

import pytest

from support.printed import rows
from tidegate.core.documents import fill_in
from tidegate.core.routing import BUCKETS, bucket

HALF = BUCKETS // 2


def snapshot(**route):
    """As a gateway writes it: half of the callers to each of two versions."""
    written = {
        "sticky": 'metadata["x-unit"]',
        "split": {"m/1": 1, "m/2": 1},
        "segments": [{"name": "ha", "when": 'params.carrier == "HA"', "split": {"m/2": 1}}],
        "pins": {"when": 'peer == "10.0.0.1"'},
        "shadow": [{"to": "m/3", "share_bp": 5000}, {"to": "m/2", "when": "params.dry"}],
        **route,
    }
    table = {"salt": "flights", "stable": "m/1", "ranges": [[0, HALF, "m/1"], [HALF, BUCKETS, "m/2"]]}
    segment = {"salt": "flights/ha", "stable": "m/2", "ranges": [[0, BUCKETS, "m/2"]]}
    content = {
        "requires": ["segments", "pins"],
        "route": fill_in({"routes": {"flights": written}})["routes"]["flights"],
        "table": table,
        "segment_tables": {"ha": segment},
    }
    return {"schema": 2, "incarnation": 1, "epoch": 7, "routes": {"flights": content}, "versions": {}}


@pytest.fixture
def ask(command, http_gateway):
    """Runs a command against a gateway with a snapshot."""
    address, gateway = http_gateway

    def ask(what, *arguments, route="flights", text=None, **content):
        gateway.says(snapshot(**content))
        return command("routes", what, route, "--http", address, *arguments, text=text)

    return ask


def test_a_key_is_explained_in_a_few_lines(ask):
    ended = ask("explain", "--key", "N14228")
    assert ended.exit_code == 0, ended.stderr
    place = bucket("flights", "N14228")
    found = rows(ended.stdout)
    assert found[0] == ["m/1" if place < HALF else "m/2", "split"]
    assert ["bucket", f"{place:,} of 4,294,967,296"] in found
    assert ["probability", "50.00 %"] in found
    assert ["keyed by", 'metadata["x-unit"]'] in found
    assert found[6:] == [
        ["step", "outcome", "when"],
        found[7],
        ["pins", "no match", 'peer == "10.0.0.1"'],
        ["segment ha", 'missing params["carrier"]', 'params.carrier == "HA"'],
        ["shadow m/3, 50.00 %", "by prediction id"],
        ["shadow m/2, 100.00 %", 'missing params["dry"]', "params.dry"],
    ]


def test_a_segment_wins_and_its_version_needs_no_shadow(ask):
    ended = ask("explain", "--param", "carrier=HA", "--param", "dry=true", "--prediction-id", "p")
    found = rows(ended.stdout)
    assert found[0] == ["m/2", "segment:ha"]
    assert ["keyed by", "prediction id"] in found
    assert ["segment ha", "match", 'params.carrier == "HA"'] in found
    assert ["shadow m/2, 100.00 %", "answers itself", "params.dry"] in found
    is_copied = bucket("flights/shadow/m/3", "p") < HALF
    assert ["shadow m/3, 50.00 %", "copied" if is_copied else "not sampled"] in found


def test_a_refused_version_is_explained_and_exit_0(ask):
    ended = ask("explain", "--version", "1", "--peer", "10.0.0.2")
    assert ended.exit_code == 0
    assert rows(ended.stdout)[0][0] == "refused"
    assert rows(ask("explain", "--version", "1", "--peer", "10.0.0.1").stdout)[0] == ["m/1", "pinned"]


def test_what_an_unknown_prediction_id_decides_is_not_passed_off_as_certain(ask):
    ended = ask("explain")
    assert ended.stdout.splitlines()[-1].startswith("! dealt by the id that the gateway gives it")
    said = json.loads(ask("explain", "--output", "json").stdout)
    assert (said["is_certain"], said["shadows"][0]["is_copied"]) == (False, None)
    for certain in (["--prediction-id", "p"], ["--key", "k"], ["--param", "carrier=HA"]):
        assert json.loads(ask("explain", *certain, "--output", "json").stdout)["is_certain"]


def test_metadata_is_lower_case_as_grpc_sends_it(ask):
    upper, lower = (ask("explain", "--metadata", f"{name}=N1") for name in ("X-Unit", "x-unit"))
    assert upper.stdout == lower.stdout
    assert "metadata" in lower.stdout


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--metadata", "x-unit"], "--metadata takes KEY=VALUE, not 'x-unit'."),
        (["--snapshot", "/nowhere"], "/nowhere cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_be_used_is_a_sentence_with_exit_2(ask, arguments, sentence):
    ended = ask("explain", *arguments)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (2, "", sentence + "\n")


def test_an_unknown_route_is_told_the_nearest_with_exit_2(ask):
    ended = ask("explain", route="flight")
    assert (ended.exit_code, ended.stderr) == (2, "The gateway serves no route 'flight'; did you mean flights?\n")


def test_a_key_for_a_route_without_one_is_exit_2(ask):
    for arguments in (["explain", "--key", "k"], ["simulate", "--split", "m/1=1", "--keys", "-"]):
        ended = ask(*arguments, text="k\n", sticky=None)
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert "no sticky key" in ended.stderr


def test_a_snapshot_in_a_file_needs_no_gateway(command, tmp_path):
    path = tmp_path / "applied.json"
    # What the state folder keeps has a digest besides.
    path.write_text(json.dumps({**snapshot(), "sha256": "ab"}))
    explained = command("routes", "explain", "flights", "--key", "k", "--snapshot", path)
    assert explained.exit_code == 0, explained.stderr
    simulated = command("routes", "simulate", "flights", "--split", "m/1=1", "--snapshot", "-", text=path.read_text())
    assert simulated.exit_code == 0, simulated.stderr
    path.write_text("{}")
    ended = command("routes", "explain", "flights", "--snapshot", path)
    assert (ended.exit_code, ended.stderr.split(" (")[0]) == (2, "This is no snapshot of a gateway")


@pytest.mark.parametrize("what", [["explain"], ["simulate", "--split", "m/1=1"]])
def test_no_gateway_is_exit_1(command, what):
    ended = command("routes", what[0], "flights", *what[1:], "--http", "127.0.0.1:1")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("No gateway answers at")


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
