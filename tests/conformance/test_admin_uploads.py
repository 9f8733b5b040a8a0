"""Bytes on their way into a registry and out of it: truncated, corrupt, too many, abandoned."""

import errno
import hashlib
import os
import threading

import grpc
import pytest

from support.admin import PATIENCE_S, Refusal, model_file, serving
from support.waiting import until
from tidegate.blobs.folder import FolderUpload
from tidegate.client.registry import calls
from tidegate.client.registry.pieces import piece_of_evidence
from tidegate.client.registry.uploads import upload_missing
from tidegate.errors import RegistryDamaged, RegistryUnavailable
from tidegate.services import artifacts, plans, registration, tokens
from tidegate.v1.blob_service_pb2 import BlobHead, CheckBlobsRequest, DownloadBlobRequest, UploadBlobRequest
from tidegate.v1.journal_service_pb2 import VerifyJournalRequest

CONTENT = os.urandom(100_000)
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
SIZE_BYTES = len(CONTENT)
CHUNKS = [UploadBlobRequest(chunk=CONTENT[:60_000]), UploadBlobRequest(chunk=CONTENT[60_000:])]


def head(digest=DIGEST, size_bytes=SIZE_BYTES):
    return UploadBlobRequest(head=BlobHead(digest=digest, size_bytes=size_bytes))


def upload(admin, messages, *, who="ann", timeout=PATIENCE_S):
    call = admin.channel.stream_unary(calls.UPLOAD_BLOB.path, request_serializer=UploadBlobRequest.SerializeToString)
    metadata = [("authorization", f"Bearer {admin.tokens[who]}")]
    return calls.UPLOAD_BLOB.read(call(iter(messages), timeout=timeout, metadata=metadata))


def refused(admin, messages, **named):
    with pytest.raises(grpc.RpcError) as raised:
        upload(admin, messages, **named)
    return Refusal.of(raised.value)


def nothing_is_left(admin):
    return not admin.blobs.has(DIGEST) and not any((admin.folder / "artifacts/incoming").iterdir())


def test_bytes_come_in_and_out_as_they_were(admin):
    assert admin.ask(calls.CHECK_BLOBS, CheckBlobsRequest(digests=[DIGEST, DIGEST])).missing == [DIGEST]
    kept = upload(admin, [head(), *CHUNKS])
    assert (kept.name, kept.size_bytes) == (f"blobs/{DIGEST}", len(CONTENT))
    assert upload(admin, [head(), *CHUNKS]) == kept
    assert admin.ask(calls.CHECK_BLOBS, CheckBlobsRequest(digests=[DIGEST])).missing == []
    with admin.client() as registry:
        answers = registry._connection.receive(calls.DOWNLOAD_BLOB, DownloadBlobRequest(name=kept.name))
        assert b"".join(answer.chunk for answer in answers) == CONTENT


def test_no_bytes_at_all_are_bytes_too(admin):
    nothing = f"sha256:{hashlib.sha256().hexdigest()}"
    assert upload(admin, [head(nothing, 0)]).size_bytes == 0


@pytest.mark.parametrize(
    "messages, reason",
    [
        ([head(), CHUNKS[0]], "UPLOAD_TRUNCATED"),
        ([head()], "UPLOAD_TRUNCATED"),
        ([head(), *CHUNKS, CHUNKS[0]], "UPLOAD_TOO_LONG"),
        ([head(size_bytes=10), *CHUNKS], "UPLOAD_TOO_LONG"),
        ([head(), *reversed(CHUNKS)], "DIGEST_WRONG"),
        ([head(), UploadBlobRequest(chunk=bytes(len(CONTENT)))], "DIGEST_WRONG"),
        ([], "UPLOAD_OUT_OF_ORDER"),
        (CHUNKS, "UPLOAD_OUT_OF_ORDER"),
        ([head(), CHUNKS[0], head()], "UPLOAD_OUT_OF_ORDER"),
        ([UploadBlobRequest()], "REQUEST_REFUSED"),
        ([head("sha256:../../x")], "REQUEST_REFUSED"),
        ([head(size_bytes=-1)], "REQUEST_REFUSED"),
        ([head(size_bytes=65 << 30)], "REQUEST_REFUSED"),
        ([head(), UploadBlobRequest(chunk=bytes((1 << 20) + 1))], "REQUEST_REFUSED"),
        ([head(), UploadBlobRequest(chunk=b"")], "REQUEST_REFUSED"),
    ],
)
def test_an_upload_that_is_not_what_it_says_is_refused_and_leaves_nothing(admin, messages, reason):
    refusal = refused(admin, messages)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", reason)
    assert nothing_is_left(admin)


