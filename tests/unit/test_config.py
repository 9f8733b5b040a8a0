"""A document is read whole, or refused with every violation at its line."""

import gc
import json
import textwrap
from pathlib import Path

import pytest

from tidegate import config
from tidegate.config.form import find_form_violations
from tidegate.core.documents import fill_in
from tidegate.errors import DocumentRefused, TidegateError, Violation


@pytest.fixture
def write(tmp_path):
    """Writes a document and returns its path."""

    def write(text, name="gateway.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path

    return write


def refuse(path):
    """The violations of a document as (line, path, reason)."""
    with pytest.raises(DocumentRefused) as refused:
        config.load(path)
    return [(violation.line, violation.path, violation.reason) for violation in refused.value.violations]


def refuse_one(path):
    (violation,) = refuse(path)
    return violation


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "routes:\n", "limits: {}\n"])
def test_a_document_that_says_nothing_is_all_defaults(write, text):
    document = config.load(write(text))
    assert document.fields == fill_in({})
    listen = {"grpc": "127.0.0.1:8001", "http": "127.0.0.1:8002", "tls": None, "proxy_protocol": False}
    assert document.fields["listen"] == listen


def test_a_document_says_what_it_says_and_defaults_say_the_rest(write):
    path = write("""
        listen: {grpc: 127.0.0.1:0, http: 127.0.0.1:0}
        repository: ./models
        versions: {"flight-delay/1": {batching: {max: 32}, queue: {mib: 16}}}
        routes:
          flight-delay:
            sticky: metadata["x-unit"]
            split: {"flight-delay/1": 90, "flight-delay/2": 10}
            timeout_ms: 200
        state_dir: /var/lib/tidegate
    """)
    document = config.load(path)
    route = document.fields["routes"]["flight-delay"]
    assert (route["stable"], route["salt"], route["timeout_ms"]) == (None, "flight-delay", 200)
    assert document.fields["versions"]["flight-delay/1"]["batching"] == {"mode": "auto", "max": 32, "max_delay_us": 0}
    assert document.repository == path.parent / "models"
    assert document.state_dir == Path("/var/lib/tidegate")
    assert json.loads(document.to_json()) == document.fields


def test_every_violation_is_named_at_once_in_the_order_of_the_lines(write):
    path = write("""\
        listen: {http: example.com:80}
        timeout_ms: 5
        timeout_ms: 6
        versions:
          m/1:
            instances: 0
        routes:
          r:
            stikcy: x
            split:
              m/1: 0
        log: [text]
    """)
    found = refuse(path)
    assert [(line, where) for line, where, _ in found] == [
        (1, "listen.http"),
        (3, "timeout_ms"),
        (6, 'versions["m/1"].instances'),
        (9, "routes.r.stikcy"),
        (10, "routes.r.split"),
        (12, "log"),
    ]
    with pytest.raises(TidegateError) as refused:
        config.load(path)
    lines = str(refused.value).splitlines()
    assert lines[1] == f"{path}:3: timeout_ms: is a duplicate: the same key is on line 2"
    assert lines[3].startswith(f"{path}:9: routes.r.stikcy: unknown field; did you mean")


@pytest.mark.parametrize(
    "word, mode", [("on", "on"), ("off", "off"), ("true", "on"), ("'off'", "off"), ("auto", "auto")]
)
def test_the_words_on_and_off_mean_what_they_say(write, word, mode):
    document = config.load(write(f"versions: {{m/1: {{batching: {word}}}, m/2: {{batching: {{mode: {word}}}}}}}"))
    assert {version["batching"]["mode"] for version in document.fields["versions"].values()} == {mode}


def test_answers_without_parameters_are_asked_for_with_off(write):
    assert config.load(write("answer_parameters: off")).fields["answer_parameters"] is False


def test_keys_are_text_whatever_yaml_makes_of_such_values(write):
    document = config.load(write("routes: {no: {split: {on/1: 1}}, 12: {split: {2024-01-01/3: 1}}}"))
    assert list(document.fields["routes"]) == ["12", "no"]
    assert document.fields["routes"]["12"]["split"] == {"2024-01-01/3": 1}


