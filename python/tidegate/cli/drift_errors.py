"""What commands about drift say when something cannot be done, and their exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.cli.output import BAD_INPUT, BadInput, fail, printable
from tidegate.drift.errors import DriftError
from tidegate.errors import DocumentRefused


@contextmanager
def told() -> Iterator[None]:
    """Ends the command with sentences when what it was given cannot be used."""
    try:
        yield
    except (BadInput, DocumentRefused, DriftError) as error:
        fail([printable(line) for line in str(error).splitlines()], BAD_INPUT)
    except ModuleNotFoundError as absent:
        if (absent.name or "").partition(".")[0] not in {"matplotlib", "onnxruntime", "pyarrow"}:
            raise
        fail([f"{absent.name} is not installed: pip install 'tidegate[drift]'"], BAD_INPUT)
