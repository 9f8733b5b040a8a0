"""Has a gateway in this process serve what the control plane publishes: fetches what is missing, and applies the rest."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from tidegate.config import Document
from tidegate.core.manifests import PATH
from tidegate.core.publications import Place, Publication, check_order, document_of, folder_of
from tidegate.errors import Missing, RegistryDamaged, RegistryError, RegistryUnavailable
from tidegate.errors.disks import NO_ROOM

PROFILE = "profile.json"
OBEYED = "obeyed.json"
"""What the gateway has obeyed last; gone when it is to obey another registry."""
_MARKS = ".fetched"
_FETCHING = ".fetching"
_MOST_MANIFEST_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20


class Agent:
    """Keeps the repository of a gateway as publications want it, and says what they mean for it."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        folder: Path,
        fetch: Callable[[str], BinaryIO],
        report: Callable[[str, str], None],
    ) -> None:
        """Takes the folder of a gateway.

        Args:
            settings: Of the gateway document, without what publications say.
            folder: What the document's relative paths start from.
            fetch: Opens bytes by digest.
            report: Told of what goes wrong: an event and its reason.

        Raises:
            RegistryUnavailable: The folder cannot be written to.
        """
        self.absent: dict[str, RegistryError] = {}
        """Versions of the newest publication whose files are not there, and why."""
        self._settings = settings
        self._folder = folder
        self._repository = folder / str(settings["repository"])
        self._marks = self._repository / _MARKS
        with _explained(folder):
            self._marks.mkdir(parents=True, exist_ok=True)
            self._sweep()
        self._obeyed = _read_place(folder / OBEYED)
        self._fetch = fetch
        self._report = report

    def prepare(self, publication: Publication, versions: Mapping[str, Mapping[str, Any] | None] | None = None) -> None:
        """Fetches what a publication names and is not there.

        A version whose bytes cannot be fetched stays away: the gateway refuses its routes by name, and no others.

        Args:
            publication: What is to be served.
            versions: What of it may not be there; all of it by default.

        Raises:
            ChangeRefused: It is older than what was obeyed, or of another registry.
        """
        check_order(self._obeyed, publication.place)
        for version, pinned in (publication.versions if versions is None else versions).items():
            known = self.absent.pop(version, None)
            try:
                if pinned is not None:
                    with _explained(self._folder):
                        self._materialise(version, pinned)
            except (Missing, RegistryDamaged, RegistryUnavailable) as error:
                self.absent[version] = error
                if str(known) != str(error):
                    self._report("fetch_failed", f"{version}: {error}")

    def document(self, publication: Publication) -> Document:
        """The document that a publication means."""
        # Every part of it is filled in already.
        fields = document_of(publication, self._settings)
        return Document(path=self._folder / "publication.json", fields=fields, text="")

    def obeyed(self, publication: Publication) -> None:
        """Remembers what the gateway has taken up.

        Raises:
            RegistryUnavailable: The folder cannot be written to.
        """
        fresh = self._folder / f"{OBEYED}.new"
        with _explained(self._folder):
            fresh.write_text(json.dumps(asdict(publication.place)))
            fresh.replace(self._folder / OBEYED)
        self._obeyed = publication.place

    def prune(self, publication: Publication) -> list[str]:
        """Gives up the files of versions that a publication does not name, and says which.

        Raises:
            RegistryUnavailable: The folder cannot be written to.
        """
        kept = {folder_of(version) for version in publication.versions}
        gone = []
        for mark in sorted(self._marks.glob("*/*")):
            version = f"{mark.parent.name}/{mark.name}"
            if version not in kept:
                # First the mark: files of which some are gone already must not count as fetched.
                with _explained(self._folder):
                    mark.unlink(missing_ok=True)
                shutil.rmtree(self._repository / version, ignore_errors=True)
                gone.append(version)
        return gone

    def _sweep(self) -> None:
        """Gives up what a process that was killed has left half fetched or half given up."""
        shutil.rmtree(self._repository / _FETCHING, ignore_errors=True)
        for folder in self._repository.glob("[!.]*/*"):
            if not (self._marks / folder.parent.name / folder.name).is_file():
                shutil.rmtree(folder)

    def _materialise(self, version: str, pinned: Mapping[str, Any]) -> None:
        folder = self._repository / folder_of(version)
        mark = self._marks / folder_of(version)
        wanted = json.dumps({"digest": pinned["digest"], "profile": pinned["profile"]}, sort_keys=True)
        if folder.is_dir() and mark.is_file() and mark.read_text() == wanted:
            return
        fresh = self._repository / _FETCHING / f"{folder.parent.name}-{folder.name}"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._fetch_into(fresh, pinned)
            # Whole or not at all: a gateway that starts now finds the old files, the new ones, or none.
            mark.parent.mkdir(exist_ok=True)
            mark.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(exist_ok=True)
            fresh.rename(folder)
            mark.write_text(wanted)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _fetch_into(self, fresh: Path, pinned: Mapping[str, Any]) -> None:
        fresh.mkdir(parents=True)
        manifest = json.loads(self._read(pinned["digest"]))
        for layer in manifest["layers"]:
            self._write(fresh / layer["annotations"][PATH], layer["digest"])
        if pinned["profile"] is not None:
            self._write(fresh / PROFILE, pinned["profile"])

    def _read(self, digest: str) -> bytes:
        with self._fetch(digest) as source:
            content = source.read(_MOST_MANIFEST_BYTES)
        _check(digest, hashlib.sha256(content).hexdigest())
        return content

    def _write(self, path: Path, digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = hashlib.sha256()
        with self._fetch(digest) as source, path.open("xb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                found.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        _check(digest, found.hexdigest())


def _read_place(path: Path) -> Place | None:
    return Place(**json.loads(path.read_text())) if path.exists() else None


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_full = error.errno in NO_ROOM
        advice = "make room on its disk" if is_full else "let the process write there"
        raise RegistryUnavailable(
            f"{error.filename or folder} cannot be written ({error.strerror}): {advice}; it is tried again by itself.",
            reason="DISK_FULL" if is_full else "FOLDER_UNWRITABLE",
            path=str(folder),
        ) from error


def _check(digest: str, found: str) -> None:
    if digest != f"sha256:{found}":
        raise RegistryDamaged(
            f"The bytes that came as {digest} are sha256:{found}: they are not served.",
            reason="BLOB_DAMAGED",
            digest=digest,
        )
