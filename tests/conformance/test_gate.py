"""The gate over real sockets: rows that break a rule of the profile are refused or flagged by name, and counted."""

import json
import subprocess
import threading

import numpy as np
import pytest

from support import gated
from support.applying import apply, serving
from support.asking import Asker, details
from support.gateway import TIDEGATE
from support.rest import call
from support.waiting import until
from support.watching import metric, read
from tidegate import drift

DAY_S = 86_400
ROUTES = {"gate": {"split": {"gated/1": 1}}}
LONG = "x" * (1 << 20)

# What one row has, and what is said of it.
BREACHES = {
    "FP32 above": ({"hour[0]": 24.0}, "hour[0]:range: expected 5 to 23.5, got 24"),
    "FP32 below": ({"hour[0]": 4.75}, "hour[0]:range: expected 5 to 23.5, got 4.75"),
    "FP32 infinite": ({"hour[1]": np.inf}, "hour[1]:range: expected 0.5 to 2.35, got inf"),
    "FP32 missing": ({"hour[0]": np.nan}, "hour[0]:nullability: expected a value, got nothing"),
    "FP64 above": ({"fare": 4.000000000000001}, "fare:range: expected"),
    "FP64 negatively infinite": ({"fare": -np.inf}, "fare:range: expected"),
    "FP64 missing": ({"fare": np.nan}, "fare:nullability: expected a value, got nothing"),
    "INT64 above": ({"age": 2**62}, "age:range: expected 20 to 69, got 4611686018427387904"),
    "INT64 the sentinel": ({"age": -1}, "age:nullability: expected a value, got nothing"),
    "BYTES unknown": ({"carrier": "ZZ"}, 'carrier:category: expected one of 400 known, got "ZZ"'),
    "BYTES short": ({"carrier": "Z"}, "carrier:length: expected 2 to 4 bytes, got 1 bytes"),
    "BYTES long": ({"carrier": LONG}, "carrier:length: expected 2 to 4 bytes, got 1048576 bytes"),
    "BYTES nothing": ({"carrier": ""}, "carrier:nullability: expected a value, got nothing"),
    "BYTES the sentinel": ({"carrier": "missing"}, "carrier:nullability: expected a value, got nothing"),
}
KEPT = [{}, {"hour[1]": np.nan}, {"fare": np.inf}, {"carrier": "C123"}, {"hour[0]": 5.0}, {"hour[0]": 23.5}]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return gated.write(tmp_path_factory.mktemp("gate"))


def monitors(mode, name="gate"):
    return {name: {"windows": ["1d"], "gate": mode}}


@pytest.fixture(scope="module")
def rejecting(repository):
    with serving(repository, ROUTES, monitors=monitors("reject")) as gateway, Asker(gateway.grpc_address) as calls:
        yield gateway, calls


@pytest.fixture(scope="module")
def flagging(repository):
    with serving(repository, ROUTES, monitors=monitors("flag")) as gateway, Asker(gateway.grpc_address) as calls:
        yield gateway, calls


def refused(calls, *changes, **fields):
    """The error of a request whose rows break rules."""
    error = calls.begin(gated.message(gated.rows(*changes), **fields)).exception(timeout=60)
    assert error is not None, "the request was answered"
    assert (error.code().name, details(error)["ErrorInfo"].reason) == ("INVALID_ARGUMENT", "RULE_BROKEN")
    return error


def answered(calls, *changes, **fields):
    """The rules that the answer to such a request names."""
    answer = calls.begin(gated.message(gated.rows(*changes), **fields)).result()
    assert len(answer.outputs) == len(gated.KINDS)
    return answer.parameters["tidegate_rules_broken"].string_param if answer.parameters else ""


def seen(gateway, version="gated/1"):
    """What the gate of a version has done, and the rows that are counted for drift."""
    found = {one["version"]: one for one in json.loads(read(gateway, "/drift/gate"))["versions"]}[version]
    return found["gate"], found["watch"]["rows"] if found["watch"] else {}


