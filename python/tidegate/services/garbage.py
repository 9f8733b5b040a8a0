"""Finds bytes that nothing needs, and gives them up when it is told to."""

from dataclasses import dataclass

from tidegate.blobs import Blobs
from tidegate.core.manifests import index_of
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
    cut_off: int
    """Uploads that did not end."""
    cut_off_bytes: int
    """What they have left behind."""

    @property
    def size_bytes(self) -> int:
        """Of all that may go."""
        return sum(size_bytes for _, size_bytes in self.blobs)


def find(registry: Registry, blobs: Blobs) -> Garbage:
    """Everything that no manifest needs and that has lain for a day, and what uploads left a day ago that did not end."""
    # Bytes first: what is put between the two looks is too young to be found.
    there = list(blobs.list())
    with registry.reading() as connection:
        needed = set(artifacts.needed_blobs(connection))
    oldest_s = registry.now_us() / 1e6 - GRACE_S
    loose = [kept for kept in there if kept.digest not in needed and kept.touched_s < oldest_s]
    # No upload may take longer than an hour: what nobody has written to for a day is nobody's.
    cut_off, cut_off_bytes = blobs.sweep(untouched_since_s=oldest_s, dry_run=True)
    present = {kept.digest for kept in there}
    return Garbage(
        blobs=tuple((kept.digest, kept.size_bytes) for kept in sorted(loose)),
        missing=tuple(sorted(needed - present)),
        cut_off=cut_off,
        cut_off_bytes=cut_off_bytes,
    )


def collect(registry: Registry, blobs: Blobs, caller: Caller) -> Garbage:
    """Gives up what :func:`find` finds; what was put again meanwhile stays. Lists for other tools what is left."""
    registry.permit(caller, "garbage.collect", "blobs")
    found = find(registry, blobs)

    def work(change: Change) -> Receipt:
        needed = set(artifacts.needed_blobs(change.connection))
        loose = [digest for digest, _ in found.blobs if digest not in needed]
        after = {"blobs": len(loose), "size_bytes": found.size_bytes}
        if found.cut_off:
            after |= {"cut_off": found.cut_off, "cut_off_bytes": found.cut_off_bytes}
        change.enter("garbage.collect", "blobs", after=after)
        oldest_s = change.now_us / 1e6 - GRACE_S
        # First: what the index lists is there, also if this is killed in the middle.
        blobs.publish(index_of(artifacts.listed(change.connection)))
        blobs.sweep(untouched_since_s=oldest_s, dry_run=False)
        # Inside the change, so that no registration can come to need them on the way.
        return {"removed": [digest for digest in loose if blobs.remove(digest, untouched_since_s=oldest_s)]}

    def list_anew(change: Change) -> Receipt:
        blobs.publish(index_of(artifacts.listed(change.connection)))
        return {}

    # A run that gives up nothing is no deed, and is not entered.
    registry.change(caller, work if found.blobs or found.cut_off else list_anew)
    return found
