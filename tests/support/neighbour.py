"""A caller in a process of its own, so that what it costs is the gateway's doing and not that of a shared interpreter."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.synchronize import Event
from typing import Any

import grpc

from support.waiting import until

INFER = "/inference.GRPCInferenceService/ModelInfer"
REST_S = 0.02
PATIENCE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What both processes look at."""

    asks: Event
    rests: Event
    over: Event
    done: Any


class Neighbour:
    """Another process, and what it is told."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """It works for as long as the block lasts, and has done so once before it begins."""
        before = self._switches.done.value
        self._switches.rests.clear()
        self._switches.asks.set()
        until(lambda: self._switches.done.value > before, what="the neighbour works")
        yield
        self._switches.asks.clear()
        assert self._switches.rests.wait(PATIENCE_S)


@contextmanager
def neighbour(work: Callable[..., None], *more: Any) -> Iterator[Neighbour]:
    """A process that does `work(*more)` again and again while it is asked to."""
    processes = multiprocessing.get_context("spawn")
    switches = Switches(
        asks=processes.Event(), rests=processes.Event(), over=processes.Event(), done=processes.Value("q", 0)
    )
    process = processes.Process(target=_repeat, args=(switches, work, more), daemon=True)
    process.start()
    try:
        yield Neighbour(switches)
        switches.over.set()
        switches.asks.set()
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    finally:
        process.kill()


def ask(address: str, message: bytes, compression: grpc.Compression | None, code: str) -> None:
    """Sends a message that must end with `code`, and rests, so as not to take one of few processors for good."""
    future = _call(address).future(message, timeout=PATIENCE_S, compression=compression)
    assert future.code().name == code, future.details()
    threading.Event().wait(REST_S)


def burn() -> None:
    """Keeps a processor busy, as any other program may."""
    end = time.monotonic() + REST_S
    while time.monotonic() < end:
        pass


@cache
def _call(address: str) -> Any:
    sizes = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    return grpc.insecure_channel(address, sizes).unary_unary(INFER)


def _repeat(switches: Switches, work: Callable[..., None], more: tuple[Any, ...]) -> None:
    while not switches.over.is_set():
        if not switches.asks.is_set():
            switches.rests.set()
            switches.asks.wait()
            continue
        work(*more)
        switches.done.value += 1
