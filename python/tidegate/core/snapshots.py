"""What decides who answers, as a gateway says it under `/snapshot` and keeps it in `applied.json`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.routing import Range, RouteTable
from tidegate.errors import RouteUnknown, SnapshotUnreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteContent:
    """What one route says, and what its history has made of it."""

    fields: Mapping[str, Any]
    """The route as a document has it, with every default filled in."""
    table: RouteTable
    """Of its split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that decides who answers."""

    epoch: int
    fields: Mapping[str, Any]
    """All of it as JSON has it."""

    def only(self, route: str) -> dict[str, Any]:
        """The JSON with one route, which is all that a decision about this route needs.

        Raises:
            RouteUnknown: There is no such route.
        """
        routes = self.fields["routes"]
        if route not in routes:
            raise RouteUnknown(route, near=tuple(difflib.get_close_matches(route, routes)), count=len(routes))
        return {**self.fields, "routes": {route: routes[route]}}

    def content(self, route: str) -> RouteContent:
        """What one route says.

        Raises:
            RouteUnknown: There is no such route.
            SnapshotUnreadable: Nothing can be made of what there is.
        """
        written = self.only(route)["routes"][route]
        try:
            table = written["table"]
            ranges = tuple(Range(*range_) for range_ in table["ranges"])
            return RouteContent(
                fields=written["route"],
                table=RouteTable(salt=table["salt"], stable=table["stable"], ranges=ranges),
            )
        except (KeyError, TypeError) as error:
            raise SnapshotUnreadable(f"route {route} has no table") from error


def read_snapshot(value: Any) -> Snapshot:
    """The snapshot that a JSON value is.

    Raises:
        SnapshotUnreadable: It is something else.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("epoch"), int):
        raise SnapshotUnreadable("it has no epoch")
    if not isinstance(value.get("routes"), Mapping):
        raise SnapshotUnreadable("it has no routes")
    return Snapshot(epoch=value["epoch"], fields=value)
