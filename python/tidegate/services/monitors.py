"""What is watched for drift, revisioned like routes, and apart from them: who watches changes no answer."""

from typing import Any

from tidegate.core.canonical import digest_of
from tidegate.core.documents import fill_in
from tidegate.core.names import RouteName
from tidegate.core.revisions import Cause
from tidegate.errors import DocumentRefused, InputRefused, Missing, Violation
from tidegate.services import heads as scopes
from tidegate.services.heads import Swap
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.stores import heads
from tidegate.stores.heads import Head, StoredRevision


def scope_of(name: RouteName) -> str:
    """The full name of the monitor of a route."""
    return f"projects/{name.project}/environments/{name.environment}/monitors/{name.route}"


def apply(registry: Registry, caller: Caller, name: RouteName, document: dict[str, Any], *, etag: str = "") -> Receipt:
    """Watches a route as a document says, from now on.

    Args:
        registry: The registry.
        caller: Who asks.
        name: The route.
        document: What stands under `monitors.<route>` in a gateway document.
        etag: Of the monitor as the caller has seen it; empty if any will do.

    Raises:
        InputRefused: The document breaks rules; all places are named.
        ChangeConflict: The monitor has another etag.
    """
    scope = scope_of(name)
    try:
        content = fill_in({"monitors": {name.route: document}})["monitors"][name.route]
    except DocumentRefused as error:
        violations = tuple(
            Violation(path.removeprefix(f"monitors.{name.route}").removeprefix("."), reason)
            for path, reason, _ in error.violations
        )
        sentences = "; ".join(f"{path}: {reason}" for path, reason in violations)
        raise InputRefused(
            f"The monitor is refused: {sentences}.", reason="MONITOR_REFUSED", violations=violations
        ) from None

    def work(change: Change) -> Receipt:
        known = heads.get(change.connection, scope)
        check_etag(etag, 0 if known is None else known.seq, scope)
        if known is not None:
            current = heads.revision_of(change.connection, scope, known.revision)
            if current.digest == digest_of(content):
                return {"revision": known.revision, "generation": known.generation, "changed": False}
        head = scopes.revise(change, Swap(scope=scope, cause=Cause.APPLY), document, content)
        return {"revision": head.revision, "generation": head.generation, "changed": True}

    return registry.change(caller, work)


def get(registry: Registry, name: RouteName) -> tuple[Head, StoredRevision]:
    """What is watched of a route now.

    Raises:
        Missing: Nothing is.
    """
    scope = scope_of(name)
    with registry.reading() as connection:
        head = heads.get(connection, scope)
        if head is None:
            raise Missing(f"Nothing of {name.short} is watched.", reason="MONITOR_MISSING", monitor=scope)
        return head, heads.revision_of(connection, scope, head.revision)


def list_monitors(
    registry: Registry, project: str, environment: str, *, after: str = "", limit: int = 50
) -> list[tuple[Head, StoredRevision]]:
    """What is watched in an environment, in the order of names, behind an id."""
    prefix = f"projects/{project}/environments/{environment}/monitors/"
    with registry.reading() as connection:
        found = heads.list_under(connection, prefix, after=prefix + after, limit=limit)
        return [(head, heads.revision_of(connection, head.scope, head.revision)) for head in found]
