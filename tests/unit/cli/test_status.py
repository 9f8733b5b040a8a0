"""`tidegate status` shows what a gateway serves in tables, and what is not as it should be below them."""

import copy
import json

import pytest

from support.printed import rows
from tidegate.cli.status import MOST_ROWS


def arm(version, weight, share):
    return {"version": version, "weight": weight, "share": share, "digest": "sha256:" + "ab" * 32}


def version(**more):
    return {
        "state": "ready",
        "digest": "sha256:0123456789abcdef" + "0" * 48,
        "size_bytes": 10,
        "batching": "on",
        "unbatched_reason": None,
        "max_rows": 64,
        "queue": {"requests": 1234, "rows": 3, "bytes": 9},
        "running": 2,
        "row_cost_us": 1.5,
        **more,
    }


def load(number, name, state="READY", *, stuck=False, since_s=75, waits_for=None):
    return {"load": number, "version": name, "state": state, "stuck": stuck, "since_s": since_s, "waits_for": waits_for}


# Of the form of rust/dataplane/src/front/http/status.rs; tests/conformance/test_apply_commands.py asks a real one.
STATUS = {
    "server": "tidegate",
    "version": "0.1.0",
    "runtime": {"name": "onnxruntime", "version": "1.32.0"},
    "phase": "serving",
    "changing": True,
    "uptime_s": 3 * 3600 + 120,
    "epoch": 7,
    "incarnation": 1,
    "routes": {
        "flight-delay": {
            "arms": [arm("m/1", 90, 0.9), arm("m/2", 10, 0.1), arm("m/3", 0, 0.0)],
            "stable": "m/1",
            "sticky": None,
            "segments": [{"name": name, "when": "true", "arms": []} for name in ("hawaiian", "testers")],
            "pins": "allow",
            "shadow": [{"to": "m/4", "share_bp": 2000}],
            "timeout_ms": 1,
            "ranges": 2,
        }
    },
    "models": {
        "add": {"versions": ["add/1"], "answers": "add/1", "timeout_ms": 1},
        "sum": {"versions": ["sum/1", "sum/2"], "answers": "sum/2", "timeout_ms": 1},
    },
    "versions": {"m/1": version(), "m/2": version(batching="off", max_rows=1)},
    "loads": [
        load(0, "m/1"),
        load(3, "m/2", "DRAINING", stuck=True),
        load(1, "m/2", since_s=90_000),
        load(2, "m/5", "NEW", waits_for="the end of m/5 (load 3), which is still draining"),
    ],
    "pending": {"fraud": "waits for m/5"},
    "refused": {"flight-delay": "m/9: not an ONNX \x1b[31mmodel"},
    "not_loaded": [{"model": "bad", "version": "1", "reason": "cut short"}],
}


@pytest.fixture
def show(command, http_gateway):
    """The cells of what is printed for a status."""
    address, gateway = http_gateway

    def show(**changes):
        gateway.says({**copy.deepcopy(STATUS), **changes})
        ended = command("status", "--http", address)
        assert ended.exit_code == 0, ended.stderr
        assert "\x1b" not in ended.stdout
        return rows(ended.stdout)

    return show


def test_the_first_line_says_how_it_is(show):
    assert show()[0] == ["serving · epoch 7 · up 3 h 2 min · tidegate 0.1.0 · onnxruntime 1.32.0"]
    assert show(phase="not_serving")[0][0].startswith("not serving · ")


def test_a_route_shows_arms_shares_segments_and_shadows(show):
    found = show()
    at = found.index(["route", "arm", "weight", "share", "stable", "segments", "shadow"])
    assert found[at + 2 : at + 5] == [
        ["flight-delay", "m/1", "90", "90.00 %", "●", "hawaiian", "m/4 20.00 %"],
        ["m/2", "10", "10.00 %", "testers"],
        ["m/3", "0", "0.00 %"],
    ]


def test_what_is_refused_and_what_waits_stands_below_the_routes_with_its_reason(show):
    found = show()
    assert ["! fraud", "waits for m/5"] in found
    assert ["! flight-delay", "m/9: not an ONNX \\x1b[31mmodel"] in found


def test_a_gateway_that_takes_no_documents_any_more_says_so(show):
    lost = ["! documents", "are not taken any more since a failure (see the log): restart the gateway"]
    assert lost in show(changing=False)
    assert lost not in show()


def test_versions_show_their_state_and_their_queue(show):
    found = show()
    at = found.index(["version", "state", "since", "digest", "batching", "waiting", "running"])
    assert found[at + 2 : at + 8] == [
        ["m/1", "ready", "1 min 15 s", "0123456789ab", "up to 64 rows", "1,234", "2"],
        ["m/2", "ready", "1 d 1 h", "0123456789ab", "off", "1,234", "2"],
        ["m/2", "draining, stuck", "1 min 15 s"],
        ["m/5", "new", "1 min 15 s"],
        ["! m/5", "waits for the end of m/5 (load 3), which is still draining"],
        ["! bad/1", "cut short"],
    ]


def test_models_without_a_route_are_named_with_the_version_that_answers(show):
    assert ["without a route", "add, sum/2"] in show()


def test_ten_thousand_routes_are_a_page(show):
    routes = {f"r{at}": STATUS["routes"]["flight-delay"] for at in range(10_000)}
    found = show(routes=routes, refused=dict.fromkeys(routes, "why"))
    assert [f"… {30_000 - MOST_ROWS:,} rows more: --output json has all of them"] in found
    assert [f"! {10_000 - MOST_ROWS:,} more", "--output json has all of them"] in found
    assert len(found) < 3 * MOST_ROWS


def test_a_route_with_many_segments_names_a_few(show):
    segments = [{"name": f"s{at}", "when": "true", "arms": []} for at in range(10)]
    found = show(routes={"r": {**STATUS["routes"]["flight-delay"], "segments": segments, "shadow": []}})
    assert [row[-1] for row in found if row and row[0] in ("r", "m/2", "m/3")][:3] == ["s0", "s1", "… 8 more"]


def test_a_gateway_with_nothing_to_serve_has_a_status(show):
    empty = {name: {} for name in ("routes", "models", "versions", "pending", "refused")}
    assert show(**empty, loads=[], not_loaded=[])[0][0].startswith("serving")


def test_programs_get_what_the_gateway_says(command, http_gateway):
    address, gateway = http_gateway
    gateway.says(STATUS)
    assert json.loads(command("status", "--http", address, "--output", "json").stdout) == STATUS


@pytest.mark.parametrize("said", [{"server": "another"}, [], b"<html>"])
def test_another_server_is_a_sentence_with_exit_1(command, http_gateway, said):
    address, gateway = http_gateway
    gateway.says(said)
    ended = command("status", "--http", address)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"What answers at http://{address}/status is no Tidegate of this release")


def test_no_gateway_is_a_sentence_with_exit_1_and_a_bad_address_with_exit_2(command):
    ended = command("status", "--http", "127.0.0.1:1")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("No gateway answers at http://127.0.0.1:1 (Connection refused)")
    ended = command("status", "--http", "here")
    assert ended.exit_code == 1
    ended = command("status", "--http", "ftp://here")
    assert (ended.exit_code, ended.stderr) == (2, "--http takes HOST:PORT or a URL, not 'ftp://here'.\n")
