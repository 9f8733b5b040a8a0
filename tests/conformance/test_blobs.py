"""What every place for bytes promises."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tidegate.blobs import open_blobs
from tidegate.errors import InputRefused, Missing, NameRefused, RegistryDamaged

PLACES = ("folder",)


@pytest.fixture(params=PLACES)
def address(request, tmp_path):
    return f"{request.param}:{tmp_path}/artifacts"


@pytest.fixture
def blobs(address):
    return open_blobs(address)


def named(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_bytes_are_there_under_their_digest(blobs, address):
    digest = blobs.put(b"hello")
    assert digest == named(b"hello")
    for place in (blobs, open_blobs(address)):
        assert place.has(digest)
        assert place.read(digest, 100) == b"hello"
        with place.open(digest) as file:
            assert file.read() == b"hello"


def test_an_upload_comes_in_pieces_and_is_there_when_it_is_kept(blobs):
    content = os.urandom(3_000_000)
    with blobs.upload(named(content), len(content)) as upload:
        for at in range(0, len(content), 1 << 20):
            upload.write(content[at : at + (1 << 20)])
        assert not blobs.has(named(content))
        kept = upload.keep()
    assert kept.digest == named(content)
    assert [found.digest for found in blobs.list()] == [named(content)]


@pytest.mark.parametrize(
    "sent, reason",
    [(b"hell", "UPLOAD_TRUNCATED"), (b"hellO", "DIGEST_WRONG"), (b"hello!", "UPLOAD_TOO_LONG")],
)
def test_other_bytes_than_announced_are_not_kept(blobs, sent, reason):
    def send():
        with blobs.upload(named(b"hello"), 5) as upload:
            upload.write(sent)
            upload.keep()

    with pytest.raises(InputRefused) as refused:
        send()
    assert refused.value.reason == reason
    assert list(blobs.list()) == []


def test_an_upload_that_is_left_leaves_nothing(blobs):
    with blobs.upload(named(b"hello"), 5) as upload:
        upload.write(b"hello")
    assert list(blobs.list()) == []


def test_the_same_bytes_may_come_again_and_at_once(blobs):
    content = os.urandom(200_000)

    def put(_):
        return blobs.put(content)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, range(32))) == {named(content)}
    assert blobs.read(named(content), 1 << 20) == content
    assert len(list(blobs.list())) == 1


def test_what_is_not_there_says_so(blobs):
    with pytest.raises(Missing):
        blobs.open(named(b"never"))
    assert not blobs.has(named(b"never"))


@pytest.mark.parametrize("digest", ["", "sha256:../../etc/passwd", "sha256:" + "AB" * 32, "md5:" + "ab" * 16])
def test_only_a_digest_names_bytes(blobs, digest):
    with pytest.raises(NameRefused):
        blobs.has(digest)


def test_bytes_that_have_changed_are_not_read(tmp_path):
    blobs = open_blobs(f"folder:{tmp_path}")
    digest = blobs.put(b"hello")
    (tmp_path / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(b"hellO")
    with pytest.raises(RegistryDamaged):
        blobs.read(digest, 100)


def test_what_was_put_again_is_not_removed(blobs):
    digest = blobs.put(b"hello")
    long_ago, just_now = time.time() - 3600, time.time() + 3600
    assert not blobs.remove(digest, untouched_since_s=long_ago)
    assert blobs.has(digest)
    assert blobs.remove(digest, untouched_since_s=just_now)
    assert not blobs.has(digest)
    assert blobs.remove(digest, untouched_since_s=just_now), "what is gone stays gone"


def test_the_folder_is_an_oci_layout(tmp_path):
    open_blobs(f"folder:{tmp_path}")
    assert (tmp_path / "oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'


def test_what_a_cut_off_upload_has_left_is_swept_once_nobody_writes_to_it(blobs, tmp_path):
    """As a killed process leaves it: the file of an upload, and one that was on its way out."""
    incoming = tmp_path / "artifacts" / "incoming"
    kept, begun_s = blobs.put(b"kept"), time.time()
    (incoming / "tmp1").write_bytes(b"half")
    (incoming / "tmp2").write_bytes(b"half of another")
    (tmp_path / "artifacts" / "blobs" / "sha256" / kept[7:]).rename(incoming / f"removed-{kept[7:]}")
    os.utime(incoming / "tmp1", (0, 0))
    assert blobs.sweep(untouched_since_s=begun_s - 60, dry_run=True) == (1, 4)
    assert blobs.sweep(untouched_since_s=begun_s - 60, dry_run=False) == (1, 4)
    assert [path.name for path in incoming.iterdir()] == ["tmp2"], "somebody may be writing to it"
    assert blobs.read(kept, 10) == b"kept", "nobody knows whether it was put again: it is looked at anew"
    assert blobs.sweep(untouched_since_s=begun_s + 60, dry_run=False) == (1, 15)
    assert list(incoming.iterdir()) == []


def test_the_index_is_replaced_whole(blobs, tmp_path):
    blobs.publish(b"one")
    blobs.publish(b"another")
    assert (tmp_path / "artifacts" / "index.json").read_bytes() == b"another"
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []
