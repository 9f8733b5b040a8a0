"""What is said of models themselves: who answers for them."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from tidegate.core.names import ModelName
from tidegate.errors import InputRefused, Missing, Violation
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.stores import models
from tidegate.stores.models import Model

ABOUT: Mapping[str, int] = {"owner": 200, "contact": 500, "runbook": 1_000}
"""What may be changed of a model, with the most characters that each may have: a line or two, not a document."""


def get(registry: Registry, name: ModelName) -> Model:
    """A model.

    Raises:
        Missing: There is none of this name.
    """
    with registry.reading() as connection:
        return known(connection, name)


def update(registry: Registry, caller: Caller, name: ModelName, about: Mapping[str, str], *, etag: str = "") -> Receipt:
    """Says who answers for a model from now on.

    Args:
        registry: The registry.
        caller: Who asks.
        name: The model.
        about: The new values of `owner`, `contact` and `runbook`; what is not said stays.
        etag: Of the model as the caller has seen it; empty if any will do.

    Returns:
        `changed`, whether there was anything to do.

    Raises:
        Missing: There is no such model.
        InputRefused: A value is too long, or a field cannot be changed.
        ChangeConflict: The model has another etag.
    """
    _check(about)

    def work(change: Change) -> Receipt:
        model = known(change.connection, name)
        check_etag(etag, model.seq, str(name))
        before, after = _about(model), {**_about(model), **about}
        if before == after:
            return {"changed": False}
        seq = change.enter("models.update", str(name), before=before, after=after)
        changed = replace(model, owner=after["owner"], contact=after["contact"], runbook=after["runbook"], seq=seq)
        models.put_model(change.connection, changed)
        return {"changed": True}

    return registry.change(caller, work)


def _check(about: Mapping[str, str]) -> None:
    violations = [
        Violation(field, f"has {len(value):,} characters, at most {ABOUT[field]:,} are allowed")
        if field in ABOUT
        else Violation(field, f"cannot be changed; {', '.join(ABOUT)} can")
        for field, value in about.items()
        if field not in ABOUT or len(value) > ABOUT[field]
    ]
    if violations:
        sentences = "; ".join(f"{path}: {reason}" for path, reason in violations)
        raise InputRefused(
            f"The model cannot be changed so: {sentences}.", reason="MODEL_REFUSED", violations=tuple(violations)
        )


def _about(model: Model) -> dict[str, str]:
    return {"owner": model.owner, "contact": model.contact, "runbook": model.runbook}


def known(connection: Connection, name: ModelName) -> Model:
    """A model that is there.

    Raises:
        Missing: It is not.
    """
    model = models.get_model(connection, name)
    if model is None:
        raise Missing(
            f"There is no model {name.short}: `tidegate models list` shows what there is.",
            reason="MODEL_MISSING",
            model=str(name),
        )
    return model
