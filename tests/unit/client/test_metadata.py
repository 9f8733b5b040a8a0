"""Metadata that HTTP/2 cannot carry is refused before anything is sent, with every pair that is wrong."""

import pytest

from tidegate import errors
from tidegate.client.metadata import pairs


def test_names_are_sent_in_lower_case():
    assert pairs({"Authorization": "me", "X-Key-Bin": b"\0\xff", "a.b_c-1": ""}) == (
        ("authorization", "me"),
        ("x-key-bin", b"\0\xff"),
        ("a.b_c-1", ""),
    )
    assert pairs(None) == ()


def test_everything_wrong_is_said_at_once():
    bad = {"a b": "x", "": "x", "é": "x", "x": "é", "y": "a\nb", "z": b"x", "n": 3, "none": None, "k-bin": "x"}
    with pytest.raises(errors.InvalidRequest) as refused:
        pairs({"good": "x", **bad})
    assert [path for path, _ in refused.value.violations] == [
        'metadata["a b"]',
        'metadata[""]',
        'metadata["é"]',
        "metadata.x",
        "metadata.y",
        "metadata.z",
        "metadata.n",
        "metadata.none",
        "metadata.k-bin",
    ]
    assert (refused.value.code, refused.value.reason) == ("INVALID_ARGUMENT", "UNFIT_INPUT")


@pytest.mark.parametrize("ask", ["infer", "stream"])
def test_a_client_refuses_before_it_calls(client, server, ask):
    with pytest.raises(errors.InvalidRequest, match=r"metadata\.x-unit: expected text of printable ASCII"):
        client.infer("m", {}, metadata={"x-unit": "é"}) if ask == "infer" else client.stream(metadata={"x-unit": "é"})
    assert server.requests == []


def test_a_client_is_not_made_with_metadata_that_it_could_never_send(connect):
    with pytest.raises(errors.InvalidRequest, match="authorization"):
        connect("127.0.0.1:1", metadata={"authorization": 3})