def test_a_gateway_uploads_nothing(admin):
    refusal = refused(admin, [head(), *CHUNKS], who="gate")
    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "GATEWAY_READS_ONLY")
    assert nothing_is_left(admin)


@pytest.mark.parametrize("timeout", [None, 100_000])
def test_a_stream_without_an_end_in_sight_is_refused(admin, timeout):
    refusal = refused(admin, [head(), *CHUNKS], timeout=timeout)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "DEADLINE_MISSING")


def test_an_upload_whose_caller_leaves_leaves_nothing(admin, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    call = admin.channel.stream_unary(calls.UPLOAD_BLOB.path, request_serializer=UploadBlobRequest.SerializeToString)

    def messages():
        yield head()
        yield CHUNKS[0]
        go_on.wait(PATIENCE_S)

    write = FolderUpload.write
    monkeypatch.setattr(FolderUpload, "write", lambda *given: (write(*given), begun.set()))
    future = call.future(messages(), timeout=PATIENCE_S, metadata=[("authorization", f"Bearer {admin.tokens['ann']}")])
    assert begun.wait(PATIENCE_S)
    future.cancel()
    go_on.set()
    until(lambda: nothing_is_left(admin))


def test_a_full_disk_is_said_and_leaves_nothing(admin, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderUpload, "write", full)
    refusal = refused(admin, [head(), *CHUNKS])
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "DISK_FULL")
    assert refusal.detail("RetryInfo").retry_delay.nanos > 0
    assert nothing_is_left(admin)


def test_uploads_that_stand_still_keep_nobody_from_the_rest(tmp_path, monkeypatch):
    """Half of the threads are for streams; the other half answers on."""
    begun, go_on = threading.Event(), threading.Event()
    take = artifacts.upload
    monkeypatch.setattr(
        "tidegate.services.artifacts.upload", lambda *given, **named: (begun.set(), take(*given, **named))
    )

    def messages():
        yield head()
        go_on.wait(PATIENCE_S)
        yield from CHUNKS

    with serving(tmp_path, threads=2) as admin:
        held = threading.Thread(target=upload, args=(admin, messages()))
        held.start()
        assert begun.wait(PATIENCE_S)
        refusal = refused(admin, [head(), *CHUNKS])
        assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "TOO_BUSY")
        with admin.client() as registry:
            assert registry.list_models() == []
        go_on.set()
        held.join(PATIENCE_S)
        assert admin.blobs.has(DIGEST)


def test_registrations_that_take_long_keep_nobody_from_the_rest(admin, monkeypatch, tmp_path):
    begun, go_on = threading.Semaphore(0), threading.Event()
    inspect = registration.inspect

    def slowly(*given):
        begun.release()
        go_on.wait(PATIENCE_S)
        return inspect(*given)

    monkeypatch.setattr("tidegate.services.registration.inspect", slowly)
    path, places = model_file(tmp_path, 77), 4

    def register(number):
        with admin.client() as registry:
            registry.register(f"m{number}", path)

    held = [threading.Thread(target=register, args=(number,)) for number in range(places)]
    for thread in held:
        thread.start()
    for _ in held:
        assert begun.acquire(timeout=PATIENCE_S)
    assert admin.refusal(calls.VERIFY_JOURNAL, VerifyJournalRequest()).reason == "TOO_BUSY"
    with admin.client() as registry:
        assert registry.apply(registry.plan({"route": "fraud", "split": {"fraud/1": 1}})).has_changed
    go_on.set()
    for thread in held:
        thread.join(PATIENCE_S)
    with admin.client() as registry:
        assert [model.name for model in registry.list_models()] == ["fraud", *(f"m{n}" for n in range(places))]


