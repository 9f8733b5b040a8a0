"""/metrics, /livez, /readyz and /status: what probes, scrapers and people read."""

import http.client
import json
import re
from dataclasses import dataclass, field

import grpc
import pytest

from support.calls import INFER, SERVICE, channel_to, four, refusal, request, send
from support.gateway import Gateway, start_gateway
from support.watching import metrics, read, status

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'(?P<name>{NAME})(\{{(?P<labels>{NAME}="[^"\\\n]*"(,{NAME}="[^"\\\n]*")*)\}})? (?P<value>\S+)')
LABEL = re.compile(rf'({NAME})="([^"]*)"')


@dataclass(slots=True)
class Family:
    """One metric, with its samples by name and labels."""

    kind: str = ""
    help: str = ""
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)


def _families(text: str) -> dict[str, Family]:
    """Reads the exposition format 0.0.4 and takes nothing that it does not allow."""
    assert text.endswith("\n")
    found: dict[str, Family] = {}
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, current, said = line.split(" ", 3)
            assert current not in found, f"{current} comes twice"
            found[current] = Family(help=said)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in {"counter", "gauge", "histogram"}
            found[current].kind = kind
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            suffixes = ("_bucket", "_sum", "_count") if found[current].kind == "histogram" else ("",)
            assert sample["name"] in {current + suffix for suffix in suffixes}
            key = (sample["name"], tuple(LABEL.findall(sample["labels"] or "")))
            assert key not in found[current].samples, f"{key} comes twice"
            found[current].samples[key] = float(sample["value"])
    return found


def _get(gateway: Gateway, path: str, method: str = "GET") -> tuple[int, str, str]:
    host, _, port = gateway.http_address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["content-type"], body


@pytest.fixture
def some_traffic(gateway) -> None:
    """Answers and refusals of every kind, so that every family has samples."""
    with channel_to(gateway) as channel:
        for name in ("add_one", "split"):
            send(channel, INFER, [four(name).SerializeToString()])
    refusal(gateway, INFER, four("nobody").SerializeToString())
    refusal(gateway, INFER, four(model_version="9").SerializeToString())