@pytest.mark.parametrize("number", ["010", "0x10", "1:30", "5.0", "'5'", "2024-01-01", "1e3", "-1"])
def test_a_number_is_a_plain_whole_number(write, number):
    line, path, reason = refuse_one(write(f"timeout_ms: {number}"))
    assert (line, path) == (1, "timeout_ms")
    assert "must be a whole number" in reason


@pytest.mark.parametrize("number", ["99999999999999999999", "9" * 5000, "1.0e+400"])
def test_a_number_beyond_64_bits_is_refused_once(write, number):
    assert "64 bits" in refuse_one(write(f"routes: {{r: {{split: {{m/1: 1}}, timeout_ms: {number}}}}}"))[2]


def test_anchors_and_merges_save_typing_and_what_is_written_counts(write):
    document = config.load(
        write("""
        versions:
          m/1: &small {instances: 1, queue: {mib: 8}}
          m/2: {<<: *small, instances: 3}
          m/3: *small
        """)
    )
    seen = {
        name: (version["instances"], version["queue"]["mib"]) for name, version in document.fields["versions"].items()
    }
    assert seen == {"m/1": (1, 8), "m/2": (3, 8), "m/3": (1, 8)}


def test_a_merged_mistake_is_found_where_it_is_written(write):
    path = write("""\
        versions:
          m/1: &bad
            instances: 0
          m/2:
            <<: *bad
    """)
    assert [(line, where) for line, where, _ in refuse(path)] == [
        (3, 'versions["m/1"].instances'),
        (3, 'versions["m/2"].instances'),
    ]


@pytest.mark.parametrize(
    "text, line, part",
    [
        ("a: [1,\nb: 2\n", 2, "is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "is not YAML"),
        ("a: *nobody\n", 1, "is not YAML"),
        (b"a: 1\nb: \x01\n", 2, "is not YAML"),
        (b"a: 1\nb: \xff\n", 2, "is not UTF-8: byte 0xff"),
        ("[" * 5000, None, "nested too deeply"),
        ("a: &a [*a]\n", 1, "contains it"),
        ("routes: !!python/object:os.system {}\n", 1, "has no meaning here"),
        ("routes: !!set {a}\n", 1, "has no meaning here"),
        ("{[a]: 1}\n", 1, "a key must be plain text"),
        ("<<: 5\n", 1, "<< takes a mapping"),
        ("just text\n", 1, "must be a mapping"),
    ],
)
def test_what_is_no_document_is_refused_with_its_line(write, text, line, part):
    violations = refuse(write(text))
    assert any(violation[0] == line and part in violation[2] for violation in violations), violations


def test_a_few_lines_that_stand_for_billions_are_refused(write):
    levels = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 12)]
    assert "aliases" in refuse_one(write("\n".join(["l0: &l0 [x]", *levels])))[2]


def test_a_route_with_segments_pins_shadow_and_decision_is_read(write):
    document = config.load(
        write("""
        routes:
          r:
            split: {m/1: 1}
            segments:
              - {name: ha, when: 'params.carrier == "HA"', split: {m/2: 1}}
            pins: {when: peer == "10.0.0.1"}
            shadow:
              - {to: m/3, share_bp: 500}
            decision: {output: probability, threshold: 0.5}
        """)
    )
    route = document.fields["routes"]["r"]
    said = {"name": "ha", "when": 'params.carrier == "HA"', "split": {"m/2": 1}, "salt": "r/ha"}
    assert route["segments"] == [said | {"stable": None, "ranges": None}]
    assert (route["pins"], route["shadow"][0]["share_bp"]) == ({"when": 'peer == "10.0.0.1"'}, 500)
    assert route["decision"] == {"output": "probability", "threshold": 0.5}
    assert find_form_violations(document.fields) == []


