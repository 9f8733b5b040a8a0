"""The versions of a gateway's folder of models, as versions of a registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli.output import BadInput
from tidegate.client.registry.pieces import pieces_of_model
from tidegate.core.adoption import versions_named
from tidegate.errors import InputRefused, Missing

if TYPE_CHECKING:
    from tidegate.client.registry import Registered, Registry, Version
    from tidegate.config import Document

MODEL, PROFILE = "model.onnx", "profile.json"
REGISTERED, WOULD_BE, FOUND = "registered", "would be registered", "is there already"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionImport:
    """What became of one folder."""

    folder: str
    """Under the repository, which is the name that the gateway's document has for it."""
    version: str
    """What the registry calls it."""
    what: str
    has_profile: bool
    left_out: tuple[str, ...]
    """Files of the folder that cannot change an answer."""


def import_versions(registry: "Registry", document: "Document", *, reason: str, dry_run: bool) -> list[VersionImport]:
    """Registers every version that a document names, model by model, the lowest number first.

    A registry counts from 1: numbers from 1 to n of a model that is new there stay, and others become what they become.

    Raises:
        BadInput: A folder is missing; all of them are named.
        RegistryError: As it says; what was registered before stays, and is found when it is tried again.
    """
    named = versions_named(document.fields)
    missing = [
        f"{model}/{number}"
        for model, numbers in named.items()
        for number in numbers
        if not (document.repository / model / str(number) / MODEL).is_file()
    ]
    if missing:
        raise BadInput(f"{document.repository} has no {MODEL} of {', '.join(missing)}, which {document.path} names.")
    found: list[VersionImport] = []
    for model, numbers in named.items():
        folders = [document.repository / model / str(number) for number in numbers]
        found += _foreseen(registry, model, folders) if dry_run else _imported(registry, model, folders, reason)
    return found


def _imported(registry: "Registry", model: str, folders: Sequence[Path], reason: str) -> list[VersionImport]:
    found = []
    known = _known(registry, model)
    for folder in folders:
        same = _same(known, folder)
        # What is known to change no answer is not even sent.
        unused = _not_of_the_model(folder) if same is None else _others(same, folder)
        made, left_out = _register(registry, model, folder, unused, reason)
        what = REGISTERED if made.is_new else FOUND
        known.append(made.version)
        found.append(_import_of(model, folder, made.version.name, what, left_out))
    return found


def _foreseen(registry: "Registry", model: str, folders: Sequence[Path]) -> list[VersionImport]:
    found = []
    known = _known(registry, model)
    newest = max((int(version.name.rpartition("/")[2]) for version in known), default=0)
    for folder in folders:
        same = _same(known, folder)
        left_out = _not_of_the_model(folder) if same is None else _others(same, folder)
        newest += same is None
        version = f"{model}/{newest}" if same is None else same.name
        found.append(_import_of(model, folder, version, WOULD_BE if same is None else FOUND, left_out))
    return found


def _import_of(model: str, folder: Path, version: str, what: str, left_out: Sequence[str]) -> VersionImport:
    return VersionImport(
        folder=f"{model}/{folder.name}",
        version=version,
        what=what,
        has_profile=(folder / PROFILE).is_file(),
        left_out=tuple(name for name in left_out if name != PROFILE),
    )


def _register(
    registry: "Registry", model: str, folder: Path, left_out: Sequence[str], reason: str
) -> "tuple[Registered, Sequence[str]]":
    """Registers a folder without what the model does not use, which the registry alone can tell."""
    profile = folder / PROFILE if (folder / PROFILE).is_file() else None
    try:
        return registry.register(model, folder, leave_out=left_out, profile=profile, reason=reason), left_out
    except InputRefused as refused:
        if refused.reason != "FILES_UNUSED":
            raise
        left_out = sorted({*left_out, *(violation.path for violation in refused.violations)})
    return registry.register(model, folder, leave_out=left_out, profile=profile, reason=reason), left_out


def _known(registry: "Registry", model: str) -> "list[Version]":
    try:
        return [registry.show(each.name) for each in registry.list_versions(model)]
    except Missing:
        return []


def _same(known: "Sequence[Version]", folder: Path) -> "Version | None":
    """The version whose files are all in a folder; other files there change no answer."""
    digests = {piece.path: piece.digest for piece in pieces_of_model(folder)}
    return next((v for v in known if all(digests.get(file.path) == file.digest for file in v.files)), None)


def _others(version: "Version", folder: Path) -> list[str]:
    own = {file.path for file in version.files}
    return [path for path in _paths(folder) if path not in own]


def _not_of_the_model(folder: Path) -> list[str]:
    """Files that no gateway gives to a model: settings and notes, and what is hidden."""
    suffixes = (".json", ".md", ".txt", ".pbtxt", ".yaml", ".yml")
    return [path for path in _paths(folder) if path.endswith(suffixes) or any(p[0] == "." for p in path.split("/"))]


def _paths(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
