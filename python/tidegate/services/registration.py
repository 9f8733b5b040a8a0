"""Registers versions: files that can change an answer, and what is said about them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tidegate.blobs import Blobs
from tidegate.core import evidence as forms
from tidegate.core.canonical import digest
from tidegate.core.evidence import MOST_BYTES, Dataset, Run
from tidegate.core.manifests import (
    EMPTY_CONFIG,
    EXTERNAL,
    Evidence,
    File,
    Manifest,
    files_digest,
    of_evidence,
    of_version,
)
from tidegate.core.names import ModelName, VersionName, check_digest
from tidegate.core.versions import State
from tidegate.errors import InputRefused, Violation
from tidegate.errors.disks import needing_room
from tidegate.services.artifacts import download
from tidegate.services.inspection import inspect
from tidegate.services.registry import Caller, Change, Receipt, Registry
from tidegate.stores import artifacts, models
from tidegate.stores.artifacts import Edge
from tidegate.stores.models import Model, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is to be registered; all bytes are uploaded."""

    model: ModelName
    files: tuple[File, ...]
    evidence: tuple[tuple[Evidence, File], ...] = ()
    owner: str = ""
    contact: str = ""
    runbook: str = ""


class Said(NamedTuple):
    """A piece of evidence."""

    kind: Evidence
    manifest: Manifest
    form: Any


def register(registry: Registry, blobs: Blobs, caller: Caller, registration: Registration) -> Receipt:
    """Makes a version of some files, or finds the one that has them, and attaches what is said about it.

    Returns:
        `version`, its number; `created`, whether it is new; `digest`; `attached`, the digests of evidence that is new.

    Raises:
        InputRefused: Bytes are missing, the model is unsound, or evidence has another form; all reasons are named.
        Forbidden: The caller may not.
    """
    registry.permit(caller, "versions.register", str(registration.model))
    uploads = [(file.path, file.digest) for file in (*registration.files, *(file for _, file in registration.evidence))]
    _check_uploaded(blobs, uploads)
    said = [(kind, file, _read(blobs, kind, file)) for kind, file in registration.evidence]
    uploads += [(f"copy of {form.name}", copy) for _, _, form in said for copy in _copies(form)]
    _check_uploaded(blobs, uploads)
    signature = _signature(registry, blobs, registration.files)
    version = of_version(registration.files, signature)
    blobs.put(EMPTY_CONFIG)
    attached = [Said(kind, of_evidence(kind, file, subject=version), form) for kind, file, form in said]
    for manifest in (version, *(said.manifest for said in attached)):
        blobs.put(manifest.body)

    def work(change: Change) -> Receipt:
        # Once more: garbage may have been collected since, and is collected inside of changes only.
        _check_uploaded(blobs, uploads)
        found = models.version_of(change.connection, registration.model, version.digest)
        number = _add(change, registration, version, signature) if found is None else found.name.number
        name = registration.model.version(number)
        new = [said.manifest.digest for said in attached if _attach(change, name, said)]
        return {"version": number, "created": found is None, "digest": version.digest, "attached": new}

    return registry.change(caller, work)


def materialise(blobs: Blobs, files: Sequence[File], folder: Path) -> None:
    """Writes files into a folder, checking each against its digest.

    Copies, never links: a model's file that somebody edits must not be the registry's, and checkers refuse links.

    Raises:
        Missing: Bytes are not there.
        RegistryDamaged: Bytes are not what they were.
    """
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            target.writelines(download(blobs, file.digest))


def _check_uploaded(blobs: Blobs, files: Sequence[tuple[str, str]]) -> None:
    missing = tuple(
        Violation(path, f"{check_digest(wanted)} is not uploaded") for path, wanted in files if not blobs.has(wanted)
    )
    if missing:
        raise InputRefused(
            f"{len(missing)} of {len(files)} files are not uploaded: {', '.join(path for path, _ in missing)}.",
            reason="BYTES_MISSING",
            violations=missing,
        )


