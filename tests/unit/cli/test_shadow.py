"""`tidegate shadow report` against a real HTTP server: tables, JSON, a picture, sentences and exit codes."""

import copy
import http.server
import json
import socket
import sys
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tidegate.cli import shadow
from tidegate.gateway import http as gateway_http

# Made by the core's own comparison; a Rust test holds its fields against the report.
REPORT = json.loads((Path(__file__).parents[2] / "data" / "shadow_report.json").read_text())


class Gateway(http.server.ThreadingHTTPServer):
    """Answers every request with what the test put there, and notes the paths."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.address = f"127.0.0.1:{self.server_port}"
        self.paths = []
        self.says(REPORT)

    def says(self, document, status=200):
        self.status = status
        self.body = document if isinstance(document, bytes) else json.dumps(document).encode()


class _Conversation(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_arguments):
        """Tests are quiet."""


@pytest.fixture
def gateway():
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(gateway):
    app = typer.Typer()
    shadow.register(app)

    def run(*arguments, route="flight-delay", address=None):
        at = gateway.address if address is None else address
        return CliRunner().invoke(
            app, ["shadow", "report", route, "--http", at, *arguments], env={"COLUMNS": "100", "TERM": "dumb"}
        )

    return run


@pytest.fixture
def changed(gateway):
    """Lets the gateway say the report with a change to the comparison of its first shadow."""

    def changed(change):
        document = copy.deepcopy(REPORT)
        change(document["shadows"][0]["comparison"])
        gateway.says(document)
        return document

    return changed


def _lines(ended):
    assert ended.exit_code == 0, ended.stderr
    return [line.rstrip() for line in ended.stdout.splitlines()]


def _line(ended, start):
    (line,) = [line for line in _lines(ended) if line.startswith(start)]
    return " ".join(line.split())


def test_the_table_says_how_far_apart_the_answers_are(run, gateway):
    ended = run()
    assert gateway.paths == ["/shadow/flight-delay"]
    assert _line(ended, "flight-delay ⇢ flight-delay/3") == (
        "flight-delay ⇢ flight-delay/3 20 % of requests for 1 h 30 min, epoch 7"
    )
    assert "4,871 sampled · 4,812 compared · dropped: 52 in_flight, 7 bytes" in _lines(ended)
    assert _line(ended, "output ") == "output requests max |Δ| mean |Δ| 95 % p50 p99 p99 rel. unequal"
    assert _line(ended, "label ") == "label INT64 4,769 1.00 0.0315 [0.0265, 0.0364] 0 1.00 100 % 3.15 %"
    assert _line(ended, "! minutes") == "! minutes could not be compared in 2 requests: 2 values"
    assert _line(ended, "flips ") == (
        "flips 3.15 % [2.69 %, 3.68 %] of requests: 150 of 4,769 by probability >= 0.5; 150 of 4,769 rows"
    )
    assert _line(ended, "errors ") == "errors 13 only the shadow, 3 only the primary, 21 both alike"
    assert any(line.strip() == "OK ⇢ INTERNAL 13" for line in _lines(ended))
    assert _line(ended, "latency ") == (
        "latency 1.21 [1.20, 1.22] times the primary's (geometric mean) · p50 1.22 · p99 3.22"
    )
    assert _line(ended, "left out ") == "left out 6 abandoned"


def test_no_line_is_wider_than_a_hundred_columns(run):
    assert max(len(line) for line in _lines(run())) <= 100


def test_at_most_five_examples_of_each_kind_are_named_by_prediction_id(run):
    lines = _lines(run())
    comparison = REPORT["shadows"][0]["comparison"]
    shown = [line.split()[0] for line in lines if line.startswith("01a0")]
    assert shown == [
        example["prediction_id"] for kind in ("worst", "flipped_examples") for example in comparison[kind][:5]
    ]
    worst = comparison["worst"][1]
    told = next(line.split() for line in lines if line.startswith(worst["prediction_id"]))
    assert told[1:] == ["probability", "0", "0.253546", "0.440477", "0.187"]


def test_a_shadow_without_a_pair_says_so(run):
    lines = _lines(run())
    assert lines[-4:] == [
        "flight-delay ⇢ flight-delay/4  0.5 % of requests for 12 s, epoch 7",
        "0 sampled · 0 compared · none dropped",
        "",
        "Nothing has been compared yet.",
    ]


def test_what_there_is_nothing_to_tell_of_is_said_in_words(run, changed):
    def change(comparison):
        comparison["flips"] |= {"rule": None, "requests": 0, "share": None, "low": None, "high": None}
        comparison["errors"] = dict.fromkeys(comparison["errors"], 0) | {"table": []}
        comparison["latency_ratio"] |= {"requests": 0, "geometric_mean": None, "low": None, "high": None}
        text = comparison["outputs"][0]
        text |= {name: None for name in text if name.endswith(("_abs", "_rel", "_low", "_high"))}

    changed(change)
    ended = run()
    assert _line(ended, "flips ") == "flips no output stands for a decision"
    assert _line(ended, "errors ") == "errors none on either side"
    assert _line(ended, "latency ") == "latency nothing to compare"
    assert _line(ended, "label ") == "label INT64 4,769 - - - - - 3.15 %"


def test_a_rule_that_judged_no_request_is_named(run, changed):
    changed(lambda comparison: comparison["flips"].update(requests=0, share=None, low=None, high=None))
    assert _line(run(), "flips ") == "flips no request could be judged by probability >= 0.5"


def test_neither_markup_nor_control_characters_of_a_model_reach_the_terminal(run, changed):
    def change(comparison):
        comparison["worst"][0] |= {"prediction_id": "\x1b[31mred", "primary": "[bold]a", "shadow": None}

    changed(change)
    ended = run()
    assert _line(ended, "\\x1b[31mred") == "\\x1b[31mred label 0 [bold]a not finite 1.00"
    assert "\x1b" not in ended.stdout


def test_json_is_what_the_gateway_said_with_fields_that_this_release_does_not_know(run, changed):
    document = changed(lambda comparison: comparison.update(novelty=[1]))
    ended = run("--output", "json")
    assert ended.exit_code == 0, ended.stderr
    assert json.loads(ended.stdout) == document


@pytest.mark.parametrize("form", ["{}", "http://{}", "http://{}/"])
def test_an_address_is_a_host_with_port_or_a_url(run, gateway, form):
    assert run(address=form.format(gateway.address)).exit_code == 0
    assert gateway.paths == ["/shadow/flight-delay"]


def test_no_proxy_of_the_environment_is_asked(run, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert run().exit_code == 0


def test_the_name_of_a_route_cannot_leave_its_place_in_the_path(run, gateway):
    run(route="../status?x#y")
    assert gateway.paths == ["/shadow/..%2Fstatus%3Fx%23y"]


@pytest.mark.parametrize("address", ["ftp://a:1", "a:b", "http://", "a b:1", ""])
def test_an_address_that_is_none_is_exit_2(run, gateway, address):
    ended = run(address=address)
    assert (ended.exit_code, ended.stderr) == (2, f"--http takes HOST:PORT or a URL, not {address!r}.\n")
    assert gateway.paths == []


def test_an_unknown_route_and_one_without_a_shadow_are_the_gateways_sentence_and_exit_2(run, gateway):
    gateway.says(b'no route is named "x"; routes with a shadow: flight-delay\n', status=404)
    ended = run(route="x")
    assert (ended.exit_code, ended.stderr) == (2, 'no route is named "x"; routes with a shadow: flight-delay\n')
    gateway.says({"route": "x", "epoch": 1, "shadows": []})
    ended = run(route="x")
    assert (ended.exit_code, ended.stderr) == (2, "The route x has no shadow.\n")


def test_a_gateway_that_is_not_there_is_exit_1(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    ended = run(address=address)
    assert (ended.exit_code, ended.stderr) == (
        1,
        f"No gateway answers at http://{address} (Connection refused): is it running, and is this its listen.http?\n",
    )


def test_a_gateway_that_says_nothing_is_given_up(run, monkeypatch):
    monkeypatch.setattr(gateway_http, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = run(address=address)
    sentence = f"No gateway answers at http://{address} (nothing came for 0.05 s): is it running, and is this its listen.http?\n"
    assert (ended.exit_code, ended.stderr) == (1, sentence)


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[]", b'{"route": "x"}', json.dumps(REPORT).encode()[:-9]])
def test_another_server_is_exit_1(run, gateway, body):
    gateway.says(body)
    ended = run()
    assert ended.exit_code == 1
    assert f"What answers at http://{gateway.address}" in ended.stderr
    assert "is no Tidegate of this release" in ended.stderr


def test_a_gateway_in_trouble_is_exit_1(run, gateway):
    gateway.says(b"", status=503)
    ended = run()
    assert ended.exit_code == 1
    assert "is no Tidegate of this release: HTTP status 503." in ended.stderr


def test_a_picture_is_drawn_beside_the_table(run, tmp_path):
    ended = run("--png", str(tmp_path / "shadow.png"))
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout == run().stdout
    assert (tmp_path / "shadow.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    "bins",
    [
        [],
        [[0.0, 0.0, 7]],
        [[0.0, 1e-12, 1]],
        [[1e12, None, 2]],
        [[0.0, 0.0, 1], [0.0, 1e-12, 1], [1.0, 1.33, 5], [1e12, None, 2]],
    ],
    ids=["text", "equal", "below", "above", "all"],
)
def test_every_histogram_can_be_drawn(run, changed, tmp_path, bins):
    def change(comparison):
        comparison["outputs"][0] |= {"name": "$x_", "abs_histogram": bins}
        comparison["latency_ratio"]["histogram"] = [[0.0, 0.001, 1], [1.0, 1.04, 2], [1000.0, None, 1]]
        comparison["flips"] |= {"share": 0.0, "low": 0.0, "high": 0.01}

    changed(change)
    ended = run("--png", str(tmp_path / "shadow.png"))
    assert ended.exit_code == 0, ended.stderr


def test_without_matplotlib_a_picture_is_one_sentence_before_anything_is_asked(run, gateway, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "tidegate.cli.shadow_plot", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ended = run("--png", str(tmp_path / "shadow.png"))
    assert (ended.exit_code, ended.stderr) == (2, "Drawing needs matplotlib: pip install 'tidegate[plot]'.\n")
    assert gateway.paths == []


def test_a_picture_that_cannot_be_written_is_exit_2(run, tmp_path):
    path = tmp_path / "none" / "shadow.png"
    ended = run("--png", str(path))
    assert (ended.exit_code, ended.stderr) == (2, f"{path} cannot be written: No such file or directory.\n")
