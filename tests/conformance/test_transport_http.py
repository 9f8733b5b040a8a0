"""The HTTP port is for probes and people: whoever abuses it keeps no probe from its answer."""

import socket
import threading
from contextlib import ExitStack

import pytest

from support.gateway import start_gateway
from support.peer import Peer
from support.waiting import until
from support.watching import pss_mib, read, unharmed


@pytest.fixture(scope="module")
def gateway(patient_models):
    with start_gateway({}, patient_models) as running:
        yield running


def connection(gateway) -> socket.socket:
    host, _, port = gateway.http_address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def said(to: socket.socket) -> bytes:
    """Everything until the other side closes."""
    found = b""
    try:
        while part := to.recv(1 << 16):
            found += part
    except ConnectionError:
        return found
    return found


@pytest.mark.parametrize(
    "sent",
    [b"\x00" * 100 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n"],
    ids=["zeros", "TLS", "an unknown version"],
)
def test_garbage_is_refused(gateway, sent):
    with unharmed(gateway), connection(gateway) as garbled:
        garbled.sendall(sent)
        garbled.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in said(garbled)
    assert read(gateway, "/livez") == "ok\n"


def test_a_head_beyond_the_limit_is_refused(gateway):
    with unharmed(gateway), connection(gateway) as talkative:
        talkative.sendall(b"GET /livez HTTP/1.1\r\n")
        line = b"x-filler: " + b"v" * 1000 + b"\r\n"

        def is_refused() -> bool:
            try:
                talkative.sendall(line)
            except OSError:
                return True
            return False

        until(is_refused, what="the connection is cut")


def test_a_body_is_not_waited_for(gateway):
    with unharmed(gateway), connection(gateway) as posting:
        posting.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n\r\n")
        assert posting.recv(100).startswith(b"HTTP/1.1 405")


def test_a_thousand_idle_connections_keep_no_probe_waiting(gateway):
    """They take the places of each other, not the place of one that asks."""
    before = pss_mib(gateway)
    with unharmed(gateway), ExitStack() as stack:
        idle = [stack.enter_context(connection(gateway)) for _ in range(1000)]
        for slow in idle[::2]:
            try:
                slow.sendall(b"GET /metrics HTT")
            except ConnectionError:
                continue
        for _ in range(5):
            assert read(gateway, "/livez") == "ok\n"
            assert "tidegate_ready 1" in read(gateway, "/metrics")
    assert pss_mib(gateway) - before < 16


def test_scrapers_side_by_side_all_get_their_answer(gateway):
    failures: list[Exception] = []

    def scrape() -> None:
        try:
            for _ in range(5):
                assert "tidegate_ready 1" in read(gateway, "/metrics")
        except (OSError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=scrape) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_an_http2_caller_on_the_wrong_port_is_told_or_cut_off(gateway):
    with Peer(gateway.http_address) as peer:
        found = said(peer.socket)
    assert b"200 OK" not in found
