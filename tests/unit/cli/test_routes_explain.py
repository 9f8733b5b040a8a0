"""`tidegate routes explain` says why a request goes where it goes, from a gateway or from a file."""

import json

import pytest

from support.printed import rows
from support.snapshots import HALF, snapshot
from tidegate.core.routing import bucket


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
