"""Values as commands write them."""

import datetime as dt
import json

import pytest

from tidegate.cli.output import moment, print_json, short_digest, size
from tidegate.client.registry import Alias, Edge
from tidegate.errors import Violation

TIME = dt.datetime(2026, 11, 1, 13, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))


@pytest.mark.parametrize(
    "size_bytes, text",
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3,072.0 GiB")],
)
def test_sizes_have_the_largest_unit_of_which_there_is_one(size_bytes, text):
    assert size(size_bytes) == text


def test_times_are_in_utc_as_options_take_them():
    assert moment(TIME) == "2026-11-01T12:30:00Z"
    assert dt.datetime.fromisoformat(moment(TIME)) == TIME
    assert moment(None) == "-"
    assert short_digest(f"sha256:{'0123456789abcdef' * 4}") == "0123456789ab"


def test_answers_are_json_all_the_way_down(capsys):
    alias = Alias(name="fraud@champion", version="fraud/1", etag="7")
    print_json(
        {"alias": alias, "edges": (Edge(source="a", role="run", target="b"),), "at": TIME, "why": [Violation("x", "y")]}
    )
    assert json.loads(capsys.readouterr().out) == {
        "alias": {"name": "fraud@champion", "version": "fraud/1", "etag": "7"},
        "edges": [{"source": "a", "role": "run", "target": "b"}],
        "at": "2026-11-01T13:30:00+01:00",
        "why": [{"path": "x", "reason": "y"}],
    }
