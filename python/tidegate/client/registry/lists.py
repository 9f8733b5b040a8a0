"""What a registry has much of, page after page."""

from __future__ import annotations

import datetime as dt

from tidegate.client.registry import answers, calls, reading
from tidegate.client.registry.connection import Connection
from tidegate.client.registry.names import model_name, route_name
from tidegate.client.registry.pages import listed
from tidegate.v1 import (
    alias_service_pb2,
    journal_service_pb2,
    model_service_pb2,
    principal_service_pb2,
    route_service_pb2,
    version_service_pb2,
)


def models(connection: Connection, project: str, limit: int) -> list[answers.Model]:
    """Models in the order of their names."""
    request = model_service_pb2.ListModelsRequest(parent=f"projects/{project}")
    return listed(connection, calls.LIST_MODELS, request, items=lambda a: a.models, read=reading.model, limit=limit)


def versions(connection: Connection, model: str, limit: int) -> list[answers.Version]:
    """Versions of a model, the newest first."""
    request = version_service_pb2.ListVersionsRequest(parent=model_name(model))
    return listed(
        connection, calls.LIST_VERSIONS, request, items=lambda a: a.versions, read=reading.version, limit=limit
    )


def aliases(connection: Connection, model: str, limit: int) -> list[answers.Alias]:
    """Aliases of a model in the order of their names."""
    request = alias_service_pb2.ListAliasesRequest(parent=model_name(model))
    return listed(connection, calls.LIST_ALIASES, request, items=lambda a: a.aliases, read=reading.alias, limit=limit)


def routes(connection: Connection, environment: str, limit: int) -> list[answers.Route]:
    """Routes of an environment in the order of their names."""
    request = route_service_pb2.ListRoutesRequest(parent=environment)
    return listed(connection, calls.LIST_ROUTES, request, items=lambda a: a.routes, read=reading.route, limit=limit)


def tenures(connection: Connection, route: str, at: dt.datetime | None, limit: int) -> list[answers.Tenure]:
    """What a route was, the newest first."""
    request = route_service_pb2.ListTenuresRequest(parent=route_name(route))
    if at is not None:
        request.effective_time.FromDatetime(at)
    return listed(connection, calls.LIST_TENURES, request, items=lambda a: a.tenures, read=reading.tenure, limit=limit)


def entries(connection: Connection, resource: str, until: dt.datetime | None, limit: int) -> list[answers.Entry]:
    """Entries of the journal, the newest first."""
    request = journal_service_pb2.ListEntriesRequest(resource=resource)
    if until is not None:
        request.end_time.FromDatetime(until)
    return listed(connection, calls.LIST_ENTRIES, request, items=lambda a: a.entries, read=reading.entry, limit=limit)


def principals(connection: Connection, limit: int) -> list[answers.Principal]:
    """Everybody who may ask, or might once."""
    request = principal_service_pb2.ListPrincipalsRequest()
    return listed(
        connection, calls.LIST_PRINCIPALS, request, items=lambda a: a.principals, read=reading.principal, limit=limit
    )