def _read(blobs: Blobs, kind: Evidence, file: File) -> Any:
    return forms.read(kind, blobs.read(file.digest, MOST_BYTES))


def _signature(registry: Registry, blobs: Blobs, files: Sequence[File]) -> dict[str, Any]:
    """What the model takes and gives; files that were registered before have been looked into before."""
    # Nothing was checked yet of what the manifest says: only files with safe paths are written anywhere.
    of_version(files, {})
    with registry.reading() as connection:
        known = models.signature_of(connection, files_digest(files))
    if known is not None:
        return known
    again = "register again; nothing was registered"
    with (
        needing_room(Path(tempfile.gettempdir()), again),
        tempfile.TemporaryDirectory(prefix="tidegate-check-") as folder,
    ):
        materialise(blobs, files, Path(folder))
        inspected = inspect(Path(folder))
    unused = sorted(file.path for file in files if file.media_type == EXTERNAL and file.path not in inspected.external)
    if unused:
        raise InputRefused(
            f"The model does not use {', '.join(unused)}: leave out what cannot change an answer.",
            reason="FILES_UNUSED",
            violations=tuple(Violation(path, "is no external data of the model") for path in unused),
        )
    return inspected.signature


def _add(change: Change, registration: Registration, manifest: Manifest, signature: dict[str, Any]) -> int:
    model = models.get_model(change.connection, registration.model) or _new_model(change, registration)
    name = model.name.version(model.next_number)
    after = {"digest": manifest.digest, "state": State.REGISTERED.value, "signature": signature}
    seq = change.enter("versions.register", str(name), after=after)
    models.put_model(change.connection, replace(model, next_number=model.next_number + 1, seq=seq))
    _keep(change, manifest, seq)
    models.add_version(
        change.connection,
        Version(
            name=name,
            artifact=manifest.digest,
            files=files_digest(manifest.files),
            signature=signature,
            state=State.REGISTERED,
            state_reason="",
            create_us=change.now_us,
            seq=seq,
        ),
    )
    return name.number


def _new_model(change: Change, registration: Registration) -> Model:
    about = {"owner": registration.owner, "contact": registration.contact, "runbook": registration.runbook}
    seq = change.enter("models.create", str(registration.model), after=about)
    model = Model(name=registration.model, next_number=1, create_us=change.now_us, seq=seq, **about)
    models.put_model(change.connection, model)
    return model


def _attach(change: Change, name: VersionName, said: Said) -> bool:
    manifest = said.manifest
    if artifacts.get(change.connection, manifest.digest) is not None:
        return False
    after = {"kind": said.kind.word, "digest": manifest.digest, "content": manifest.files[0].digest}
    seq = change.enter("versions.attach", str(name), after=after)
    _keep(change, manifest, seq, *_copies(said.form))
    artifacts.link(change.connection, _edges(said), seq)
    return True


def _copies(form: Any) -> list[str]:
    """The bytes of what a piece of evidence is about, where the registry keeps them."""
    return [form.copy_digest] if isinstance(form, Dataset) and form.copy_digest else []


def _keep(change: Change, manifest: Manifest, seq: int, *beside: str) -> None:
    # The empty configuration too: readers of OCI images fetch it, though it says nothing.
    blobs = [manifest.digest, digest(EMPTY_CONFIG), *(file.digest for file in manifest.files), *beside]
    artifacts.add(change.connection, manifest, blobs=blobs, now_us=change.now_us, seq=seq)


def _edges(said: Said) -> list[Edge]:
    """What was made of what, by the digests of contents: the same run or dataset has one name wherever it is attached."""
    content, form = said.manifest.files[0].digest, said.form
    edges = [Edge(said.manifest.subject or "", said.kind.word, content)]
    if isinstance(form, Run):
        edges += [Edge(content, use.role, use.digest) for use in form.datasets]
        edges += [Edge(content, "parent", form.parent)] if form.parent else []
    if isinstance(form, Dataset):
        edges.append(Edge(content, "content", form.digest))
    return edges
