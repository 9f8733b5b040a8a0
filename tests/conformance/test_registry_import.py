"""A registry adopts what a gateway serves from a folder, and no caller moves by it."""

import json

import pytest
import yaml

from support import models
from support.commands import Typist
from support.gateway import start_gateway
from tidegate.core.routing import BUCKETS, allocate
from tidegate.gateway import http as gateway_http

ROUTE = {"sticky": 'metadata["x-unit"]', "split": {"add/1": 3, "add/2": 1}}
DOCUMENT = {"repository": "models", "state_dir": "state", "routes": {"sum": ROUTE}}


@pytest.fixture
def typist(admin, tmp_path):
    return Typist.at(admin, tmp_path / "desk")


@pytest.fixture
def folder(typist):
    """A folder of models with two versions."""
    for number in (1, 2):
        models.save(typist.folder / "models", "add", number, models.add(number))
    return typist.folder


def remembered(route, ranges, **more):
    """What a gateway remembers of one route."""
    table = {"salt": "sum", "stable": "add/1", "ranges": ranges}
    fields = {"split": route["split"], "salt": "sum", "segments": []} | more.pop("route", {})
    return {"epoch": 3, "routes": {"sum": {"route": fields, "table": table, "segment_tables": more}}}


def write(folder, document, applied=None):
    """Writes a document, and what its gateway remembers."""
    (folder / "gateway.yaml").write_text(yaml.safe_dump(document))
    if applied is not None:
        (folder / "state").mkdir(exist_ok=True)
        (folder / "state/applied.json").write_text(json.dumps(applied))
    return folder / "gateway.yaml"


def new_table(split):
    """The table of a route without a history."""
    return [list(each) for each in allocate((), split, stable="add/1")]


