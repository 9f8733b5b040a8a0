"""When a file that is looked at again and again is to be read: once it has changed and is written to no more."""

from dataclasses import dataclass
from typing import NamedTuple


class Fingerprint(NamedTuple):
    """What tells one content of a path from another without reading it; links are followed to the file itself."""

    device: int
    inode: int
    mtime_ns: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known of a path; `None` where there is no file."""

    read: Fingerprint | None
    """What was there when it was read."""
    seen: Fingerprint | None = None
    """What was there at the last look."""

    def look(self, now: Fingerprint | None) -> tuple["Watch", bool]:
        """What is known after a look, and whether to read: two looks have found the same, and not what was read."""
        is_due = now is not None and now == self.seen and now != self.read
        return Watch(read=now if is_due else self.read, seen=now), is_due
