"""Calls of the admin API of a running `tidegate up` that are made once, whatever is answered."""

import hashlib
from typing import Any

import grpc

from support.admin import PATIENCE_S
from support.ups import Up
from tidegate.client.registry import calls
from tidegate.v1.blob_service_pb2 import BlobHead, UploadBlobRequest

CHUNK_BYTES = 1 << 20


class Raw:
    """The owner, without the patience of the client."""

    def __init__(self, running: Up) -> None:
        self._channel = grpc.insecure_channel(running.admin)
        token = (running.folder / "tidegate-data" / "owner.token").read_text().strip()
        self._named: dict[str, Any] = {"timeout": PATIENCE_S, "metadata": [("authorization", f"Bearer {token}")]}

    def ask(self, method: calls.Method[Any], request: Any) -> Any:
        """One call."""
        return method.read(self._channel.unary_unary(method.path)(request.SerializeToString(), **self._named))

    def upload(self, content: bytes) -> str:
        """Uploads bytes, and returns their digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        messages = [UploadBlobRequest(head=BlobHead(digest=digest, size_bytes=len(content)))]
        messages += [
            UploadBlobRequest(chunk=content[at : at + CHUNK_BYTES]) for at in range(0, len(content), CHUNK_BYTES)
        ]
        sent = iter([message.SerializeToString() for message in messages])
        self._channel.stream_unary(calls.UPLOAD_BLOB.path)(sent, **self._named)
        return digest
