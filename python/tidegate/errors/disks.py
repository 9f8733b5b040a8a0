"""Why bytes could not be written: no room is everybody's, and ends by itself or by somebody's hand."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.errors.registry import RegistryUnavailable

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the kernel says of a disk, a quota and a limit of the process."""


@contextmanager
def needing_room(folder: Path, advice: str) -> Iterator[None]:
    """Says of a full disk what to do.

    Args:
        folder: Where is written.
        advice: What follows once there is room, and what became of what was begun.

    Raises:
        RegistryUnavailable: There is no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise RegistryUnavailable(
            f"{folder} has no room: make some, then {advice}.", reason="DISK_FULL", path=str(folder)
        ) from error
