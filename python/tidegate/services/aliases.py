"""Names that point to a version, and may point to another tomorrow."""

from sqlalchemy import Connection

from tidegate.core.names import ModelName, check_id
from tidegate.core.routes import versions_of
from tidegate.errors import InputRefused, Missing
from tidegate.services.models import known as known_model
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.services.versions import resolve
from tidegate.stores import heads, models
from tidegate.stores.models import Alias


def set_alias(
    registry: Registry, caller: Caller, model: ModelName, alias: str, reference: str, *, etag: str = ""
) -> Receipt:
    """Has an alias point to a version. Traffic does not move by it: routes keep what they were resolved to.

    Returns:
        `version`, the number; `before`, the number that it pointed to, or None; `routes`, those that were written with
        the alias and still serve another version.

    Raises:
        Missing: There is no such version.
        InputRefused: It is a version of another model.
        ChangeConflict: The alias has another etag.
    """
    check_id(alias, "an alias")

    def work(change: Change) -> Receipt:
        connection = change.connection
        version = resolve(connection, reference)
        if version.name.model != model:
            raise InputRefused(
                f"{reference} is no version of {model.short}: an alias points to versions of its own model.",
                reason="ALIAS_OF_ANOTHER_MODEL",
                alias=model.alias(alias),
            )
        known = models.get_alias(connection, model, alias)
        check_etag(etag, 0 if known is None else known.seq, model.alias(alias))
        before = None if known is None else {"version": known.number}
        after = {"version": version.name.number}
        if before != after:
            seq = change.enter("aliases.set", model.alias(alias), before=before, after=after)
            models.put_alias(connection, Alias(model=model, alias=alias, number=version.name.number, seq=seq))
        routes = [
            scope
            for scope, document, content in heads.documents_under(connection, f"projects/{model.project}/environments/")
            if f"{model.short}@{alias}" in _references(document)
            and content["route"] is not None
            and version.name.short not in versions_of(content["route"])
        ]
        return {
            "version": version.name.number,
            "before": None if known is None else known.number,
            "routes": routes,
        }

    return registry.change(caller, work)


def remove_alias(registry: Registry, caller: Caller, model: ModelName, alias: str, *, etag: str = "") -> Receipt:
    """Has an alias point nowhere.

    Returns:
        `before`, the number that it pointed to.

    Raises:
        Missing: There is none.
        ChangeConflict: It has another etag.
    """

    def work(change: Change) -> Receipt:
        known = _known(change.connection, model, alias)
        check_etag(etag, known.seq, model.alias(alias))
        change.enter("aliases.remove", model.alias(alias), before={"version": known.number})
        models.remove_alias(change.connection, model, alias)
        return {"before": known.number}

    return registry.change(caller, work)


def get(registry: Registry, model: ModelName, alias: str) -> Alias:
    """An alias of a model.

    Raises:
        Missing: There is none.
    """
    with registry.reading() as connection:
        return _known(connection, model, alias)


def list_aliases(registry: Registry, model: ModelName) -> list[Alias]:
    """Every alias of a model, in the order of names.

    Raises:
        Missing: There is no such model.
    """
    with registry.reading() as connection:
        known_model(connection, model)
        return models.list_aliases(connection, model)


def _known(connection: Connection, model: ModelName, alias: str) -> Alias:
    known = models.get_alias(connection, model, alias)
    if known is None:
        raise Missing(f"{model.short} has no alias {alias!r}.", reason="ALIAS_MISSING", alias=model.alias(alias))
    return known


def _references(value: object) -> set[str]:
    """Every text in a document, keys included: a reference is written nowhere else."""
    match value:
        case str():
            return {value}
        case dict():
            return {reference for pair in value.items() for part in pair for reference in _references(part)}
        case list():
            return {reference for item in value for reference in _references(item)}
        case _:
            return set()
