"""Bytes on their way in and out, in pieces: no more of them than one piece is ever held."""

import hashlib
from collections.abc import Iterable, Iterator

from tidegate.blobs import Blobs
from tidegate.core.names import check_digest
from tidegate.errors import InputRefused, RegistryDamaged
from tidegate.services.registry import Caller, Registry

CHUNK_BYTES = 1 << 20
"""Size of a piece: large enough to keep a disk busy, small enough for a hundred of them."""
MOST_BYTES = 64 << 30
"""Largest file: some times the largest models that are served from one machine."""


def upload(
    registry: Registry, blobs: Blobs, caller: Caller, *, digest: str, size_bytes: int, chunks: Iterable[bytes]
) -> None:
    """Takes bytes in; the same bytes may come again.

    Raises:
        InputRefused: They are more, less or others than was announced; nothing of them is kept.
        RegistryUnavailable: There is no room.
        Forbidden: The caller may not.
    """
    check_digest(digest)
    registry.permit(caller, "blobs.upload", f"blobs/{digest}")
    if not 0 <= size_bytes <= MOST_BYTES:
        raise InputRefused(
            f"{digest} is to have {size_bytes:,} bytes; from 0 to {MOST_BYTES:,} are allowed.",
            reason="UPLOAD_TOO_LARGE",
            digest=digest,
        )
    with blobs.upload(digest, size_bytes) as incoming:
        for chunk in chunks:
            incoming.write(chunk)
        incoming.keep()


def download(blobs: Blobs, digest: str) -> Iterator[bytes]:
    """Gives bytes out, and says at their end whether they are what their name says.

    Raises:
        Missing: They are not there.
        RegistryDamaged: They were others; what came is to be thrown away.
    """
    found = hashlib.sha256()
    with blobs.open(check_digest(digest)) as file:
        while chunk := file.read(CHUNK_BYTES):
            found.update(chunk)
            yield chunk
    if f"sha256:{found.hexdigest()}" != digest:
        raise RegistryDamaged(
            f"The bytes under {digest} are others: restore them from a backup.", reason="BLOB_DAMAGED", digest=digest
        )


def missing(blobs: Blobs, digests: Iterable[str]) -> list[str]:
    """Those of some digests whose bytes are not there, each once, in their order."""
    return [digest for digest in dict.fromkeys(digests) if not blobs.has(check_digest(digest))]
