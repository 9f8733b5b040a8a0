import pytest

from tidegate.v1.blob_service_pb2 import DownloadBlobResponse, UploadBlobRequest
from tidegate.v1.chunks import chunk_message


@pytest.mark.parametrize("size", [1, 127, 128, 300, 16_383, 16_384, 1 << 20, (1 << 21) + 5])
@pytest.mark.parametrize("kind", [UploadBlobRequest, DownloadBlobResponse])
def test_a_piece_is_written_as_protobuf_writes_it(kind, size):
    chunk = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert chunk_message(kind, chunk) == kind(chunk=chunk).SerializeToString(deterministic=True)
