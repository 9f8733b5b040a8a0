"""How connections begin behind a balancer, and how they end: by age, by silence, and never under a call."""

import contextlib
import socket
import struct
import threading
import time

import pytest

from support.adding import ROW, added, route, write
from support.asking import Asker, asked
from support.calls import INFER, channel_to
from support.gateway import refused_start, start_gateway
from support.http2 import GOAWAY, PING, PREFACE, WINDOW_UPDATE
from support.patience import begin_and_wait, patient_gateway
from support.peer import Peer, frame
from support.waiting import until
from support.watching import metric
from tidegate.client import Client

ROUTES = {"routes": {"sum": route(1)}}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return write(tmp_path_factory.mktemp("models"))


def closed(gateway, reason):
    return metric(gateway, "tidegate_connections_closed_total", reason=reason)


def test_an_old_connection_is_followed_by_a_new_one_and_nothing_is_lost(repository):
    """A connection lives for 200 ms here; a stock client sees nothing of it. (grpcio itself sends again what it had not yet
    written when it was asked to leave, unless its retries are switched off, as `Asker` has them.)
    """
    with (
        start_gateway({**ROUTES, "limits": {"max_connection_age_ms": 200}}, repository) as gateway,
        channel_to(gateway) as channel,
    ):
        infer = channel.unary_unary(INFER)
        begun = time.monotonic()
        while closed(gateway, "max_age") < 5:
            assert infer(asked("sum", ROW).SerializeToString(), timeout=20)
            assert time.monotonic() - begun < 20


def test_the_age_is_moved_by_a_tenth_at_most(repository):
    with start_gateway({**ROUTES, "limits": {"max_connection_age_ms": 1000}}, repository) as gateway:
        ages = []
        for _ in range(3):
            with Peer(gateway.grpc_address) as peer:
                begun = time.monotonic()
                assert any(frame.kind == GOAWAY for frame in peer.frames())
                ages.append(time.monotonic() - begun)
    assert all(0.89 < age < 1.3 for age in ages), ages


def test_a_call_outlives_its_connection_s_age(patient_models):
    with (
        patient_gateway(patient_models, limits={"max_connection_age_ms": 100}) as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        running = begin_and_wait(gateway, calls, 2)
        until(lambda: closed(gateway, "max_age") >= 1, what="the connection is old")
        assert running.result().model_version == "1"


def test_a_stream_outlives_its_connection_s_age(repository):
    with (
        start_gateway({**ROUTES, "limits": {"max_connection_age_ms": 100}}, repository) as gateway,
        Client(gateway.grpc_address) as client,
        client.stream() as stream,
    ):
        answers = iter(stream)
        for _ in range(3):
            stream.send("sum", ROW)
            assert next(answers)["y"].tolist() == [[2, 3, 4, 5]]
            until(lambda: closed(gateway, "max_age") >= 1, what="the connection is old")


KEEPALIVE = {"keepalive_ms": 100, "keepalive_timeout_ms": 200}


def test_a_peer_that_answers_no_ping_is_let_go(repository):
    with (
        start_gateway({**ROUTES, "limits": KEEPALIVE}, repository) as gateway,
        Peer(gateway.grpc_address, deaf=True) as peer,
    ):
        assert [frame.kind for frame in peer.until_closed()].count(PING) == 1
        assert closed(gateway, "keepalive") == 1


def test_a_peer_that_answers_pings_stays(repository):
    with (
        start_gateway({**ROUTES, "limits": KEEPALIVE}, repository) as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        assert added(calls) == 1
        time.sleep(1)
        assert added(calls) == 1
        assert closed(gateway, "keepalive") == 0
        assert metric(gateway, "tidegate_connections") == 1


def test_a_slow_caller_that_still_sends_is_kept(repository):
    """It answers no PING, as behind a line that is full; but something comes all the time."""
    with (
        start_gateway({**ROUTES, "limits": KEEPALIVE}, repository) as gateway,
        Peer(gateway.grpc_address, deaf=True) as peer,
    ):
        for _ in range(20):
            peer.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", 1)))
            time.sleep(0.05)
        assert closed(gateway, "keepalive") == 0
        peer.until_closed()
        assert closed(gateway, "keepalive") == 1


VERSION_2 = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.mark.parametrize(
    "header, peer",
    [
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 51000 8001\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 51000 8001\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (VERSION_2 + b"\x21\x11" + struct.pack(">H4s4sHH", 12, b"\xc0\0\2\7", b"\xc0\0\2\1", 51000, 8001), "192.0.2.7"),
        (VERSION_2 + b"\x20\x00\0\0", "127.0.0.1"),
    ],
    ids=["v1", "v1 of IPv6", "v1 unknown", "v2", "v2 local"],
)
def test_the_balancer_says_who_the_caller_is(repository, header, peer):
    """A segment by `peer` tells the callers apart."""
    rule = {"segments": [{"name": "they", "when": f'peer == "{peer}"', "split": {"add/2": 1}}], **route(1)}
    document = {
        "routes": {"sum": rule},
        "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", "proxy_protocol": "on"},
    }
    with (
        start_gateway(document, repository) as gateway,
        Balancer(gateway.grpc_address, header) as balancer,
        Asker(balancer.address) as calls,
    ):
        assert added(calls) == 2


class Balancer:
    """Forwards one connection, with a header before it."""

    def __init__(self, target, header):
        self._target, self._header = target, header
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._forward, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._thread.join(20)

    def _forward(self):
        host, _, port = self._target.rpartition(":")
        near, _ = self._listener.accept()
        with near, socket.create_connection((host, int(port))) as far:
            far.sendall(self._header)
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join(20)


def pump(source, target):
    """Bytes from one to the other until either ends."""
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def test_a_peer_that_answers_no_ping_of_the_front_in_python_is_let_go(repository):
    document = {**ROUTES, "front": "python", "limits": {"keepalive_ms": 1000, "keepalive_timeout_ms": 1000}}
    with start_gateway(document, repository) as gateway, Peer(gateway.grpc_address, deaf=True) as peer:
        begun = time.monotonic()
        peer.until_closed()
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "begin",
    [PREFACE + bytes(64), b"PROXY TCP4 192.0.2.7\r\n" + PREFACE, VERSION_2 + b"\x21\x11\xff\xff" + bytes(64)],
    ids=["none", "torn", "endless"],
)
def test_a_connection_without_a_good_header_is_closed(repository, begin):
    document = {**ROUTES, "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", "proxy_protocol": "on"}}
    with start_gateway(document, repository) as gateway:
        host, _, port = gateway.grpc_address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(begin)
            assert connection.recv(1) == b""
        # The end of the connection is heard of before it is counted.
        until(lambda: closed(gateway, "proxy_header") == 1)


def test_a_front_in_python_reads_no_proxy_header(repository):
    listen = {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", "proxy_protocol": "on"}
    code, said = refused_start({**ROUTES, "front": "python", "listen": listen}, repository)
    assert code == 2
    assert "listen.proxy_protocol" in said
    assert "front: native" in said
