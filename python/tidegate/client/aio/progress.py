"""A bar on stderr that counts answers, drawn by rich."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tidegate import optional


def bar(title: str, total: int | None) -> AbstractContextManager[Callable[[], None]]:
    """Shows while it is open how often what it gives was called, of `total` if that is known.

    Nothing is written where stderr is no terminal.

    Raises:
        ModuleNotFoundError: rich is not installed.
    """
    optional.load("rich", needed_for="progress=True")
    if sys.stderr is None or not sys.stderr.isatty():
        return silent()
    return _drawn(title, total)


def silent() -> AbstractContextManager[Callable[[], None]]:
    """Shows nothing."""
    return nullcontext(lambda: None)


@contextmanager
def _drawn(title: str, total: int | None) -> Iterator[Callable[[], None]]:
    from rich.console import Console  # noqa: PLC0415  # only whoever wants a bar needs rich
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # What the caller prints stays where it goes: a redirected stdout must not end up on the terminal.
    drawn = Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False)
    with drawn as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