def test_the_metrics_are_what_a_strict_scraper_takes(gateway, some_traffic):
    code, kind, text = _get(gateway, "/metrics")
    assert (code, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = _families(text)
    assert all(family.help.endswith(".") and family.kind for family in families.values())
    assert all(name.startswith("tidegate_") for name in families)
    for name, family in families.items():
        assert (family.kind == "counter") == name.endswith("_total"), name
        if family.kind == "histogram":
            _check_histogram(name, family)
    assert {
        "tidegate_requests_total",
        "tidegate_refusals_total",
        "tidegate_request_duration_seconds",
        "tidegate_phase_duration_seconds",
        "tidegate_queue_requests",
        "tidegate_batch_rows",
        "tidegate_in_flight_requests",
    } <= families.keys()


def _check_histogram(name: str, family: Family) -> None:
    series: dict[tuple, list[tuple[float, float]]] = {}
    for (sample, labels), value in family.samples.items():
        if sample == f"{name}_bucket":
            own = tuple(pair for pair in labels if pair[0] != "le")
            series.setdefault(own, []).append((float(dict(labels)["le"]), value))
    for labels, buckets in series.items():
        bounds, counts = zip(*buckets, strict=True)
        assert list(bounds) == sorted(set(bounds))
        assert bounds[-1] == float("inf")
        assert list(counts) == sorted(counts)
        assert counts[-1] == family.samples[f"{name}_count", labels]
        # A run of no rows is a run: its count grows and its sum does not.
        assert family.samples[f"{name}_sum", labels] == 0 or counts[-1] > 0


def test_counters_only_grow_and_by_what_happened(gateway):
    def count(code: str) -> float:
        labels = f'route="identity_int8",version="identity_int8/1",code="{code}"'
        return metrics(gateway).get(f"tidegate_requests_total{{{labels}}}", 0)

    before = count("OK"), count("INVALID_ARGUMENT")
    wrong = four("identity_int8").SerializeToString()
    right = four("identity_int8")
    right.inputs[0].datatype = "INT8"
    right.inputs[0].shape[:] = [1, 3]
    right.raw_input_contents[0] = b"abc"
    with channel_to(gateway) as channel:
        for _ in range(5):
            send(channel, INFER, [right.SerializeToString()])
    for _ in range(3):
        refusal(gateway, INFER, wrong)
    assert (count("OK"), count("INVALID_ARGUMENT")) == (before[0] + 5, before[1] + 3)


def test_names_that_nobody_serves_share_one_label(gateway):
    before = set(metrics(gateway))
    for number in range(50):
        refusal(gateway, INFER, four(f"nobody-{number}").SerializeToString())
        refusal(gateway, INFER, four("add_one", model_version=f"1000{number}").SerializeToString())
    after = metrics(gateway)
    assert len(set(after) - before) <= 200
    assert not [name for name in after if "nobody" in name or "1000" in name.partition("le=")[0]]
    assert after['tidegate_refusals_total{route="unknown",version="",reason="UNKNOWN_MODEL"}'] >= 50
    assert after['tidegate_refusals_total{route="add_one",version="",reason="UNKNOWN_VERSION"}'] >= 50


def test_statistics_and_metrics_are_the_same_numbers(gateway, triton):
    (entry,) = triton.get_inference_statistics("identity_int16", "1").model_stats
    sample = 'tidegate_requests_total{route="identity_int16",version="identity_int16/1",code="OK"}'
    assert metrics(gateway)[sample] == entry.inference_stats.success.count


def test_the_probes_say_ok_while_it_serves(gateway):
    assert _get(gateway, "/livez")[::2] == (200, "ok\n")
    assert _get(gateway, "/readyz")[::2] == (200, "ready\n")


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "/status/add", "/%00"])
def test_other_paths_are_not_found_and_name_the_known_ones(gateway, path):
    code, _, body = _get(gateway, path)
    assert code == 404
    assert "/metrics, /livez, /readyz, /status" in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_reading_is_possible(gateway, method):
    assert _get(gateway, "/metrics", method)[0] == 405


def test_status_says_who_answers_and_what_is_loaded(gateway):
    found = status(gateway)
    assert (found["server"], found["phase"], found["epoch"]) == ("tidegate", "serving", 1)
    assert [(arm["version"], arm["weight"]) for arm in found["routes"]["split"]["arms"]] == [
        ("add/1", 90),
        ("add/2", 10),
    ]
    assert found["routes"]["split"]["sticky"] == 'metadata["x-unit"]'
    assert abs(found["routes"]["split"]["arms"][0]["share"] - 0.9) < 1e-6
    assert found["models"]["add_one"]["answers"] == "add_one/1"
    assert found["versions"]["add_one/1"]["batching"] == "on"
    assert {entry["model"] for entry in found["not_loaded"]} >= {"broken", "zipmap"}
    assert json.loads(read(gateway, "/status").strip())


def test_what_arrives_and_leaves_is_in_no_log(models):
    document = {"log": {"level": "debug", "format": "json"}, "versions": {"slow/1": {"batching": "off"}}}
    secret = "a-payload-that-is-nobody-s-business"
    with start_gateway(document, models) as gateway:
        with channel_to(gateway) as channel:
            asked = four(id=secret)
            asked.parameters["note"].string_param = secret
            send(channel, INFER, [asked.SerializeToString()], metadata=[("authorization", f"Bearer {secret}")])
            with pytest.raises(grpc.RpcError):
                send(channel, INFER, [asked.SerializeToString()[:-1]], metadata=[("authorization", f"Bearer {secret}")])
            send(channel, SERVICE + "ServerLive", [b""], metadata=[("authorization", secret)])
            outside = request("gather", ("index", "INT64", [1, 1], (31337).to_bytes(8, "little")))
            with pytest.raises(grpc.RpcError):
                send(channel, INFER, [outside.SerializeToString()])
        lines = gateway.log.splitlines()
    assert secret not in "\n".join(lines)
    assert "31337" not in "\n".join(lines), "a value of a request"
    events = [json.loads(line) for line in lines]
    assert {"load", "start"} <= {event["event"] for event in events}
