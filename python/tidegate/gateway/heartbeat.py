"""Notices when an event loop stands still, and who holds it: every call of the front waits meanwhile."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

STILL_S = 1.0
"""How long the loop may stand still before it is told; no healthy loop comes near."""

_BEAT_S = 0.25


class Heartbeat:
    """Beats on the running loop, and listens from a thread of its own."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._last = time.monotonic()
        self._is_over = threading.Event()
        self._beat()
        self._listener = threading.Thread(target=self._listen, name="tidegate-heartbeat", daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """Ends the beat and the thread that listens."""
        self._is_over.set()
        self._timer.cancel()
        self._listener.join()

    def _beat(self) -> None:
        self._last = time.monotonic()
        self._timer = self._loop.call_later(_BEAT_S, self._beat)

    def _listen(self) -> None:
        told = 0.0
        while not self._is_over.wait(_BEAT_S):
            last = self._last
            if last != told and time.monotonic() - last > STILL_S:
                told = last
                self._report(f"the front has stood still for {STILL_S} s, and every call with it, {self._where()}")

    def _where(self) -> str:
        frame: FrameType | None = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return "at a place that Python does not know"
        code = frame.f_code
        return f"in {code.co_qualname} at {code.co_filename}:{frame.f_lineno}"
