"""Events as lines of JSON in a file, which is its own memory of what it has."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.errors import RegistryDamaged

_TAIL_BYTES = 1 << 22
"""Longest line that is looked for: an event has the patch of a route in it."""
_BEGIN = b'{"specversion":'
"""Of every line."""


class FileSink:
    """See :class:`tidegate.sinks.base.Sink`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("ab")
        self._trim()

    def last(self) -> int | None:
        """The sequence of the last whole line; 0 of an empty file, so that it gets everything.

        Raises:
            RegistryDamaged: The last line is no event.
        """
        lines = self._tail().splitlines()
        if not lines:
            return 0
        try:
            return int(json.loads(lines[-1])["sequence"])
        except (ValueError, KeyError, TypeError):
            raise _foreign(self._path) from None

    def deliver(self, events: Sequence[dict[str, Any]]) -> None:
        """Appends lines, and has them on the disk."""
        for event in events:
            self._file.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _trim(self) -> None:
        """Takes away what a process that was killed has left of a line."""
        tail = self._tail()
        torn = tail[tail.rfind(b"\n") + 1 :]
        if not torn:
            return
        if not torn.startswith(_BEGIN[: len(torn)]):
            self._file.close()
            raise _foreign(self._path)
        self._file.truncate(self._path.stat().st_size - len(torn))

    def _tail(self) -> bytes:
        with self._path.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(max(0, size_bytes - _TAIL_BYTES))
            return file.read()


def _foreign(path: Path) -> RegistryDamaged:
    return RegistryDamaged(f"The last line of {path} is no event: name another file.", reason="SINK_FOREIGN")
