"""Peers that break the protocol, flood it, or stall: the others do not notice, and memory stays where it was."""

import ssl
from contextlib import ExitStack

import numpy as np
import pytest

from support.asking import Asker, asked, tensors
from support.gateway import start_gateway
from support.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from support.http2 import message as grpc_message
from support.peer import INFER_PATH, Peer, frame, head, header
from support.waiting import until
from support.watching import metric, unharmed

CONTINUATION = 9
PROTOCOL_ERROR, STREAM_CLOSED, REFUSED_STREAM, CANCEL = 1, 5, 7, 8
ROW = asked("add_one", {"x": np.float32([[1, 2, 3, 4]])}).SerializeToString()
STALLED = {"handshake_timeout_ms": 500, "idle_body_timeout_ms": 500}


@pytest.fixture(scope="module")
def gateway(patient_models):
    document = {"limits": {**STALLED, "connections": 300, "streams_per_connection": 64}, "timeout_ms": 1000}
    with start_gateway(document, patient_models) as running:
        yield running


@pytest.fixture(autouse=True)
def everybody_leaves(gateway):
    """Every test begins and ends without connections and with nothing in flight."""
    yield
    for gauge in ("tidegate_connections", "tidegate_in_flight_requests", "tidegate_in_flight_bytes"):
        until(lambda gauge=gauge: metric(gateway, gauge) == 0, what=f"{gauge} is 0")


def failures(gateway, reason: str) -> float:
    return metric(gateway, "tidegate_refusals_total", reason=reason)


def tls_hello() -> bytes:
    """What a caller says that expects TLS."""
    said = ssl.MemoryBIO()
    shaking = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), said, server_hostname="gateway")
    with pytest.raises(ssl.SSLWantReadError):
        shaking.do_handshake()
    return said.read()


@pytest.mark.parametrize(
    "greeting",
    [b"\x00" * 64, b"GET /metrics HTTP/1.1\r\nHost: gateway\r\n\r\n", tls_hello(), PREFACE[:23] + b"!", b"\xff" * 9000],
    ids=["zeros", "HTTP/1", "TLS", "a preface with one wrong byte", "noise"],
)
def test_a_peer_that_speaks_something_else_is_cut_off(gateway, greeting):
    with unharmed(gateway), Peer(gateway.grpc_address, hello=False) as peer:
        peer.send_if_open(greeting)
        assert all(found.kind in {SETTINGS, GOAWAY} for found in peer.until_closed())


def test_two_hundred_peers_that_say_nothing_are_cut_off(gateway):
    with unharmed(gateway), ExitStack() as stack:
        peers = [stack.enter_context(Peer(gateway.grpc_address, hello=False)) for _ in range(200)]
        for peer in peers[::2]:
            peer.send(PREFACE[:7])
        assert all(found.kind == SETTINGS for peer in peers for found in peer.until_closed())


def test_a_greeting_byte_by_byte_is_cut_off(gateway):
    with unharmed(gateway), Peer(gateway.grpc_address, hello=False) as peer:
        at = iter(PREFACE[:-1] + b"\x00" * 100_000)
        until(lambda: not peer.send_if_open(bytes([next(at)])), what="the connection is cut")


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", grpc_message(ROW)[:-1], grpc_message(ROW)])
def test_a_body_that_stands_still_is_answered(gateway, sent):
    before = failures(gateway, "DEADLINE_EXPIRED")
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        peer.open(1)
        peer.send(frame(DATA, 0, 1, sent))
        assert peer.until_end_of(1).kind == HEADERS
    assert failures(gateway, "DEADLINE_EXPIRED") == before + 1


@pytest.mark.parametrize("more", [{}, {"grpc_timeout": "300m"}])
def test_a_body_byte_by_byte_has_the_time_of_its_request_and_no_more(gateway, more):
    before = failures(gateway, "DEADLINE_EXPIRED")
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        peer.open(1, **more)
        at = iter(grpc_message(b"\x00" * 1_000_000))

        def is_counted() -> bool:
            peer.send(frame(DATA, 0, 1, bytes([next(at)])))
            return failures(gateway, "DEADLINE_EXPIRED") > before

        until(is_counted, what="the request is given up")
        assert peer.until_end_of(1).kind == HEADERS


@pytest.mark.parametrize("claimed", [2**31 - 1, 2**32 - 1, 60 << 20])
def test_memory_follows_what_arrived_not_what_was_claimed(gateway, claimed):
    with unharmed(gateway, growth_mib=8), Peer(gateway.grpc_address) as peer:
        for stream in range(1, 101, 2):
            peer.open(stream)
            peer.send(frame(DATA, 0, stream, grpc_message(b"\x00" * 100, claimed=claimed)))
        assert peer.until_end_of(99).kind == HEADERS


