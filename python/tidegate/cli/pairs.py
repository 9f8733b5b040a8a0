"""Options that are repeated as KEY=VALUE."""

import json
from collections.abc import Sequence

from tidegate.cli.output import BadInput


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """The values by their keys; of a key that comes twice, the last.

    Raises:
        BadInput: One has no key or no value.
    """
    read = {}
    for pair in given or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise BadInput(f"{option} takes KEY=VALUE, not {pair!r}.")
        read[key] = value
    return read


def parameters(given: Sequence[str] | None) -> dict[str, bool | int | float | str]:
    """The parameters of a request: a bool or number where the text is one in JSON, else the text itself."""
    return {key: _parameter(value) for key, value in pairs(given, "--param").items()}


def _parameter(text: str) -> bool | int | float | str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