def test_what_is_on_its_way_is_bounded_however_large_the_upload(admin, monkeypatch):
    chunk, count = bytes(1 << 20), 96
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(chunk)
    sent, written, most = 0, 0, 0
    write = FolderUpload.write

    def slowly(self, given):
        nonlocal written
        write(self, given)
        for _ in range(4):
            hashlib.sha256(given)
        written += 1

    def messages():
        nonlocal sent, most
        yield head(f"sha256:{digest.hexdigest()}", count << 20)
        for _ in range(count):
            sent += 1
            most = max(most, sent - written)
            yield UploadBlobRequest(chunk=chunk)

    monkeypatch.setattr(FolderUpload, "write", slowly)
    upload(admin, messages())
    assert written == count
    assert most < count / 2


@pytest.mark.parametrize(
    "name, code, reason",
    [
        (f"blobs/{DIGEST}", "NOT_FOUND", "BLOB_MISSING"),
        ("blobs/../../registry.db", "INVALID_ARGUMENT", "NAME_REFUSED"),
        ("blobs/sha256:" + "A" * 64, "INVALID_ARGUMENT", "NAME_REFUSED"),
        ("/etc/passwd", "INVALID_ARGUMENT", "NAME_REFUSED"),
    ],
)
def test_only_bytes_that_are_there_come_out(admin, name, code, reason):
    call = admin.channel.unary_stream(calls.DOWNLOAD_BLOB.path)
    request = DownloadBlobRequest(name=name).SerializeToString()
    metadata = [("authorization", f"Bearer {admin.tokens['ann']}")]
    with pytest.raises(grpc.RpcError) as raised:
        list(call(request, timeout=PATIENCE_S, metadata=metadata))
    refusal = Refusal.of(raised.value)
    assert (refusal.code, refusal.reason) == (code, reason)


def test_bytes_that_changed_on_the_disk_are_named_when_they_come_out(admin):
    upload(admin, [head(), *CHUNKS])
    path = admin.folder / "artifacts/blobs/sha256" / DIGEST.removeprefix("sha256:")
    path.chmod(0o600)
    path.write_bytes(bytes(len(CONTENT)))
    with admin.client() as registry, pytest.raises(RegistryDamaged):
        list(registry._connection.receive(calls.DOWNLOAD_BLOB, DownloadBlobRequest(name=f"blobs/{DIGEST}")))


def test_what_was_not_begun_is_sent_again(admin, monkeypatch):
    identify, failures = tokens.identify, [RegistryUnavailable("busy", reason="STORE_BUSY")] * 2

    def sometimes(*given):
        if failures:
            raise failures.pop()
        return identify(*given)

    monkeypatch.setattr("tidegate.services.tokens.identify", sometimes)
    with admin.client() as registry:
        upload_missing(registry._connection, [piece_of_evidence("card", CONTENT)], progress=None)
    assert admin.blobs.has(DIGEST)


def test_a_change_whose_answer_was_lost_is_made_once(admin, monkeypatch):
    apply, lost = plans.apply, [True]

    def loses_its_answer(*given, **named):
        receipt = apply(*given, **named)
        if lost:
            lost.pop()
            raise RegistryUnavailable("the line broke", reason="LINE_BROKE")
        return receipt

    monkeypatch.setattr("tidegate.services.plans.apply", loses_its_answer)
    with admin.client() as registry:
        applied = registry.apply(registry.plan({"route": "fraud", "split": {"fraud/1": 1}}))
        assert (applied.has_changed, applied.route.generation) == (True, 1)
        assert [entry.action for entry in registry.journal(limit=2)].count("routes.apply") == 1


def test_bytes_that_were_collected_on_the_way_are_uploaded_again(admin, monkeypatch, tmp_path):
    missing, lies = artifacts.missing, [True]
    monkeypatch.setattr(
        "tidegate.services.artifacts.missing", lambda *given: [] if lies and lies.pop() else missing(*given)
    )
    with admin.client() as registry:
        assert registry.register("fraud", model_file(tmp_path, 77)).version.name == "fraud/4"