def counted_rows(gateway, rows):
    """What the gate has done, once as many rows as these are counted for drift and no more."""
    until(lambda: seen(gateway)[1].get("split", 0) >= rows, what="rows")
    gate, counted = seen(gateway)
    assert counted["split"] == rows
    return gate


@pytest.mark.parametrize("change, said", BREACHES.values(), ids=BREACHES)
def test_a_broken_rule_is_refused_by_feature_rule_and_row(rejecting, change, said):
    error = refused(rejecting[1], {}, change, {}, change)
    found = [violation.description for violation in details(error)["BadRequest"].field_violations]
    assert any(text.startswith(said) and text.endswith(" in row 1, the first of 2 rows") for text in found), found
    assert all(text in error.details() for text in found)
    assert error.details().endswith("; ".join(found))
    assert len(error.details()) < 400


def test_what_is_like_the_reference_passes(rejecting, flagging):
    for mode in (rejecting, flagging):
        assert answered(mode[1], *KEPT) == ""


def test_the_field_is_the_input_as_it_was_sent(rejecting):
    error = refused(rejecting[1], {"hour[0]": 99.0, "age": 7})
    fields = {found.field for found in details(error)["BadRequest"].field_violations}
    assert fields == {"inputs[1]", "inputs[3]"}


def test_many_broken_rules_are_named_as_far_as_there_is_room(rejecting, flagging):
    changes = (
        {"hour[0]": np.nan, "hour[1]": -1.0, "fare": np.nan, "age": -1, "carrier": ""},
        {"hour[0]": 99.0, "fare": 0.0, "age": 99, "carrier": "a stranger"},
    )
    error = refused(rejecting[1], *changes)
    assert error.details().startswith("10 rules are broken that the profile of gated/1 sets")
    assert error.details().endswith("; and 2 more")
    assert len(details(error)["BadRequest"].field_violations) == 8
    rules = answered(flagging[1], *changes).split(",")
    assert len(rules) == 10
    assert {"hour[0]:range", "hour[1]:range", "fare:nullability", "carrier:length"} <= set(rules)


