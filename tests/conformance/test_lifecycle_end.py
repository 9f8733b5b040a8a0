"""How a gateway ends: it says so, goes on for a while, finishes what runs, and leaves nothing behind."""

import json
import queue
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest

from support.asking import Asker, asked, failure, tensors
from support.gateway import start_gateway
from support.http2 import DATA, END_STREAM, GOAWAY, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE
from support.http2 import message as grpc_message
from support.patience import begin_and_queue, begin_and_wait, lasting, patient_gateway
from support.peer import Peer, frame
from support.waiting import until
from support.watching import metric, read, status

SIGNALS = [signal.SIGTERM, signal.SIGINT]
ROW = {"x": np.float32([[1, 2, 3, 4]])}


def the_end_of(stream) -> grpc.StatusCode:
    """The code with which a stream ends."""
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    return caught.value.code()


@pytest.mark.parametrize("number", SIGNALS)
def test_an_ending_gateway_says_so_to_every_check_and_watch_and_still_serves(patient_models, number):
    with start_gateway({"drain_delay_ms": 1500}, patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        watches = [calls.watch(name) for name in ("", "inference.GRPCInferenceService", "add_one")]
        assert [next(watch) for watch in watches] == ["SERVING"] * 3
        assert read(gateway, "/readyz") == "ready\n"
        gateway.signal(number)
        assert [next(watch) for watch in watches] == ["NOT_SERVING"] * 3
        assert calls.check() == calls.check("add_one") == "NOT_SERVING"
        assert tensors(calls.infer("add_one", ROW))["y"].tolist() == [[2, 3, 4, 5]]
        with Asker(gateway.grpc_address) as newcomer:
            assert tensors(newcomer.infer("add_one", ROW))["y"].tolist() == [[2, 3, 4, 5]]
        with pytest.raises(urllib.error.HTTPError, match="503"):
            read(gateway, "/readyz")
        assert read(gateway, "/livez") == "ok\n"
        assert gateway.wait() == 0
        assert all(the_end_of(watch) is grpc.StatusCode.UNAVAILABLE for watch in watches)


@pytest.mark.parametrize("number", SIGNALS)
def test_streams_and_half_handshakes_do_not_keep_a_gateway_from_its_end(patient_models, number):
    said: queue.SimpleQueue[object] = queue.SimpleQueue()
    with start_gateway({}, patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        watch = calls.watch()
        assert next(watch) == "SERVING"
        stream = calls.stream(iter(said.get, None), timeout=None)
        said.put(asked("add_one", ROW))
        assert next(stream).error_message == ""
        reflection = calls.reflect(iter(said.get, None))
        with Peer(gateway.grpc_address, hello=False) as silent, Peer(gateway.grpc_address, hello=False) as half:
            half.send(PREFACE[:10])
            with Peer(gateway.grpc_address) as greeted:
                until(lambda: metric(gateway, "tidegate_connections") == 4)
                gateway.signal(number)
                assert any(frame.kind == GOAWAY for frame in greeted.until_closed())
            # Who says nothing is told nothing: it could speak anything.
            assert [frame.kind for frame in (*silent.until_closed(), *half.until_closed())] == [SETTINGS]
        assert gateway.wait(5) == 0
        assert the_end_of(stream) is the_end_of(reflection) is grpc.StatusCode.UNAVAILABLE
        assert the_end_of(watch) is grpc.StatusCode.UNAVAILABLE
        said.put(None)
        said.put(None)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_runs_and_what_waits_is_finished(patient_models, number):
    with patient_gateway(patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        running = begin_and_wait(gateway, calls, 0.8)
        waiting = begin_and_queue(gateway, calls, 3)
        gateway.signal(number)
        assert gateway.wait() == 0
        assert [call.exception(timeout=1) for call in (running, *waiting)] == [None] * 4


def test_a_stream_is_answered_in_full_before_it_ends(patient_models):
    said: queue.SimpleQueue[object] = queue.SimpleQueue()
    with patient_gateway(patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        stream = calls.stream(iter(said.get, None))
        for number in range(5):
            said.put(lasting(0.1, id=str(number)))
        until(lambda: status(gateway)["versions"]["patient/1"]["queue"]["requests"] == 4)
        gateway.signal(signal.SIGTERM)
        answered, code = [], None
        try:
            answered.extend(answer.infer_response.id for answer in stream)
        except grpc.RpcError as error:
            code = error.code()
        said.put(None)
        assert (answered, code) == (["0", "1", "2", "3", "4"], grpc.StatusCode.UNAVAILABLE)
        assert gateway.wait() == 0


def test_a_caller_that_reads_slowly_gets_its_whole_answer(patient_models):
    """A running request is finished when its caller has the answer, not when the model has."""
    rows = np.zeros((60_000, 3), dtype=np.float32)
    with start_gateway({}, patient_models) as gateway, Peer(gateway.grpc_address) as peer:
        message = asked("identity_fp32", {"x": rows}).SerializeToString()
        peer.take_windows()  # and with its acknowledgement the larger window is ours
        peer.open(1)
        for at in range(0, len(framed := grpc_message(message)), 16_384):
            peer.send(frame(DATA, 0, 1, framed[at : at + 16_384]))
        peer.send(frame(DATA, END_STREAM, 1))
        until(lambda: metric(gateway, "tidegate_requests_total", route="identity_fp32", code="OK") == 1)
        gateway.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            gateway.wait(0.7)  # the window is full: the caller has not read
        peer.send(b"".join(frame(WINDOW_UPDATE, 0, stream, (1 << 24).to_bytes(4, "big")) for stream in (0, 1)))
        came = peer.until_closed()
        assert sum(len(part.payload) for part in came if part.kind == DATA) > rows.nbytes
        assert any(part.kind == HEADERS and part.flags & END_STREAM for part in came)
        assert gateway.wait() == 0


def test_the_timeout_cuts_off_and_tells_each_caller_whether_its_request_was_begun(patient_models):
    with patient_gateway(patient_models, drain_timeout_ms=200) as gateway, Asker(gateway.grpc_address) as calls:
        running = begin_and_wait(gateway, calls, 5)
        waiting = begin_and_queue(gateway, calls, 2)
        gateway.signal(signal.SIGTERM)
        assert [failure(call) for call in waiting] == [("UNAVAILABLE", "DRAINING")] * 2
        assert failure(running) == ("ABORTED", "DRAIN_TIMEOUT")
        assert gateway.wait(5) == 1


def test_a_request_that_is_still_arriving_is_told_that_it_was_not_begun(patient_models):
    with patient_gateway(patient_models, drain_timeout_ms=200) as gateway:
        with Peer(gateway.grpc_address) as peer:
            peer.open(1)
            until(lambda: metric(gateway, "tidegate_in_flight_requests") == 1)
            gateway.signal(signal.SIGTERM)
            peer.until_end_of(1)
        assert gateway.wait(5) == 1


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_at_once(patient_models, number):
    document = {"drain_delay_ms": 60_000, "drain_timeout_ms": 60_000}
    with patient_gateway(patient_models, **document) as gateway, Asker(gateway.grpc_address) as calls:
        running = begin_and_wait(gateway, calls, 8)
        watch = calls.watch()
        assert next(watch) == "SERVING"
        gateway.signal(number)
        assert next(watch) == "NOT_SERVING"
        gateway.signal(number)
        assert gateway.wait(2) == 128 + number
        assert failure(running) == ("UNAVAILABLE", "")


def test_after_the_end_the_ports_and_the_state_are_free(patient_models):
    with start_gateway({}, patient_models) as first, Asker(first.grpc_address) as calls:
        calls.infer("add_one", ROW)
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        again = {
            "listen": {"grpc": first.grpc_address, "http": first.http_address},
            "state_dir": str(first.state_dir),
        }
        with start_gateway(again, patient_models) as second, Asker(second.grpc_address) as newcomer:
            assert second.grpc_address == first.grpc_address
            newcomer.infer("add_one", ROW)


def test_a_gateway_under_load_ends_without_a_failed_request(patient_models):
    """Whoever stops sending at NOT_SERVING loses nothing."""
    with start_gateway({"drain_delay_ms": 500}, patient_models) as gateway, Asker(gateway.grpc_address) as calls:
        heard = threading.Event()
        failures: list[grpc.RpcError] = []

        def ask() -> None:
            with Asker(gateway.grpc_address) as own:
                while not heard.is_set():
                    error = own.begin(asked("add_one", ROW)).exception(timeout=20)
                    if error is not None:
                        failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        watch = calls.watch()
        assert next(watch) == "SERVING"
        until(lambda: metric(gateway, "tidegate_requests_total", route="add_one", code="OK") > 100)
        gateway.signal(signal.SIGTERM)
        assert next(watch) == "NOT_SERVING"
        heard.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert gateway.wait() == 0


def test_the_addresses_are_one_line_of_json(patient_models):
    with start_gateway({}, patient_models) as gateway:
        assert json.loads(json.dumps({"grpc": gateway.grpc_address, "http": gateway.http_address}))
        for address in (gateway.grpc_address, gateway.http_address):
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
