import pytest

from tidegate.api.validation import read
from tidegate.errors import InputRefused
from tidegate.v1.blob_service_pb2 import UploadBlobRequest
from tidegate.v1.version_service_pb2 import RegisterVersionRequest


def test_a_message_that_breaks_no_rule_is_read():
    sent = UploadBlobRequest(chunk=b"x")
    assert read(UploadBlobRequest, sent.SerializeToString()) == sent


def test_every_place_is_named_at_any_depth():
    sent = RegisterVersionRequest(parent="p", reason="x" * 2001)
    sent.files.add(path="model.onnx", digest="sha256:0", size_bytes=-1, media_type="t")
    sent.evidence.add(kind=1)
    with pytest.raises(InputRefused) as refused:
        read(RegisterVersionRequest, sent.SerializeToString())
    places = {violation.path for violation in refused.value.violations}
    assert places == {"files[0].digest", "files[0].size_bytes", "evidence[0].file", "reason"}


def test_a_kind_that_is_not_known_is_refused():
    sent = RegisterVersionRequest(parent="p")
    sent.files.add(path="a", digest=f"sha256:{'a' * 64}", media_type="t")
    sent.evidence.add(kind=99).file.CopyFrom(sent.files[0])
    with pytest.raises(InputRefused, match=r"evidence\[0\]\.kind"):
        read(RegisterVersionRequest, sent.SerializeToString())


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x05ab", bytes(3)])
def test_bytes_that_are_no_message_are_refused(raw):
    with pytest.raises(InputRefused) as refused:
        read(UploadBlobRequest, raw)
    assert refused.value.reason == "MESSAGE_MALFORMED"