@pytest.mark.parametrize(
    "field, path",
    [
        ("pins: sometimes", "routes.r.pins"),
        ("pins: {when: 5}", "routes.r.pins.when"),
        ("pins: {whn: 'true'}", "routes.r.pins"),
        ("segments: {}", "routes.r.segments"),
        ("segments: [{name: a, when: tru, split: {m/1: 1}}]", "routes.r.segments[0].when"),
        ("segments: [{name: a, when: 'true'}]", "routes.r.segments[0]"),
        ("shadow: [{to: m/2, share_bp: 1.5}]", "routes.r.shadow[0].share_bp"),
        ("shadow: [~]", "routes.r.shadow[0]"),
        ("decision: {output: p, threshold: high}", "routes.r.decision.threshold"),
    ],
)
def test_what_is_wrong_with_a_route_is_found_where_it_stands(write, field, path):
    assert refuse(write(f"routes:\n  r:\n    split: {{m/1: 1}}\n    {field}\n"))[0][:2] == (4, path)


@pytest.mark.parametrize("name", ["gateway.yaml", "gateway.json"])
def test_ten_thousand_segments_are_read(write, name):
    segments = [{"name": f"s{at}", "when": f"params.a == {at}", "split": {"m/1": 1, "m/2": at}} for at in range(10)]
    routes = {f"r{at}": {"split": {"m/1": 1}, "segments": segments} for at in range(1000)}
    # Written out, as yaml.safe_dump would not: it makes an alias of what it has seen before.
    document = config.load(write(json.dumps({"routes": routes}), name))
    assert sum(len(route["segments"]) for route in document.fields["routes"].values()) == 10_000


@pytest.mark.parametrize("name", ["gateway.yaml", "gateway.json"])
def test_thousands_of_mistakes_have_their_lines(write, name):
    routes = {f"r{at}": {"split": {"m/1": 0}, "stikcy": "params.a"} for at in range(2000)}
    found = refuse(write(json.dumps({"routes": routes}, indent=1), name))
    assert len(found) == 4000
    assert found[-1][:2] == (6 * 1999 + 7, "routes.r1999.stikcy")


def test_what_a_running_gateway_has_against_a_document_has_its_lines(write):
    path = write("# mine\nlisten: {grpc: 127.0.0.1:1}\nlimits:\n  connections: 5\n")
    refused = config.load(path).refused([Violation("limits", "cannot change"), Violation("listen", "cannot change")])
    assert str(refused) == f"{path}:2: listen: cannot change\n{path}:3: limits: cannot change"


def test_the_collector_of_garbage_is_as_it_was(write):
    config.load(write("timeout_ms: 1"))
    assert gc.isenabled()
    refuse(write("timeout_ms: 0"))
    assert gc.isenabled()


@pytest.mark.parametrize("name", ["missing.yaml", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DocumentRefused, match=f"{name}: cannot be read"):
        config.load(tmp_path / name)


def test_a_file_of_no_sensible_size_is_not_read(write):
    assert "larger than" in refuse_one(write(b" " * (config.MAX_DOCUMENT_BYTES + 1)))[2]


def test_json_documents_are_strict_json_with_lines(write):
    good = write('{\n\t"routes": {"r": {"split": {"m/1": 1}, "salt": "\\ud834\\udd1e\\/"}}\n}', "gateway.json")
    assert config.load(good).fields["routes"]["r"]["salt"] == "𝄞/"
    assert refuse_one(write('{\n"timeout_ms": 1,\n"timeout_ms": 2}', "twice.json"))[:2] == (3, "timeout_ms")
    assert refuse_one(write('{\n"timeout_ms": 0}', "low.json"))[:2] == (2, "timeout_ms")
    for text in ["{timeout_ms: 1}", '{"timeout_ms": NaN}', '{"timeout_ms": 1,}', ""]:
        assert "is not JSON" in refuse_one(write(text, "bad.json"))[2]


def test_what_is_shown_reads_as_the_same_document(write):
    document = config.load(
        write("routes: {r: {split: {m/1: 1, m/2: 3}, sticky: params.unit}}\nanswer_parameters: off\n")
    )
    again = config.load(write(document.to_json(), "gateway.json"))
    assert again.fields == document.fields
    assert find_form_violations(document.fields) == []
