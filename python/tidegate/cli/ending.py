"""How a process ends that serves in the foreground: by Ctrl-C or SIGTERM, after a drain; a second signal ends at once."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

# Python runs signal handlers between two waits, so this is how long Ctrl-C may take to be heard.
WAIT_MS = 100


def leave(code: int) -> NoReturn:
    """Ends the process under threads that may be inside the runtime, in a load or a run, or inside the core.

    The end of Python would pull those from under them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def end_on_signals(drain: Callable[[], None]) -> None:
    """Has the first signal begin a drain, and the second end the process."""
    heard = False

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            # Whoever asks twice wants out: no thread is waited for. The shell's convention for a death by signal.
            os._exit(128 + number)
        heard = True
        drain()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
