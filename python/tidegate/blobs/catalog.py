"""The places that there are, by the scheme of their address."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate.blobs.base import Blobs
from tidegate.blobs.folder import Folder
from tidegate.core.addresses import choose

BLOBS: Mapping[str, Callable[[str], Blobs]] = {"folder": lambda where: Folder(Path(where))}


def open_blobs(address: str) -> Blobs:
    """Opens the place at an address, such as `folder:tidegate-data/artifacts`; it is made if there is none.

    Raises:
        InputRefused: No place has this scheme.
    """
    make, where = choose(address, BLOBS, what="a place for bytes", reason="BLOBS_UNKNOWN")
    return make(where)
