"""What is known of models and versions, and the states that versions go through."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tidegate.core.manifests import PATH, Evidence
from tidegate.core.names import ByAlias, ByDigest, ByNumber, ModelName, Reference, parse_reference
from tidegate.core.signatures import breaks
from tidegate.errors import Missing, Violation
from tidegate.services.models import known
from tidegate.services.registry import Registry
from tidegate.stores import artifacts, models
from tidegate.stores.artifacts import Artifact, Edge
from tidegate.stores.models import Version

MOST_LISTED = 1_001
"""Of one page, and one more that tells whether there is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything that is known of a version."""

    version: Version
    manifest: Artifact
    evidence: Sequence[Artifact]
    made_of: Sequence[Edge]
    aliases: Sequence[str]


def resolve(connection: Connection, reference: Reference | str) -> Version:
    """The version that a reference means now.

    Raises:
        NameRefused: It is no reference.
        Missing: There is no such version or alias.
    """
    match parse_reference(reference) if isinstance(reference, str) else reference:
        case ByNumber(name):
            found = models.get_version(connection, name)
            what = name.short
        case ByDigest(model, digest):
            found = models.version_of(connection, model, digest)
            what = f"{model.short}@{digest}"
        case ByAlias(model, alias):
            what = f"{model.short}@{alias}"
            pointer = models.get_alias(connection, model, alias)
            found = None if pointer is None else models.get_version(connection, model.version(pointer.number))
    if found is None:
        raise Missing(
            f"There is no {what}: `tidegate models list` shows what there is.", reason="VERSION_MISSING", version=what
        )
    return found


def show(registry: Registry, reference: Reference | str) -> Dossier:
    """Everything that is known of a version."""
    with registry.reading() as connection:
        version = resolve(connection, reference)
        manifest = artifacts.of(connection, version.artifact)
        evidence = artifacts.attached(connection, version.artifact)
        return Dossier(
            version=version,
            manifest=manifest,
            evidence=evidence,
            made_of=_ancestry(connection, version.artifact),
            aliases=[
                alias.alias
                for alias in models.list_aliases(connection, version.name.model)
                if alias.number == version.name.number
            ],
        )


def list_versions(registry: Registry, model: ModelName, *, before: int | None = None, limit: int = 50) -> list[Version]:
    """Versions of a model, the newest first.

    Raises:
        Missing: There is no such model.
    """
    with registry.reading() as connection:
        known(connection, model)
        return models.list_versions(connection, model, before=before, limit=min(limit, MOST_LISTED))


def list_models(registry: Registry, project: str, *, after: str = "", limit: int = 50) -> list[models.Model]:
    """Models of a project, in the order of names."""
    with registry.reading() as connection:
        return models.list_models(connection, project, after=after, limit=min(limit, MOST_LISTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two versions differ in."""

    files: Sequence[Violation]
    """By path, with how they differ."""
    signature: Sequence[Violation]
    """What callers of the old one would find otherwise."""
    evidence: Sequence[Violation]


def diff(registry: Registry, old: str, new: str) -> Difference:
    """What two versions differ in, seen from the first one."""
    ours, theirs = show(registry, old), show(registry, new)
    return Difference(
        files=_compared(_files(ours.manifest), _files(theirs.manifest)),
        signature=breaks(ours.version.signature, theirs.version.signature),
        evidence=_compared(_contents(ours.evidence), _contents(theirs.evidence)),
    )


def _ancestry(connection: Connection, digest: str) -> list[Edge]:
    """What a version was made of, and what that was made of, each once."""
    found: list[Edge] = []
    to_look_at, seen = [digest], {digest}
    while to_look_at and len(found) < MOST_LISTED:
        edges = artifacts.made_of(connection, to_look_at.pop(0))
        found += edges
        new = [edge.target for edge in edges if edge.target not in seen]
        seen.update(new)
        to_look_at += new
    return found


def _files(manifest: Artifact) -> dict[str, str]:
    layers = manifest.manifest["layers"]
    return {layer["annotations"][PATH]: layer["digest"] for layer in layers}


def _contents(evidence: Sequence[Artifact]) -> dict[str, str]:
    # The newest of a kind counts.
    return {Evidence(artifact.kind).word: artifact.manifest["layers"][0]["digest"] for artifact in evidence}


def _compared(old: dict[str, str], new: dict[str, str]) -> list[Violation]:
    found = []
    for name in sorted({*old, *new}):
        if name not in new:
            found.append(Violation(name, "is not there any more"))
        elif name not in old:
            found.append(Violation(name, f"is new: {new[name]}"))
        elif old[name] != new[name]:
            found.append(Violation(name, f"was {old[name]} and is {new[name]}"))
    return found
