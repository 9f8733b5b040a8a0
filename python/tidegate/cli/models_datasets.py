"""The datasets that are typed with `tidegate models register`: files that are described, or descriptions as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.cli.files import read_json
from tidegate.cli.output import BadInput
from tidegate.cli.pairs import pairs
from tidegate.errors import TidegateError

ROLES = ("train", "validation", "test", "calibration", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A dataset as the registry takes it."""

    document: dict[str, Any]
    copy: Path | None
    """The file of which the registry keeps the bytes."""


def datasets_of(typed: Sequence[str], locators: Sequence[str], *, store_copies: bool) -> list[Described]:
    """Every dataset that was typed.

    Raises:
        BadInput: A role is unknown, a file cannot be read, or a locator is of none.
    """
    places = pairs(locators, "--locator")
    found = [_described(*_split(text), places, store_copies=store_copies) for text in typed]
    roles = {each.document.get("split", "") for each in found}
    if strangers := [role for role in places if role not in roles]:
        raise BadInput(f"--locator names {', '.join(strangers)}, and there is no --dataset {strangers[0]}=FILE.")
    return found


def _split(text: str) -> tuple[str, Path]:
    """The role and the file of `train=flights.parquet`; a path may have `=` in it."""
    role, equals, path = text.partition("=")
    if equals and role in ROLES:
        return role, Path(path)
    if equals and role.isidentifier() and not Path(text).exists():
        raise BadInput(f"--dataset {text}: {role} is no role; {', '.join(ROLES)} are.")
    return "", Path(text)


def _described(role: str, path: Path, places: dict[str, str], *, store_copies: bool) -> Described:
    if not path.exists():
        raise BadInput(f"--dataset: there is no {path}.")
    if path.suffix == ".json":
        document = read_json(str(path))
        if not isinstance(document, dict):
            raise BadInput(f"--dataset: {path} is no description of a dataset: expected a mapping.")
        return Described(document={**document, "split": role or document.get("split", "")}, copy=None)
    from tidegate.training.datasets import describe  # noqa: PLC0415  # Arrow is for those who have tables

    try:
        described = describe(
            path, name=path.name, role=role, locator=places.get(role), store_copy=store_copies and path.is_file()
        )
    except (TidegateError, ModuleNotFoundError) as error:
        raise BadInput(str(error)) from error
    return Described(document=described.document, copy=described.copy)
