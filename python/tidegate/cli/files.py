"""What commands read: a file, or standard input where the name is `-`."""

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


def read_json(name: str) -> Any:
    """The JSON value that the content is.

    Raises:
        BadInput: It cannot be read, or is no JSON.
    """
    where = "standard input" if name == "-" else name
    try:
        return json.loads(read_bytes(name).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{where} cannot be read: it is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise BadInput(f"{where} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
