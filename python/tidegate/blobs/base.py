"""What every place for bytes promises."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol


class Kept(NamedTuple):
    """Bytes that are kept."""

    digest: str
    size_bytes: int
    touched_s: float
    """When they were put, or put again, in seconds since 1970."""


class Upload(Protocol):
    """Bytes on their way in."""

    def write(self, chunk: bytes) -> None:
        """Takes more of them.

        Raises:
            InputRefused: They are more than were announced.
            RegistryUnavailable: There is no room for them.
        """
        ...

    def keep(self) -> Kept:
        """Ends the upload: from now on the bytes are there, also after a loss of power.

        Raises:
            InputRefused: The bytes are not those that were announced; nothing is kept.
        """
        ...


class Blobs(Protocol):
    """Bytes by digest: what is there never changes. `tests/conformance/test_blobs.py` is the definition of done."""

    def upload(self, digest: str, size_bytes: int) -> AbstractContextManager[Upload]:
        """Takes bytes in; what was not kept when the context ends is gone.

        Bytes that are there already may be uploaded again: the same are kept, and count as new for :meth:`remove`.
        """
        ...

    def put(self, content: bytes) -> str:
        """Keeps a few bytes and returns their digest."""
        ...

    def has(self, digest: str) -> bool:
        """Whether the bytes are there."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """A reader of the bytes; it checks nothing.

        Raises:
            Missing: They are not there.
        """
        ...

    def read(self, digest: str, most_bytes: int) -> bytes:
        """All of the bytes, checked.

        Raises:
            Missing: They are not there.
            RegistryDamaged: They are not what their name says, or more than `most_bytes`.
        """
        ...

    def list(self) -> Iterator[Kept]:
        """Everything that is there, in no order."""
        ...

    def sweep(self, *, untouched_since_s: float, dry_run: bool) -> tuple[int, int]:
        """Gives up what uploads have left that were cut off before that time: how many, and their bytes together."""
        ...

    def publish(self, index: bytes) -> None:
        """Replaces the list of what is there for other tools: all of it, or nothing."""
        ...

    def remove(self, digest: str, *, untouched_since_s: float) -> bool:
        """Gives bytes up, unless they were put again after that time; whether they are gone."""
        ...
