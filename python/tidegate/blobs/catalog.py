"""The places that there are, by the scheme of their address."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tidegate.blobs.base import Blobs
from tidegate.blobs.folder import Folder
from tidegate.errors import InputRefused

BLOBS: Mapping[str, Callable[[str], Blobs]] = {"folder": lambda where: Folder(Path(where))}


def open_blobs(address: str) -> Blobs:
    """Opens the place at an address, such as `folder:tidegate-data/artifacts`; it is made if there is none.

    Raises:
        InputRefused: No place has this scheme.
    """
    scheme, _, rest = address.partition(":")
    if scheme not in BLOBS:
        known = ", ".join(sorted(BLOBS))
        raise InputRefused(
            f"{address!r} is no address of a place for bytes: <scheme>:<where>, of {known}", reason="BLOBS_UNKNOWN"
        )
    return BLOBS[scheme](rest)
