"""Work in processes that may be killed: forked, so that nothing is imported again. Whoever forks has one thread."""

import os
import signal
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that is no more."""

    said: list[str]
    """Every line that it told."""
    code: int
    """0 if its work returned, 1 if it raised; below zero the signal that killed it."""

    @property
    def is_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def forked(work: Callable[[Callable[[object], None]], None]) -> Ended:
    """Does work in a process of its own, which tells lines, and waits for its end."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _work(lambda: work(lambda line: os.write(tell, f"{line}\n".encode())))
    os.close(tell)
    with os.fdopen(told) as lines:
        said = lines.read().splitlines()
    _, status = os.waitpid(child, 0)
    return Ended(said=said, code=os.waitstatus_to_exitcode(status))


def count_of(points: Iterable[int], try_one: Callable[[int], bool]) -> int:
    """Tries points, as many at once as there are cores; returns how many of them there were, as each try says.

    Raises:
        AssertionError: A point failed; stderr says which, and how.
    """
    cores, points = len(os.sched_getaffinity(0)), list(points)
    workers = []
    for core in range(cores):
        told, tell = os.pipe()
        worker = os.fork()
        if worker == 0:
            _work(lambda tell=tell, core=core: os.write(tell, b"%d" % sum(map(try_one, points[core::cores]))))
        os.close(tell)
        workers.append((worker, told))
    codes, count = [], 0
    for worker, told in workers:
        with os.fdopen(told) as lines:
            count += int(lines.read() or 0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
    assert not any(codes), "a point failed: stderr says which, and how"
    return count


def _work(work: Callable[[], object]) -> None:
    """All that is left of a forked process's life."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  # nothing above it is to run in this process
        traceback.print_exc()
    finally:
        # Neither the parent's clean-up nor the threads of this process are waited for.
        os._exit(code)
