"""A bar on stderr that counts bytes, drawn by rich."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tidegate import optional


def bar(title: str, total_bytes: int, *, wished: bool | None) -> AbstractContextManager[Callable[[int], None]]:
    """Shows while it is open how many bytes it was told of.

    Args:
        title: What it says beside the bar.
        total_bytes: How many there will be; nothing is shown for none.
        wished: Whether a bar is asked for; None shows one where rich is installed.

    Raises:
        ModuleNotFoundError: A bar is asked for, and rich is not installed.
    """
    if wished:
        optional.load("rich", needed_for="progress=True")
    is_shown = wished or (wished is None and importlib.util.find_spec("rich") is not None)
    if not is_shown or not total_bytes or sys.stderr is None or not sys.stderr.isatty():
        return nullcontext(_unseen)
    return _drawn(title, total_bytes)


def _unseen(_size_bytes: int) -> None:
    """Shows nothing."""


@contextmanager
def _drawn(title: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # noqa: PLC0415  # only whoever wants a bar needs rich
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # What the caller prints stays where it goes: a redirected stdout must not end up on the terminal.
    drawn = Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False)
    with drawn as progress:
        task = progress.add_task(title, total=total_bytes)
        yield lambda size_bytes: progress.advance(task, size_bytes)