# As a route has it that began with all of it on the other arm.
LONG = [[0, BUCKETS // 4, "add/2"], [BUCKETS // 4, BUCKETS, "add/1"]]


def test_a_gateway_is_adopted_with_its_tables_profiles_and_monitors(typist, folder):
    (folder / "models/add/2/profile.json").write_text('{"rows": 1, "tensors": []}')
    document = DOCUMENT | {
        "versions": {"add/2": {"intra_op_threads": 2}},
        "monitors": {"sum": {"windows": ["1h"]}},
        "limits": {"message_mib": 8},
    }
    path = write(folder, document, remembered(ROUTE, LONG))
    planned = typist.types("import", path, "--dry-run")
    assert planned.exit_code == 0, planned.output
    for text in ("Nothing is done", "would be registered", "would be applied", "would be watched"):
        assert text in planned.stdout
    assert [each["name"] for each in typist.reads("models", "list")] == ["fraud"]
    ended = typist.types("import", path)
    assert ended.exit_code == 0, ended.output
    for text in ("add/1", "registered", "stay where they are", "profile", "Stays with the gateway: limits"):
        assert text in ended.stdout
    content = typist.reads("routes", "show", "sum")["content"]
    assert content["route"]["ranges"] == LONG
    assert content["route"]["ranges"] != new_table(ROUTE["split"])
    assert content["versions"]["add/2"]["settings"]["intra_op_threads"] == 2
    assert content["versions"]["add/2"]["profile"].startswith("sha256:")
    [past] = typist.reads("routes", "history", "sum")
    assert past["reason"] == "imported from gateway.yaml"


def test_what_is_imported_again_is_found_again(typist, folder):
    path = write(folder, DOCUMENT | {"monitors": {"sum": None}}, remembered(ROUTE, LONG))
    first, again = typist.reads("import", path), typist.reads("import", path)
    assert [each["what"] for each in first["versions"]] == ["registered", "registered"]
    assert [each["what"] for each in again["versions"]] == ["is there already", "is there already"]
    assert again["routes"][0]["what"] == again["monitors"]["sum"] == "is so already"
    foreseen = typist.reads("import", path, "--dry-run")
    assert [each["version"] for each in foreseen["versions"]] == ["add/1", "add/2"]


def test_a_route_that_has_changed_since_is_left_alone(typist, folder):
    path = write(folder, DOCUMENT | {"monitors": {"sum": None}}, remembered(ROUTE, LONG))
    typist.types("import", path)
    moved = typist.writes("sum.yaml", {"route": "sum", "split": {"add/2": 1}})
    assert typist.types("routes", "apply", "-f", moved, "--timeout", 0).exit_code == 0
    again = typist.reads("import", path)
    assert again["routes"][0]["what"] == "is another by now: left alone"
    assert "left alone" in again["monitors"]["sum"]
    assert typist.reads("routes", "show", "sum")["content"]["route"]["split"] == {"add/2": 1}


def test_numbers_that_cannot_stay_are_told_and_routes_are_rewritten(typist, folder):
    models.save(folder / "models", "add", 7, models.add(7))
    models.save(folder / "models", "add", 8, models.add(7))
    split = {"add/2": 2, "add/7": 1, "add/8": 1}
    route = {
        "split": split,
        "stable": "add/2",
        "segments": [{"name": "ha", "when": 'params.c == "HA"', "split": {"add/7": 1}}],
        "shadow": [{"to": "add/8"}],
    }
    half = BUCKETS // 2
    ranges = [[0, half, "add/2"], [half, half * 3 // 2, "add/7"], [half * 3 // 2, BUCKETS, "add/8"]]
    applied = remembered(route, ranges)
    applied["routes"]["sum"]["table"]["stable"] = "add/2"
    path = write(folder, DOCUMENT | {"routes": {"sum": route}}, applied)
    foreseen = typist.reads("import", path, "--dry-run")
    assert [each["version"] for each in foreseen["versions"]][:2] == ["add/1", "add/2"]
    ended = typist.types("import", path)
    assert ended.exit_code == 0, ended.output
    assert "! numbers are others in the registry" in ended.stdout
    content = typist.reads("routes", "show", "sum")["content"]["route"]
    assert content["split"] == {"add/1": 2, "add/2": 2}
    assert content["ranges"] == [[0, half, "add/1"], [half, BUCKETS, "add/2"]]
    assert (content["stable"], content["shadow"][0]["to"]) == ("add/1", "add/2")
    assert content["segments"][0]["split"] == {"add/2": 1}


def test_callers_of_a_segment_with_a_history_stay_where_they_are(typist, folder):
    segment = {"name": "ha", "when": 'params.c == "HA"', "split": {"add/1": 1, "add/2": 1}}
    route = ROUTE | {"segments": [segment]}
    table = {
        "salt": "sum/ha",
        "stable": "add/1",
        "ranges": [[0, BUCKETS // 2, "add/2"], [BUCKETS // 2, BUCKETS, "add/1"]],
    }
    applied = remembered(route, LONG, ha=table)
    ended = typist.types("import", write(folder, DOCUMENT | {"routes": {"sum": route}}, applied))
    assert ended.exit_code == 0, ended.output
    [served] = typist.reads("routes", "show", "sum")["content"]["route"]["segments"]
    assert (served["stable"], served["ranges"]) == ("add/1", table["ranges"])
    assert table["ranges"] != new_table(segment["split"])


def test_files_that_change_no_answer_are_left_out_and_told(typist, folder):
    (folder / "models/add/1/README.md").write_text("how it was made")
    (folder / "models/add/1/labels.bin").write_bytes(b"nobody reads me")
    path = write(folder, DOCUMENT, remembered(ROUTE, LONG))
    for what in ("registered", "is there already"):
        [first, _] = typist.reads("import", path)["versions"]
        assert (first["what"], first["left_out"]) == (what, ["README.md", "labels.bin"])


@pytest.mark.parametrize(
    "document, applied, sentence",
    [
        (DOCUMENT, None, "has served"),
        (DOCUMENT, {"epoch": "x"}, "is not what a gateway writes (it has no epoch)"),
        (DOCUMENT, remembered({"split": {"add/1": 1}}, new_table({"add/1": 1})), "serves about sum: run"),
        (DOCUMENT | {"routes": {"sum": {"split": {"add/3": 1, "add/9": 1}}}}, remembered({"split": {"add/3": 1, "add/9": 1}}, []), "has no model.onnx of add/3, add/9"),
        (DOCUMENT | {"rotes": {}}, None, "rotes"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_before_anything_is_done(typist, folder, document, applied, sentence):
    ended = typist.types("import", write(folder, document, applied))
    assert ended.exit_code == 2, ended.output
    assert sentence in ended.stderr
    assert [each["name"] for each in typist.reads("models", "list")] == ["fraud"]


def test_callers_may_be_dealt_anew_if_that_is_said(typist, folder):
    found = typist.reads("import", write(folder, DOCUMENT), "--anew")
    assert found["routes"][0]["callers"] == "are dealt anew"
    assert typist.reads("routes", "show", "sum")["content"]["route"]["ranges"] == new_table(ROUTE["split"])


def test_what_a_running_gateway_remembers_is_taken_over(typist, folder):
    with start_gateway({"routes": {"sum": ROUTE}}, folder / "models") as gateway:
        served = gateway_http.read_json(f"http://{gateway.http_address}", "/snapshot")["routes"]["sum"]["table"]
        found = typist.reads("import", gateway.document_path)
        assert found["routes"][0]["what"] == "applied"
        assert typist.reads("routes", "show", "sum")["content"]["route"]["ranges"] == served["ranges"]
