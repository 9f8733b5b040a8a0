"""What commands read, a file or standard input where the name is `-`, and what they write."""

import json
import sys
from pathlib import Path
from typing import Any

from tidegate.cli.output import BadInput


def read_bytes(name: str) -> bytes:
    """The content.

    Raises:
        BadInput: It cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        BadInput: It cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from error


def where(name: str) -> str:
    """The name as a sentence says it."""
    return "standard input" if name == "-" else name


def read_json(name: str) -> Any:
    """The JSON value that the content is.

    Raises:
        BadInput: It cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_bytes(name).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{where(name)} cannot be read: it is not UTF-8.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"{where(name)} is not JSON: {error.msg} in {place}.") from error
