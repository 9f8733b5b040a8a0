"""Which cores a process may run on."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path


class TooFewCoresError(Exception):
    """Client and server cannot be kept apart on this machine."""


@contextlib.contextmanager
def apart(pids: Sequence[int]) -> Iterator[int]:
    """Keep all threads of `pids` on this process's first core meanwhile; gives another core, for the load generator."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise TooFewCoresError(
            "a single stream is measured with client and server on cores of their own: two are needed"
        )
    try:
        for pid in pids:
            _keep_on(pid, {allowed[0]})
        yield allowed[1]
    finally:
        for pid in pids:
            _keep_on(pid, set(allowed))


@contextlib.contextmanager
def first_alone() -> Iterator[None]:
    """Processes that are started meanwhile see a machine of one core: this process's first."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _keep_on(pid: int, cores: set[int]) -> None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end between the listing and the call.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)
