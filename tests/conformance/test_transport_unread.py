"""Callers that do not read their answers: what waits for them is bounded, and given back when they go."""

import gzip
from contextlib import ExitStack

import numpy as np
import pytest

from support.asking import Asker, asked, tensors
from support.gateway import start_gateway
from support.http2 import DATA, END_STREAM
from support.http2 import message as grpc_message
from support.peer import Peer, frame
from support.waiting import until
from support.watching import metric, pss_mib, unharmed

IN_FLIGHT_MIB = 16
ANSWERS = 60
# Just below the window that one stream is given.
ROWS = np.zeros((80_000, 3), dtype=np.float32)


@pytest.fixture
def gateway(patient_models):
    limits = {"in_flight_mib": IN_FLIGHT_MIB, "message_mib": 4}
    with start_gateway({"limits": limits}, patient_models) as running:
        yield running


def ended(gateway) -> float:
    """How many requests have been answered or refused."""
    return metric(gateway, "tidegate_requests_total")


def test_answers_that_nobody_reads_count_as_bytes_in_flight(gateway):
    framed = grpc_message(asked("identity_fp32", {"x": ROWS}).SerializeToString())
    before = pss_mib(gateway)
    with Peer(gateway.grpc_address) as peer:
        peer.take_windows()
        for number in range(ANSWERS):
            stream = 2 * number + 1
            peer.open(stream)
            for at in range(0, len(framed), 16_384):
                flags = END_STREAM if at + 16_384 >= len(framed) else 0
                peer.send(frame(DATA, flags, stream, framed[at : at + 16_384]))
            until(lambda number=number: ended(gateway) > number, what="the request was answered or refused")
        assert metric(gateway, "tidegate_refusals_total", reason="BYTES_IN_FLIGHT") > 0
        assert 0 < metric(gateway, "tidegate_in_flight_bytes") < (IN_FLIGHT_MIB + 4) << 20
        assert pss_mib(gateway) - before < 2 * IN_FLIGHT_MIB
    until(lambda: metric(gateway, "tidegate_in_flight_bytes") == 0, what="all is given back")
    with Asker(gateway.grpc_address) as asker:
        assert np.array_equal(tensors(asker.infer("identity_fp32", {"x": ROWS}))["y"], ROWS)


def test_what_compressed_messages_unfold_to_is_bounded_before_it_is_there(patient_models):
    """Forty small messages of 32 MiB each come at once."""
    zeros = np.zeros((8 << 20, 1), dtype=np.float32)
    bomb = grpc_message(gzip.compress(asked("patient", {"x": zeros}).SerializeToString()[:-1], 1), flag=1)
    with start_gateway({}, patient_models) as gateway, ExitStack() as stack:
        peers = [stack.enter_context(Peer(gateway.grpc_address)) for _ in range(40)]
        before = pss_mib(gateway)
        with unharmed(gateway, growth_mib=128):
            for peer in peers:
                peer.take_windows()
                peer.open(1, grpc_encoding="gzip")
                for at in range(0, len(bomb), 16_384):
                    peer.send(frame(DATA, END_STREAM if at + 16_384 >= len(bomb) else 0, 1, bomb[at : at + 16_384]))
            most = 0.0

            def all_ended() -> bool:
                nonlocal most
                most = max(most, pss_mib(gateway))
                return metric(gateway, "tidegate_refusals_total") >= len(peers)

            until(all_ended, what="every one is refused")
        assert most - before < 256, "they are unfolded few at a time"
