"""Groups of commands of which each is imported when it is looked at: nobody waits for what other commands need."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_group


class LazyGroup(TyperGroup):
    """A group that makes its commands one by one."""

    names: ClassVar[tuple[str, ...]] = ()
    """Of all commands, in the order in which they are listed."""
    add: ClassVar[Callable[[str, typer.Typer], None]]
    """Imports the command of a name and adds it to an application."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the signature is click's
        """All there are, in the order of their table."""
        return list(self.names)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name; None if there is none."""
        if cmd_name in self.names and cmd_name not in self.commands:
            alone = typer.Typer()
            type(self).add(cmd_name, alone)
            # With a single command typer would take its name for an argument.
            alone.callback()(lambda: None)
            self.commands.update(get_group(alone).commands)
        return super().get_command(ctx, cmd_name)


def add_group(app: typer.Typer, name: str, commands: Mapping[str, str], *, about: str) -> None:
    """Adds a group to an application.

    Args:
        app: The application, or another group.
        name: As it is typed.
        commands: By the names that are typed, where each function is in this package: `module:function`.
        about: What they are for.
    """

    def add(command: str, to: typer.Typer) -> None:
        module, _, function = commands[command].partition(":")
        to.command(command)(getattr(import_module(f"tidegate.cli.{module}"), function))

    group = typer.Typer(help=about, no_args_is_help=True, cls=lazily(LazyGroup, tuple(commands), add))
    # Without a callback typer would make the only command of a group the whole of it.
    group.callback()(lambda: None)
    app.add_typer(group, name=name)


def lazily(kind: type[LazyGroup], names: tuple[str, ...], add: Callable[[str, typer.Typer], None]) -> type[LazyGroup]:
    """The class of a group, as typer wants it: it makes the group itself."""
    return type("Group", (kind,), {"names": names, "add": staticmethod(add)})
