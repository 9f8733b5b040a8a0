"""Finds bytes that nothing needs, and gives them up when it is told to."""

from dataclasses import dataclass

from tidegate.blobs import Blobs
from tidegate.services.registry import Caller, Change, Receipt, Registry
from tidegate.stores import artifacts

GRACE_S = 24 * 3600.0
"""Bytes that came later are left alone: their version may be registered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What may go."""

    blobs: tuple[tuple[str, int], ...]
    """Digest and size of each."""
    missing: tuple[str, ...]
    """What manifests need and is not there: damage, not garbage."""

    @property
    def size_bytes(self) -> int:
        """Of all that may go."""
        return sum(size_bytes for _, size_bytes in self.blobs)


def find(registry: Registry, blobs: Blobs) -> Garbage:
    """Everything that no manifest needs and that has lain for a day."""
    # Bytes first: what is put between the two looks is too young to be found.
    there = list(blobs.list())
    with registry.reading() as connection:
        needed = set(artifacts.needed_blobs(connection))
    oldest_s = registry.now_us() / 1e6 - GRACE_S
    loose = [kept for kept in there if kept.digest not in needed and kept.touched_s < oldest_s]
    present = {kept.digest for kept in there}
    return Garbage(
        blobs=tuple((kept.digest, kept.size_bytes) for kept in sorted(loose)), missing=tuple(sorted(needed - present))
    )


def collect(registry: Registry, blobs: Blobs, caller: Caller) -> Garbage:
    """Gives up what :func:`find` finds; what was put again meanwhile stays."""
    found = find(registry, blobs)

    def work(change: Change) -> Receipt:
        needed = set(artifacts.needed_blobs(change.connection))
        loose = [digest for digest, _ in found.blobs if digest not in needed]
        after = {"blobs": len(loose), "size_bytes": found.size_bytes}
        change.enter("garbage.collect", "blobs", after=after)
        oldest_s = change.now_us / 1e6 - GRACE_S
        # Inside the change, so that no registration can come to need them on the way.
        return {"removed": [digest for digest in loose if blobs.remove(digest, untouched_since_s=oldest_s)]}

    if found.blobs:
        registry.change(caller, work)
    return found