@pytest.mark.parametrize("flush", [1, 1000])
def test_ten_thousand_resets_harm_nobody(gateway, flush):
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        flood = [
            frame(HEADERS, END_HEADERS, stream, head()) + frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))
            for stream in range(1, 20_001, 2)
        ]
        for at in range(0, len(flood), flush):
            if not peer.send_if_open(b"".join(flood[at : at + flush])):
                break


def test_ten_thousand_resets_of_whole_requests_harm_nobody(gateway):
    body = grpc_message(ROW)
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        for stream in range(1, 20_001, 2):
            request = frame(HEADERS, END_HEADERS, stream, head()) + frame(DATA, END_STREAM, stream, body)
            if not peer.send_if_open(request + frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4, "big"))):
                break


def test_a_call_that_is_half_closed_without_a_message_is_answered(gateway):
    before = failures(gateway, "NO_MESSAGE")
    with Peer(gateway.grpc_address) as peer:
        peer.open(1, end=True)
        assert peer.until_end_of(1).kind == HEADERS
    assert failures(gateway, "NO_MESSAGE") == before + 1


def test_a_peer_that_sends_on_after_the_end_loses_its_connection_alone(gateway):
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        peer.open(1)
        peer.send(frame(DATA, END_STREAM, 1, grpc_message(ROW)) + frame(DATA, 0, 1, b"more"))
        ends = (found for found in peer.frames() if found.kind in {GOAWAY, RST_STREAM})
        assert int.from_bytes(next(ends).payload[-4:], "big") in {PROTOCOL_ERROR, STREAM_CLOSED}


def test_connections_beyond_the_limit_are_refused_until_one_leaves(patient_models):
    with start_gateway({"limits": {"connections": 4}}, patient_models) as gateway, ExitStack() as stack:
        peers = [stack.enter_context(Peer(gateway.grpc_address)) for _ in range(4)]
        until(lambda: metric(gateway, "tidegate_connections") == 4)
        with Peer(gateway.grpc_address, hello=False) as beyond:
            assert beyond.until_closed() == []
        assert metric(gateway, "tidegate_connections_refused_total") == 1
        peers[0].socket.close()
        until(lambda: metric(gateway, "tidegate_connections") == 3)
        with Asker(gateway.grpc_address) as asker:
            assert tensors(asker.begin(ROW).result())["y"].tolist() == [[2, 3, 4, 5]]


def test_streams_beyond_the_limit_are_refused_and_may_be_sent_again(gateway):
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        for stream in range(1, 131, 2):
            peer.open(stream)
        refused = peer.until_end_of(129)
        assert (refused.kind, int.from_bytes(refused.payload, "big")) == (RST_STREAM, REFUSED_STREAM)


def test_a_header_list_beyond_the_limit_is_refused_and_the_connection_goes_on(gateway):
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        large = head() + b"".join(header(f"x-{number}", "v" * 50) for number in range(200))
        assert len(large) < 16_384, "it is one frame; what counts beside names and values is 32 bytes each"
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, large))
        assert peer.until_end_of(1).kind == HEADERS
        peer.open(3)
        peer.send(frame(DATA, END_STREAM, 3, grpc_message(ROW)))
        assert peer.until_end_of(3).kind == HEADERS


@pytest.mark.parametrize("part", [b"", header("x", "v" * 16_000)], ids=["empty", "full"])
def test_a_header_block_without_end_is_cut_off(gateway, part):
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        peer.send(frame(HEADERS, 0, 1, head()))
        following = frame(CONTINUATION, 0, 1, part)
        until(lambda: not peer.send_if_open(following * 100), what="the connection is cut")


FLOODS = {
    "PING": frame(PING, 0, 0, b"12345678"),
    "SETTINGS": frame(SETTINGS, 0, 0),
    "SETTINGS of a window": frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\xff\xff"),
    "empty DATA": frame(DATA, 0, 1),
    "acknowledgements": frame(PING, ACK, 0, b"12345678"),
    "windows": frame(WINDOW_UPDATE, 0, 0, (1).to_bytes(4, "big")),
    "priorities": frame(2, 0, 1, b"\x00\x00\x00\x00\x10"),
    "unknown frames": frame(99, 0, 0, b"x" * 100),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_harms_nobody(gateway, flood):
    """The peer never reads, so that what it provokes could pile up."""
    with unharmed(gateway), Peer(gateway.grpc_address) as peer:
        peer.open(1, INFER_PATH)
        peer.socket.settimeout(0.5)
        for _ in range(200):
            if not peer.send_if_open(FLOODS[flood] * 1000):
                break
