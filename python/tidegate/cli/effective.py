"""Waits until a gateway serves what the registry says of a route."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.gateways import url_of
from tidegate.cli.output import FAILED, console, fail
from tidegate.errors import GatewayError, GatewayUnreachable
from tidegate.gateway.http import read_json

if TYPE_CHECKING:
    from tidegate.client.registry import Route

LOOK_S = 0.05
"""How often a gateway is asked: a change is effective within a second, and people see a tenth."""

Wait = Annotated[
    float, typer.Option("--timeout", min=0, help="Seconds to wait until a gateway serves it; 0 does not wait.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What a gateway says of a route."""

    is_known: bool
    """Whether a gateway was asked and answered."""
    is_served: bool
    reason: str = ""
    """Why it is not served, as the gateway says."""
    after_s: float = 0.0


def wait_until_effective(route: "Route", http: str, timeout_s: float) -> Effective:
    """Asks a gateway until it serves the route as it is now, or its time is over.

    Raises:
        BadInput: The address is none.
        GatewayError: What answers there is no gateway.
    """
    base = url_of(http)
    begin_s = time.monotonic()
    reason = ""
    with console(stderr=True).status(f"waiting until {http} serves {route.name}"):
        while timeout_s:
            try:
                if _serves(read_json(base, "/snapshot"), route):
                    return Effective(is_known=True, is_served=True, after_s=time.monotonic() - begin_s)
                reason = _reason(read_json(base, "/status"), route.name)
            except GatewayUnreachable as error:
                return Effective(is_known=False, is_served=False, reason=str(error))
            if time.monotonic() - begin_s >= timeout_s:
                return Effective(is_known=True, is_served=False, reason=reason)
            time.sleep(LOOK_S)
    return Effective(is_known=False, is_served=False)


def tell(route: "Route", http: str, timeout_s: float) -> Effective:
    """Waits, and says on stderr what came of it.

    Raises:
        Exit: A gateway was asked and does not serve it.
    """
    try:
        found = wait_until_effective(route, http, timeout_s)
    except GatewayError as error:
        found = Effective(is_known=False, is_served=False, reason=str(error))
    if found.is_served:
        typer.echo(f"{http} serves it.", err=True)
    elif found.is_known:
        why = found.reason or "it does not say why; tidegate status shows what it serves"
        fail([f"The registry has it, and {http} does not serve it after {timeout_s:g} s: {why}."], FAILED)
    elif timeout_s:
        typer.echo(
            f"The registry has it; whether it is served is not known: no gateway answers at {http} (--http says where).",
            err=True,
        )
    return found


def _serves(snapshot: Any, route: "Route") -> bool:
    """Whether a snapshot has the route with the same fields and the same table."""
    wished = route.content.get("route")
    found = _mapping(_mapping(snapshot, "routes"), route.name.rpartition("/")[2])
    if wished is None:
        return not found
    served, table = _mapping(found, "route"), _mapping(found, "table")
    if not served or table.get("ranges") != wished["ranges"]:
        return False
    return _without_table(served) == _without_table(wished)


def _without_table(route: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in route.items() if name != "ranges"}


def _reason(status: Any, name: str) -> str:
    route = name.rpartition("/")[2]
    for kind in ("refused", "pending"):
        if route in (said := _mapping(status, kind)):
            return str(said[route])
    return ""


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}
