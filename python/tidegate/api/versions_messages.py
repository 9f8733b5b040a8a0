"""Between versions of core and those of `tidegate.v1`."""

from collections.abc import Sequence
from typing import Any

from tidegate.core.manifests import PATH, Evidence, File
from tidegate.core.versions import State
from tidegate.services.versions import Dossier
from tidegate.stores.artifacts import Artifact
from tidegate.stores.models import Version
from tidegate.v1 import version_pb2 as messages

_STATES = {
    State.REGISTERED: messages.Version.REGISTERED,
    State.RETIRED: messages.Version.RETIRED,
    State.QUARANTINED: messages.Version.QUARANTINED,
}
_KINDS = {
    Evidence.PROFILE: messages.Evidence.PROFILE,
    Evidence.METRICS: messages.Evidence.METRICS,
    Evidence.CARD: messages.Evidence.CARD,
    Evidence.RUN: messages.Evidence.RUN,
    Evidence.DATASET: messages.Evidence.DATASET,
}
_EVIDENCE = {kind: evidence for evidence, kind in _KINDS.items()}


def version_message(version: Version) -> messages.Version:
    """A version as lists have it."""
    message = messages.Version(
        name=str(version.name),
        digest=version.artifact,
        files_digest=version.files,
        state=_STATES[version.state],
        state_reason=version.state_reason,
        etag=str(version.seq),
    )
    for side in ("inputs", "outputs"):
        for tensor in version.signature[side]:
            getattr(message.signature, side).add(**tensor)
    message.create_time.FromMicroseconds(version.create_us)
    return message


def dossier_message(dossier: Dossier, routes: Sequence[str]) -> messages.Version:
    """A version with everything that is known of it."""
    message = version_message(dossier.version)
    message.size_bytes = dossier.manifest.size_bytes
    message.aliases.extend(dossier.aliases)
    message.routes.extend(routes)
    for layer in dossier.manifest.manifest["layers"]:
        message.files.append(_file_message(layer))
    for artifact in dossier.evidence:
        message.evidence.append(_evidence_message(artifact))
    for edge in dossier.made_of:
        message.edges.add(source=edge.source, role=edge.role, target=edge.target)
    return message


def file_of(message: messages.File) -> File:
    """A file as it came."""
    return File(path=message.path, digest=message.digest, size_bytes=message.size_bytes, media_type=message.media_type)


def evidence_of(message: messages.Evidence) -> tuple[Evidence, File]:
    """A piece of evidence as it came."""
    return _EVIDENCE[message.kind], file_of(message.file)


def _evidence_message(artifact: Artifact) -> messages.Evidence:
    message = messages.Evidence(
        kind=_KINDS[Evidence(artifact.kind)],
        file=_file_message(artifact.manifest["layers"][0]),
        digest=artifact.digest,
    )
    message.create_time.FromMicroseconds(artifact.create_us)
    return message


def _file_message(layer: dict[str, Any]) -> messages.File:
    return messages.File(
        path=layer["annotations"][PATH],
        digest=layer["digest"],
        size_bytes=layer["size"],
        media_type=layer["mediaType"],
    )
