"""Copies of the registry while changes go on."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tidegate.services.artifacts import CHUNK_BYTES
from tidegate.services.registry import Caller, Change, Receipt, Registry


def download(registry: Registry, caller: Caller) -> Iterator[bytes]:
    """A copy of the database of one moment, in pieces; bytes of artifacts are not in it.

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
        path = Path(folder) / "registry.db"
        registry.back_up(path)
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