def test_refused_rows_are_counted_by_rule_and_not_in_the_windows(repository):
    with serving(repository, ROUTES, monitors=monitors("reject")) as gateway, Asker(gateway.grpc_address) as calls:
        answered(calls, {}, {})
        refused(calls, {"hour[0]": 99.0}, {}, {"hour[0]": 1.0, "age": -1})
        refused(calls, {"hour[0]": 99.0})
        # What comes after the refused rows is taken over after them.
        answered(calls, {})
        gate = counted_rows(gateway, 3)
        assert (gate["mode"], gate["requests"]) == ("reject", {"rejected": 2, "flagged": 0})
        counted = {(one["feature"], one["rule"]): (one["rejected"], one["flagged"]) for one in gate["rows"]}
        assert counted == {("hour[0]", "range"): (3, 0), ("age", "nullability"): (1, 0)}
        labels = {"route": "gate", "version": "gated/1"}
        assert metric(gateway, "tidegate_gate_rows_total", **labels, rule="range", action="reject") == 3
        assert metric(gateway, "tidegate_gate_rows_total", **labels) == 4
        assert metric(gateway, "tidegate_refusals_total", **labels, reason="RULE_BROKEN") == 2
        until(lambda: "gate_rejected" in gateway.log, what="a line in the log")
        [line, *_] = [line for line in gateway.log.splitlines() if "gate_rejected" in line]
        assert '"gated/1"' in line
        assert "age:nullability" in line or "hour[0]:range" in line
        shown = subprocess.run(
            [TIDEGATE, "drift", "show", "gate", "--http", gateway.http_address],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "gate  reject · requests: 2 rejected" in shown
        assert ["hour[0]", "range", "3", "0"] in [line.split() for line in shown.splitlines()]


def test_flagged_rows_are_answered_and_counted_in_both_places(repository):
    flags = serving(repository, ROUTES, monitors=monitors("flag"), answer_parameters="off")
    with flags as gateway, Asker(gateway.grpc_address) as calls:
        assert answered(calls, {}, {"hour[0]": 99.0, "carrier": "ZZ"}) == "hour[0]:range,carrier:category"
        assert answered(calls, {}) == ""
        gate = counted_rows(gateway, 3)
        assert gate["requests"] == {"rejected": 0, "flagged": 1}
        assert metric(gateway, "tidegate_gate_rows_total", rule="category", action="flag") == 1
        until(lambda: "gate_flagged" in gateway.log, what="a line in the log")


def test_a_gate_that_observes_says_and_counts_nothing(repository):
    with serving(repository, ROUTES, monitors={"gate": {"windows": ["1d"]}}) as gateway:
        with Asker(gateway.grpc_address) as calls:
            assert answered(calls, {"hour[0]": 99.0}) == ""
        assert counted_rows(gateway, 1) == {"mode": "observe", "requests": {"rejected": 0, "flagged": 0}, "rows": []}
        assert metric(gateway, "tidegate_gate_rows_total") == 0


def test_a_stream_goes_on_after_a_refused_request(rejecting):
    sent = [gated.message(gated.rows(change)) for change in ({}, {"age": 7}, {})]
    said = list(rejecting[1].stream(sent))
    assert [bool(one.error_message) for one in said] == [False, True, False]
    assert "age:range: expected 20 to 69, got 7 in row 0" in said[1].error_message


def body(*changes):
    """Rows as the protocol over HTTP has them."""
    given = gated.rows(*changes)
    inputs = [
        ("hour", "FP32", 2, [value for row in given for value in (row["hour[0]"], row["hour[1]"])]),
        ("fare", "FP64", 1, [row["fare"] for row in given]),
        ("age", "INT64", 1, [row["age"] for row in given]),
        ("carrier", "BYTES", 1, [row["carrier"] for row in given]),
    ]
    names = ("name", "datatype", "shape", "data")
    return {"inputs": [dict(zip(names, (name, kind, [len(given), width], data), strict=True))
                       for name, kind, width, data in inputs]}  # fmt: skip


def test_http_says_the_same(rejecting, flagging):
    changes = ({}, {"hour[0]": 99.0}, {"carrier": "ZZ"})
    refusal = call(rejecting[0], "/v2/models/gate/infer", body(*changes))
    assert (refusal.status, refusal.said["reason"]) == (400, "RULE_BROKEN")
    assert refusal.said["error"] == refused(rejecting[1], *changes).details()
    assert refusal.said["violations"][0]["description"].startswith("hour[0]:range: expected 5 to 23.5, got 99 in row 1")
    assert refusal.headers["x-tidegate-version"] == "gated/1"
    answer = call(flagging[0], "/v2/models/gate/infer", body(*changes))
    assert answer.status == 200
    assert answer.said["parameters"]["tidegate_rules_broken"] == "hour[0]:range,carrier:category"


def test_the_front_in_python_refuses_and_flags_too(repository):
    document = {"front": "python", "monitors": monitors("reject")}
    with serving(repository, ROUTES, **document) as gateway, Asker(gateway.grpc_address) as calls:
        assert "age:range" in refused(calls, {"age": 7}).details()
        apply(gateway, {"routes": ROUTES, "monitors": monitors("flag")})
        assert answered(calls, {"age": 7}) == "age:range"


def test_the_gate_changes_under_traffic_without_a_failed_request(repository):
    with serving(repository, ROUTES, monitors=monitors("observe")) as gateway:
        is_over, failures, asked = threading.Event(), [], [0]

        def ask():
            with Asker(gateway.grpc_address) as calls:
                while not is_over.is_set():
                    asked[0] += 1
                    if error := calls.begin(gated.message(gated.rows({}, {"fare": np.inf}))).exception(timeout=60):
                        failures.append(error)

        traffic = threading.Thread(target=ask)
        traffic.start()
        with Asker(gateway.grpc_address) as calls:
            for mode in ("reject", "flag", "observe", "reject") * 2:
                before = asked[0]
                until(lambda before=before: asked[0] > before + 2, what="traffic")
                apply(gateway, {"routes": ROUTES, "monitors": monitors(mode)})
                if mode == "reject":
                    refused(calls, {"age": 7})
                else:
                    assert answered(calls, {"age": 7}) == ("age:range" if mode == "flag" else "")
        is_over.set()
        traffic.join()
        assert failures == []


def test_a_gate_without_a_profile_is_said_and_never_silently_open(repository):
    routes = {"gate": {"split": {"gated/1": 1, "gated/2": 1}}}
    with serving(repository, ROUTES) as gateway, Asker(gateway.grpc_address) as calls:
        applied = apply(gateway, {"routes": routes, "monitors": monitors("reject") | monitors("flag", "nobody")})
        assert (applied.code, applied.outcomes["monitors"]) == (200, "current")
        sentence = (
            "monitors.gate.gate is reject, but gated/2 has no profile.json that fits it: its requests are not checked"
        )
        assert sentence in applied.reasons["monitors"]
        assert "monitors.nobody.gate is flag, but nobody answers as nobody" in applied.reasons["monitors"]
        assert "gated/1" not in applied.reasons["monitors"]
        assert gateway.log.count(sentence) == 1
        assert answered(calls, {"age": 7}, model_version="2") == ""
        refused(calls, {"age": 7}, model_version="1")
        assert "monitors" not in apply(gateway, {"routes": ROUTES, "monitors": monitors("reject")}).reasons
    with serving(repository, routes, monitors=monitors("reject")) as gateway:
        assert sentence in gateway.log
        assert "nobody answers" not in gateway.log


def test_copies_for_shadows_are_not_gated(repository):
    routes = {"gate": {"split": {"gated/2": 1}, "shadow": [{"to": "gated/1"}]}}
    with serving(repository, routes, monitors=monitors("reject")) as gateway, Asker(gateway.grpc_address) as calls:
        assert answered(calls, {"age": 7}, {"age": 7}) == ""
        until(lambda: (seen(gateway)[1] or {}).get("shadow") == 2, what="the shadow's rows")
        assert seen(gateway)[0]["rows"] == []


def test_the_gate_and_the_offline_check_agree_row_by_row(repository, flagging):
    calls, profile = flagging[1], gated.profile(repository)
    rng = np.random.default_rng(17)
    odd = [change for change, _ in BREACHES.values() if change.get("carrier") != LONG] + KEPT
    changes = [
        {name: value for at in rng.integers(len(odd), size=3) for name, value in odd[at].items()} for _ in range(60)
    ]
    together: dict[tuple[str, str], int] = {}
    for change in changes:
        given = gated.rows(change)
        offline = {f"{breach.feature}:{breach.rule}" for breach in drift.check(profile, gated.columns(given))}
        flagged = answered(calls, change)
        assert set(flagged.split(",") if flagged else ()) == offline, change
        for name in offline:
            feature, _, rule = name.rpartition(":")
            together[feature, rule] = together.get((feature, rule), 0) + 1
    assert len(together) == 10, "every rule of every feature was broken"
    # The whole batch at once breaks what its rows do, as often.
    before = {(one["feature"], one["rule"]): one["flagged"] for one in seen(flagging[0])[0]["rows"]}
    answered(calls, *changes)
    after = {(one["feature"], one["rule"]): one["flagged"] for one in seen(flagging[0])[0]["rows"]}
    assert {key: after[key] - before.get(key, 0) for key in together} == together
    offline = {}
    for breach in drift.check(profile, gated.columns(gated.rows(*changes))):
        offline[breach.feature, breach.rule.value] = offline.get((breach.feature, breach.rule.value), 0) + breach.rows
    assert offline == together
