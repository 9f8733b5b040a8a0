"""Copies of a whole registry, made while it goes on, and the way back from one."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tidegate.blobs import Blobs
from tidegate.clock import Clock
from tidegate.core.manifests import index_of
from tidegate.errors import AlreadyThere, Missing, RegistryDamaged
from tidegate.errors.disks import needing_room
from tidegate.services.artifacts import download as read_whole
from tidegate.services.registry import Caller, Change, Receipt, Registry
from tidegate.stores import Store, artifacts

ROWS = "registry.db"
BYTES = "artifacts"
_COPYING = "copying"
"""Where the rows of a backup are until it has everything that they need."""
_CHUNK_BYTES = 1 << 20
Progress = Callable[[int, int], None]
"""Told of blobs done, and of all there are."""


def back_up(
    store: Store,
    blobs: Blobs,
    to: Path,
    *,
    open_rows: Callable[[Path], Store],
    open_bytes: Callable[[Path], Blobs],
    tell: Progress,
) -> int:
    """Copies a registry into a new folder, and returns how many blobs it has.

    The rows are of one moment, and every byte that they need is there: rows first, then the bytes that those rows need. One
    that was not finished is no backup, and may be made again in the same folder.

    Args:
        store: The rows.
        blobs: The bytes.
        to: A folder that is not there yet.
        open_rows: Opens the store of a folder.
        open_bytes: Opens the place for bytes of a folder.
        tell: Hears how far it is.

    Raises:
        AlreadyThere: There is such a folder.
        RegistryDamaged: Bytes are not what they were.
        RegistryUnavailable: There is no room.
    """
    aside = to / _COPYING
    if to.exists() and any(to.iterdir()) and ((to / ROWS).exists() or not aside.exists()):
        raise AlreadyThere(f"{to} is there already: name a new folder.", reason="BACKUP_EXISTS", path=str(to))
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    store.back_up(aside / ROWS)
    with closing(open_rows(aside)) as copy:
        place = open_bytes(to)
        with copy.reading() as connection:
            needed = sorted(set(artifacts.needed_blobs(connection)))
            index = index_of(artifacts.listed(connection))
        for done, digest in enumerate(needed):
            tell(done, len(needed))
            _copy(blobs, place, digest)
        place.publish(index)
        tell(len(needed), len(needed))
    # Last: a folder without its rows is no backup.
    (aside / ROWS).rename(to / ROWS)
    aside.rmdir()
    return len(needed)


def download(registry: Registry, caller: Caller) -> Iterator[bytes]:
    """A copy of the rows of one moment, in pieces; the bytes that they need are not in it.

    That it was made is in the journal, and in the copy.

    Raises:
        Forbidden: The caller may not.
        RegistryUnavailable: There is no room for the copy.
    """

    def work(change: Change) -> Receipt:
        change.enter("registry.backup", "registry")
        return {}

    registry.change(caller, work)
    with tempfile.TemporaryDirectory(prefix="tidegate-backup-") as folder:
        path = Path(folder) / ROWS
        registry.back_up(path)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


def restore(backup: Path, folder: Path, open_rows: Callable[[Path], Store], caller: Caller, clock: Clock) -> int:
    """Puts a backup where a registry is to be, and raises its incarnation, which it returns.

    What is published from then on comes after all that was published before the restore.

    Args:
        backup: The folder of a backup.
        folder: Of the registry to be.
        open_rows: Opens the store of a folder.
        caller: Who restores.
        clock: Says the time.

    Raises:
        Missing: It is no backup.
        AlreadyThere: There is a registry: nothing is written over it.
        RegistryUnavailable: There is no room.
    """
    if not (backup / ROWS).is_file():
        raise Missing(f"{backup} is no backup: it has no {ROWS}.", reason="BACKUP_MISSING", path=str(backup))
    if (folder / ROWS).exists():
        raise AlreadyThere(
            f"{folder} has a registry: move it away first, nothing is written over it.",
            reason="REGISTRY_EXISTS",
            path=str(folder),
        )
    aside = folder / "restoring"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    with needing_room(folder, "restore again; what is there so far is no registry yet"):
        for path in (backup / BYTES).rglob("*"):
            if path.is_file():
                copy = folder / path.relative_to(backup)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        shutil.copyfile(backup / ROWS, aside / ROWS)
    store = open_rows(aside)
    incarnation = _rise(Registry(store, clock, instance=""), caller)["incarnation"]
    store.close()
    # Last: a folder without its rows is no registry yet.
    (aside / ROWS).rename(folder / ROWS)
    aside.rmdir()
    return int(incarnation)


def _rise(registry: Registry, caller: Caller) -> Receipt:

    def work(change: Change) -> Receipt:
        incarnation = change.end.incarnation + 1
        change.enter(
            "registry.restore",
            "registry",
            before={"incarnation": change.end.incarnation},
            after={"incarnation": incarnation},
        )
        change.end = change.end._replace(incarnation=incarnation)
        return {"incarnation": incarnation}

    return registry.change(caller, work)


def _copy(source: Blobs, target: Blobs, digest: str) -> None:
    if target.has(digest):
        return
    try:
        with source.open(digest) as reader:
            size_bytes = reader.seek(0, 2)
        with target.upload(digest, size_bytes) as upload:
            for chunk in read_whole(source, digest):
                upload.write(chunk)
            upload.keep()
    except Missing as error:
        raise RegistryDamaged(
            f"The registry needs {digest}, and it is not there: restore an older backup.",
            reason="BLOB_MISSING",
            digest=digest,
        ) from error
