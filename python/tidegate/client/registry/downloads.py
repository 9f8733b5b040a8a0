"""Brings bytes from a registry."""

from __future__ import annotations

from tidegate.client.registry.calls import DOWNLOAD_BLOB
from tidegate.client.registry.connection import Connection
from tidegate.errors import InputRefused
from tidegate.v1.blob_service_pb2 import DownloadBlobRequest


def read(connection: Connection, digest: str, limit: int) -> bytes:
    """The bytes of a digest.

    Raises:
        InputRefused: There are more than `limit`.
    """
    content = bytearray()
    for answer in connection.receive(DOWNLOAD_BLOB, DownloadBlobRequest(name=f"blobs/{digest}")):
        content += answer.chunk
        if len(content) > limit:
            raise InputRefused(f"{digest} has more than {limit:,} bytes.", reason="CONTENT_TOO_LARGE", digest=digest)
    return bytes(content)
