"""Events as lines of JSON in a file, which is its own memory of what it has."""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tidegate.core.events import FAMILY, REGISTRY
from tidegate.errors import RegistryDamaged

_BLOCK_BYTES = 1 << 20
"""Of what is read at once, from the end: the newest events are at the end."""
_MOST_KNOWN = 4_096
"""Events that are known again: more than a gateway that is killed can have told without remembering it."""
_BEGIN = b'{"specversion":'
"""Of every line."""


class FileSink:
    """See :class:`tidegate.sinks.base.Sink`."""

    def __init__(self, path: Path) -> None:
        """Opens the file, and makes it if there is none.

        Raises:
            OSError: It cannot be written.
            RegistryDamaged: It is another's: its last line is no event.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # What was not written whole is taken back, so nothing may be left in a buffer.
        self._file = path.open("ab", buffering=0)
        try:
            self._trim()
            for line in islice(self._backwards(), 1):
                self._read(line)
        except BaseException:
            self._file.close()
            raise

    def last(self) -> int | None:
        """The sequence of the last change of a registry; 0 of a file without any, so that it gets everything."""
        for line in self._backwards():
            event = self._read(line)
            if event["type"].startswith(f"{REGISTRY}."):
                return int(event["sequence"])
        return 0

    def known(self) -> frozenset[str]:
        """The ids of the newest events."""
        return frozenset(self._read(line)["id"] for line in islice(self._backwards(), _MOST_KNOWN))

    def deliver(self, events: Sequence[dict[str, Any]]) -> None:
        """Appends lines, and has them on the disk; all of them or, if that fails, none."""
        lines = b"".join(
            json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for event in events
        )
        end = os.fstat(self._file.fileno()).st_size
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            if len(rest) < len(lines):
                self._file.truncate(end)
            raise

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _trim(self) -> None:
        """Takes away what a process that was killed has left of a line."""
        torn = next(self._backwards(keep_torn=True), b"")
        if not torn:
            return
        if not torn.startswith(_BEGIN[: len(torn)]):
            raise self._foreign()
        self._file.truncate(self._path.stat().st_size - len(torn))

    def _read(self, line: bytes) -> dict[str, Any]:
        try:
            event: dict[str, Any] = json.loads(line)
            is_ours = event["type"].startswith(FAMILY) and isinstance(event["id"], str)
        except (ValueError, KeyError, TypeError, AttributeError):
            is_ours = False
        if not is_ours:
            raise self._foreign()
        return event

    def _backwards(self, *, keep_torn: bool = False) -> Iterator[bytes]:
        """Lines from the last one on; before them what stands behind the last end of a line, if that is asked for."""
        with self._path.open("rb") as file:
            at, rest = file.seek(0, os.SEEK_END), b""
            is_first = True
            while at > 0:
                size_bytes = min(_BLOCK_BYTES, at)
                at = file.seek(at - size_bytes)
                rest, *lines = (file.read(size_bytes) + rest).split(b"\n")
                for line in reversed(lines):
                    if not is_first or keep_torn:
                        yield line
                    is_first = False
            if rest and (not is_first or keep_torn):
                yield rest

    def _foreign(self) -> RegistryDamaged:
        return RegistryDamaged(f"The last line of {self._path} is no event: name another file.", reason="SINK_FOREIGN")
