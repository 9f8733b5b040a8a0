"""Bytes in a folder that is an OCI image layout: `blobs/sha256/<hex>`."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tidegate.blobs.base import Kept
from tidegate.core.canonical import digest as digest_of_bytes
from tidegate.core.manifests import index_of
from tidegate.core.names import check_digest
from tidegate.errors import InputRefused, Missing, RegistryDamaged
from tidegate.errors.disks import needing_room

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_ADVICE = "send the bytes again; nothing of them was kept"
_GRAVE = "removed-"


class Folder:
    """See :class:`tidegate.blobs.base.Blobs`."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._incoming = folder / "incoming"
        for made in (self._blobs, self._incoming):
            made.mkdir(parents=True, exist_ok=True)
        self._index = folder / "index.json"
        layout = folder / "oci-layout"
        if not layout.exists():
            layout.write_bytes(_LAYOUT)
        if not self._index.exists():
            # A layout has an index, and one that lists nothing is valid: what is there is listed when that is asked for.
            self.publish(index_of(()))
        _sync_folder(folder)

    @contextmanager
    def upload(self, digest: str, size_bytes: int) -> "Iterator[FolderUpload]":
        """Takes bytes in under another name, and renames them when they are whole."""
        with needing_room(self._incoming, _ADVICE):
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
        path = Path(name)
        with needing_room(self._incoming, _ADVICE), os.fdopen(descriptor, "wb") as file:
            upload = FolderUpload(file, path, self._path(digest), digest, size_bytes)
            try:
                yield upload
            finally:
                path.unlink(missing_ok=True)

    def put(self, content: bytes) -> str:
        """Keeps a few bytes."""
        with self.upload(digest_of_bytes(content), len(content)) as upload:
            upload.write(content)
            return upload.keep().digest

    def has(self, digest: str) -> bool:
        """Whether the file is there."""
        return self._path(digest).is_file()

    def open(self, digest: str) -> BinaryIO:
        """The file."""
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise Missing(f"The bytes {digest} are not there.", reason="BLOB_MISSING", digest=digest) from None

    def read(self, digest: str, most_bytes: int) -> bytes:
        """The content of the file, hashed again."""
        with self.open(digest) as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes or digest_of_bytes(content) != digest:
            raise RegistryDamaged(
                f"The bytes under {digest} are others: restore them from a backup.",
                reason="BLOB_DAMAGED",
                digest=digest,
            )
        return content

    def list(self) -> Iterator[Kept]:
        """Every file; what else lies in the folder is passed over."""
        with os.scandir(self._blobs) as entries:
            for entry in entries:
                if len(entry.name) == hashlib.sha256().digest_size * 2 and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    yield Kept(f"sha256:{entry.name}", status.st_size, status.st_mtime)

    def sweep(self, *, untouched_since_s: float, dry_run: bool) -> tuple[int, int]:
        """Unlinks what lies between the two places since then; whatever was on its way out comes back, to be looked at."""
        count = size_bytes = 0
        for path in self._incoming.iterdir():
            if path.name.startswith(_GRAVE):
                # A process was killed while it removed this, and nobody knows whether it was put again meanwhile.
                if not dry_run and not (self._blobs / path.name.removeprefix(_GRAVE)).exists():
                    path.rename(self._blobs / path.name.removeprefix(_GRAVE))
                continue
            try:
                status = path.stat()
            except FileNotFoundError:
                # An upload that has ended since.
                continue
            if status.st_mtime < untouched_since_s:
                count, size_bytes = count + 1, size_bytes + status.st_size
                if not dry_run:
                    path.unlink()
        return count, size_bytes

    def publish(self, index: bytes) -> None:
        """Writes `index.json` under another name, and renames it."""
        with needing_room(self._incoming, "try again; the index before stays"):
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
            with os.fdopen(descriptor, "wb") as file:
                file.write(index)
                file.flush()
                os.fsync(file.fileno())
        Path(name).rename(self._index)
        _sync_folder(self._index.parent)

    def remove(self, digest: str, *, untouched_since_s: float) -> bool:
        """Unlinks the file, by a rename first: whoever puts the same bytes meanwhile puts a file of its own."""
        path, grave = self._path(digest), self._incoming / f"{_GRAVE}{self._path(digest).name}"
        try:
            if path.stat().st_mtime > untouched_since_s:
                return False
            path.rename(grave)
        except FileNotFoundError:
            return True
        if grave.stat().st_mtime > untouched_since_s:
            grave.rename(path)
            return False
        grave.unlink()
        return True

    def _path(self, digest: str) -> Path:
        return self._blobs / check_digest(digest).removeprefix("sha256:")


class FolderUpload:
    """See :class:`tidegate.blobs.base.Upload`."""

    def __init__(self, file: BinaryIO, path: Path, target: Path, digest: str, size_bytes: int) -> None:
        self._file = file
        self._path = path
        self._target = target
        self._digest = digest
        self._size_bytes = size_bytes
        self._hash = hashlib.sha256()
        self._taken_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Hashes and writes."""
        self._taken_bytes += len(chunk)
        if self._taken_bytes > self._size_bytes:
            raise InputRefused(
                f"{self._size_bytes:,} bytes of {self._digest} were announced, and more came.",
                reason="UPLOAD_TOO_LONG",
                digest=self._digest,
            )
        self._hash.update(chunk)
        self._file.write(chunk)

    def keep(self) -> Kept:
        """Syncs the file, renames it, and syncs the folder."""
        if self._taken_bytes != self._size_bytes:
            raise InputRefused(
                f"{self._size_bytes:,} bytes of {self._digest} were announced, and {self._taken_bytes:,} came: "
                "send all of them.",
                reason="UPLOAD_TRUNCATED",
                digest=self._digest,
            )
        found = f"sha256:{self._hash.hexdigest()}"
        if found != self._digest:
            raise InputRefused(
                f"The bytes that came are {found}, not {self._digest}: they changed on their way; send them again.",
                reason="DIGEST_WRONG",
                digest=self._digest,
                found=found,
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        status = os.fstat(self._file.fileno())
        self._path.rename(self._target)
        _sync_folder(self._target.parent)
        return Kept(self._digest, self._size_bytes, status.st_mtime)


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
