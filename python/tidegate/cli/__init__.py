"""What a person types: one command a file, all registered here."""

import sys


def main() -> None:
    """The `tidegate` command."""
    try:
        import typer  # noqa: F401, PLC0415  # the client alone is installed without it
    except ModuleNotFoundError:
        sys.exit("the tidegate command needs a few packages more: pip install 'tidegate[serve]'")
    from tidegate.cli.application import build  # noqa: PLC0415

    build(sys.argv[1] if len(sys.argv) > 1 else None)()
