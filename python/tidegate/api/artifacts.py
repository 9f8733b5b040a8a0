"""`BlobService`: bytes on their way in and out, a piece at a time."""

from collections.abc import Iterator

from tidegate.api.call import Call
from tidegate.blobs import Blobs
from tidegate.core.names import blob_of
from tidegate.errors import InputRefused, Violation
from tidegate.services import artifacts
from tidegate.services.registry import Registry
from tidegate.v1 import blob_pb2
from tidegate.v1 import blob_service_pb2 as messages
from tidegate.v1.chunks import chunk_message


class Artifacts:
    """Answers for `tidegate.v1.BlobService`."""

    def __init__(self, registry: Registry, blobs: Blobs) -> None:
        self._registry = registry
        self._blobs = blobs

    def upload_blob(self, call: Call, requests: Iterator[messages.UploadBlobRequest]) -> blob_pb2.Blob:
        """Takes bytes in: first what they are, then the bytes."""
        first = next(requests, None)
        if first is None or first.WhichOneof("content") != "head":
            raise _out_of_order("the first message has the head")
        head = first.head
        caller = call.caller(head, "blobs.upload", f"blobs/{head.digest}")
        artifacts.upload(
            self._registry,
            self._blobs,
            caller,
            digest=head.digest,
            size_bytes=head.size_bytes,
            chunks=_chunks(requests),
        )
        return message_of(head.digest, head.size_bytes)

    def check_blobs(self, _call: Call, request: messages.CheckBlobsRequest) -> messages.CheckBlobsResponse:
        """Says which of some bytes are missing."""
        return messages.CheckBlobsResponse(missing=artifacts.missing(self._blobs, request.digests))

    def download_blob(self, _call: Call, request: messages.DownloadBlobRequest) -> Iterator[bytes]:
        """Gives bytes out, in messages that are written already."""
        for chunk in artifacts.download(self._blobs, blob_of(request.name)):
            yield chunk_message(messages.DownloadBlobResponse, chunk)


def message_of(digest: str, size_bytes: int) -> blob_pb2.Blob:
    """Bytes as the API says them."""
    return blob_pb2.Blob(name=f"blobs/{digest}", size_bytes=size_bytes)


def _chunks(requests: Iterator[messages.UploadBlobRequest]) -> Iterator[bytes]:
    for request in requests:
        if request.WhichOneof("content") != "chunk":
            raise _out_of_order("every message after the first has a chunk")
        yield request.chunk


def _out_of_order(rule: str) -> InputRefused:
    return InputRefused(
        f"The upload is refused: {rule}.", reason="UPLOAD_OUT_OF_ORDER", violations=(Violation("content", rule),)
    )
