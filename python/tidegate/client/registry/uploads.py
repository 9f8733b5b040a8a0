"""Brings bytes to a registry: those that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tidegate.client.registry.calls import CHECK_BLOBS, UPLOAD_BLOB
from tidegate.client.registry.connection import Connection
from tidegate.client.registry.pieces import Piece
from tidegate.client.registry.progress import bar
from tidegate.v1 import blob_service_pb2 as messages
from tidegate.v1.chunks import chunk_message

_LEAST_BYTES_PER_S = 1 << 20
"""Slower than this, an upload is given up."""
_LEAST_S = 60.0
_MOST_S = 3600.0
"""The longest stream that the API allows."""


def upload_missing(connection: Connection, pieces: Sequence[Piece], *, progress: bool | None) -> None:
    """Uploads those of some pieces that are not there.

    Raises:
        RegistryError: Bytes changed on their way, or cannot be kept.
    """
    by_digest = {piece.digest: piece for piece in pieces}
    missing = connection.ask(CHECK_BLOBS, messages.CheckBlobsRequest(digests=list(by_digest))).missing
    wanted = [by_digest[digest] for digest in missing]
    with bar("uploading", sum(piece.size_bytes for piece in wanted), wished=progress) as advance:
        for piece in wanted:
            _upload(connection, piece, advance)


def _upload(connection: Connection, piece: Piece, advance: Callable[[int], None]) -> None:
    sent = 0

    def requests() -> Iterator[bytes]:
        nonlocal sent
        # A second try begins at the beginning, and so does the bar.
        advance(-sent)
        sent = 0
        head = messages.BlobHead(digest=piece.digest, size_bytes=piece.size_bytes)
        yield messages.UploadBlobRequest(head=head).SerializeToString()
        for chunk in piece.chunks():
            yield chunk_message(messages.UploadBlobRequest, chunk)
            sent += len(chunk)
            advance(len(chunk))

    timeout_s = min(_LEAST_S + piece.size_bytes / _LEAST_BYTES_PER_S, _MOST_S)
    connection.send(UPLOAD_BLOB, requests, timeout_s=timeout_s)
