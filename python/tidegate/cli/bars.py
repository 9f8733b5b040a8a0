"""Bars on stderr for commands that take long; nothing where stderr is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Bars:
    """A bar for each piece of work, as `tidegate.drift` tells of it."""

    def __init__(self, drawn: Progress) -> None:
        """Takes what draws."""
        self._drawn = drawn

    def begin(self, what: str, steps: int) -> Callable[[int], None]:
        """A piece of work of so many steps begins; what it gives is called with the steps that were done."""
        task = self._drawn.add_task(what, total=steps)
        return lambda done: self._drawn.advance(task, done)


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars, for as long as the work takes; they are gone once it is done."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # What the command prints stays where it goes: a redirected stdout must not end up on the terminal.
    drawn = Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with drawn:
        yield Bars(drawn)
