"""What every store promises."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection


class Store(Protocol):
    """A database with the tables of :mod:`tidegate.stores.tables`, at the newest form.

    `tests/conformance/test_stores.py` is the definition of done for a member.
    """

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent view; nothing is written through it.

        Raises:
            RegistryUnavailable: The database cannot be read now.
        """
        ...

    def changing(self) -> AbstractContextManager[Connection]:
        """One change: of all there are in this or other processes, the only one at its time.

        All of it is kept, on the disk, when the context ends, or none of it when it ends with an error.

        Raises:
            RegistryUnavailable: Another change did not end in time, or the disk is full.
        """
        ...

    def back_up(self, to: Path) -> None:
        """Writes a copy of one moment into a new file, while changes go on.

        Raises:
            AlreadyThere: There is such a file.
        """
        ...

    def close(self) -> None:
        """Gives up every connection."""
        ...
