"""Waits until the gateway serves what a route has become, and says what came of it."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.output import FAILED, console, fail

if TYPE_CHECKING:
    from tidegate.client.registry import Registry, Route

LOOK_S = 0.1
"""How often it is asked for: the registry itself has waited for ten seconds when it answers that something loads."""

STYLES = {"served": "green", "pending": "yellow", "refused": "bold red"}

Wait = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait until it is served; 0 does not wait.")]


def wait(registry: "Registry", route: "Route", timeout_s: float) -> "Route":
    """The route once it is served or refused, or its time is over, or somebody has changed it again."""
    end_s = time.monotonic() + timeout_s
    found = route
    with console(stderr=True).status(f"waiting until {route.name} is served"):
        while found.serving.state == "pending" and time.monotonic() < end_s:
            time.sleep(LOOK_S)
            found = registry.route(route.name)
            if found.generation != route.generation:
                return route
    return found


def tell(route: "Route", timeout_s: float) -> None:
    """Says on stderr whether a route is served.

    Raises:
        Exit: It is not, though that was waited for.
    """
    reason = route.serving.reason
    match route.serving.state:
        case "served":
            typer.echo("The gateway serves it.", err=True)
            if route.serving.given_up:
                typer.echo(f"! {route.serving.given_up}", err=True)
        case "refused":
            fail(
                [f"The registry has it, and the gateway cannot serve it: {reason}. It serves what was before."], FAILED
            )
        case "pending" if timeout_s:
            fail([f"The registry has it, and the gateway does not serve it yet: {reason}. It goes on loading."], FAILED)
        case "pending":
            typer.echo(f"The gateway will serve it: {reason}.", err=True)
        case _:
            typer.echo("The registry has it; no gateway can be asked whether it is served.", err=True)
