"""A version as a manifest of OCI: the files that can change an answer, by digest; what is said about it is attached.

The form is that of the OCI image specification, version 1.1, so that `oras`, `skopeo` and Kubernetes' image volumes read it.
The digest of the manifest's bytes is the version's; the same files give the same bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

from tidegate.core.canonical import canonical, digest
from tidegate.core.names import check_digest
from tidegate.errors import InputRefused, Violation

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG = b"{}"
MODEL = "application/vnd.tidegate.model.v1"
"""The artifact type of a version."""
MODEL_FILE = "model.onnx"
PATH = "org.opencontainers.image.title"
"""The annotation that has a file's path."""
REFERENCE = "org.opencontainers.image.ref.name"
"""The annotation under which tools find a version in an index."""
MOST_FILES = 10_000
MOST_PATH_BYTES = 1_024

ONNX = "application/vnd.onnx.model"
EXTERNAL = "application/vnd.onnx.external-data"
PROCESSING = "application/vnd.tidegate.processing+json"
"""Settings of pre- and postprocessing."""
FILE_TYPES = frozenset({ONNX, EXTERNAL, PROCESSING})
"""What may be in a version. What is a program when it is read, such as a pickle, is none of it."""


class Evidence(Enum):
    """What is said about a version, by the artifact type of its manifest."""

    PROFILE = "application/vnd.tidegate.profile.v1+json"
    METRICS = "application/vnd.tidegate.metrics.v1+json"
    CARD = "application/vnd.tidegate.card.v1+markdown"
    RUN = "application/vnd.tidegate.run.v1+json"
    DATASET = "application/vnd.tidegate.dataset.v1+json"

    @property
    def word(self) -> str:
        """As people say it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class File:
    """A file of a version, or one piece of evidence."""

    path: str
    digest: str
    size_bytes: int
    media_type: str

    def descriptor(self) -> dict[str, Any]:
        """As a manifest says it."""
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size_bytes,
            "annotations": {PATH: self.path},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The bytes of a manifest, and what they are of."""

    body: bytes
    kind: str
    files: tuple[File, ...]
    subject: str | None

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return digest(self.body)

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


def of_version(files: Sequence[File], signature: Any) -> Manifest:
    """The manifest of a version.

    Args:
        files: Everything that can change an answer.
        signature: Inputs and outputs as JSON; it follows from the model, and stands here for readers.

    Raises:
        InputRefused: The files are none of a version; all reasons are named.
    """
    violations = _faults(files)
    if violations:
        raise InputRefused(
            "These files are no version: " + "; ".join(f"{path}: {reason}" for path, reason in violations) + ".",
            reason="FILES_REFUSED",
            violations=tuple(violations),
        )
    annotations = {"dev.tidegate.signature": canonical(signature).decode()}
    return _manifest(MODEL, sorted(files), annotations=annotations)


def of_evidence(kind: Evidence, file: File, *, subject: Manifest) -> Manifest:
    """The manifest that attaches evidence to a version."""
    return _manifest(kind.value, [file], subject=subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A manifest as an index lists it."""

    digest: str
    size_bytes: int
    """Of the manifest itself."""
    kind: str
    reference: str | None
    """Such as `fraud/3`; None for what is attached to a version."""


def index_of(listed: Iterable[Listed]) -> bytes:
    """The index of an OCI image layout: every manifest, and the names under which tools find versions."""
    manifests = []
    for each in listed:
        descriptor = {
            "mediaType": MANIFEST,
            "digest": each.digest,
            "size": each.size_bytes,
            "artifactType": each.kind,
        }
        if each.reference is not None:
            descriptor["annotations"] = {REFERENCE: each.reference}
        manifests.append(descriptor)
    # Nobody hashes it, and it may have a hundred thousand lines.
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, separators=(",", ":")).encode()


def files_digest(files: Sequence[File]) -> str:
    """The digest under which a gateway knows the same files.

    That of one line a file, `<sha256>  <path>`, sorted: what `sha256sum` prints.
    """
    lines = sorted(f"{file.path}\n{file.digest.removeprefix('sha256:')}" for file in files)
    listed = "".join(f"{line.partition(chr(10))[2]}  {line.partition(chr(10))[0]}\n" for line in lines)
    return f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def _manifest(
    kind: str, files: Sequence[File], *, subject: Manifest | None = None, annotations: dict[str, str] | None = None
) -> Manifest:
    fields: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": {"mediaType": EMPTY, "digest": digest(EMPTY_CONFIG), "size": len(EMPTY_CONFIG)},
        "layers": [file.descriptor() for file in files],
    }
    if subject is not None:
        fields["subject"] = {"mediaType": MANIFEST, "digest": subject.digest, "size": len(subject.body)}
    if annotations:
        fields["annotations"] = annotations
    body = canonical(fields)
    return Manifest(body=body, kind=kind, files=tuple(files), subject=None if subject is None else subject.digest)


def _faults(files: Sequence[File]) -> list[Violation]:
    found = []
    if len(files) > MOST_FILES:
        return [Violation("", f"there are {len(files):,}, at most {MOST_FILES:,} are allowed")]
    paths = [file.path for file in files]
    if MODEL_FILE not in paths:
        found.append(Violation("", f"there is no {MODEL_FILE} among them"))
    for file in files:
        reason = _fault(file, paths)
        if reason:
            found.append(Violation(file.path[:MOST_PATH_BYTES], reason))
    return found


def _fault(file: File, paths: Sequence[str]) -> str | None:
    check_digest(file.digest)
    path = PurePosixPath(file.path)
    if not file.path or len(file.path.encode()) > MOST_PATH_BYTES or "\\" in file.path or not file.path.isprintable():
        return f"a path has 1 to {MOST_PATH_BYTES} printable bytes and no backslash"
    if path.is_absolute() or ".." in path.parts or str(path) != file.path or any(part[0] == "." for part in path.parts):
        return "a path stays in the folder of its version, and no part of it begins with a dot"
    if paths.count(file.path) > 1:
        return "is there twice"
    if file.size_bytes < 0:
        return f"has a size of {file.size_bytes} bytes"
    if file.media_type not in FILE_TYPES:
        return f"{file.media_type} may not be in a version; {', '.join(sorted(FILE_TYPES))} may"
    if (file.media_type == ONNX) is not (file.path == MODEL_FILE):
        return f"the one file of type {ONNX} is {MODEL_FILE}"
    return None
