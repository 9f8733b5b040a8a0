"""How places of a document are written: `routes.flight-delay.split["flight-delay/2"]`, as the native core does it."""

import json
import re
from collections.abc import Iterator


def extend_path(path: str, key: str) -> str:
    """The path of a key: dots for plain names, brackets for all others."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def lineage(path: str) -> Iterator[str]:
    """A path and everything around it, the nearest first; the last is the whole document, the empty path."""
    yield path
    for at in range(len(path) - 1, -1, -1):
        if path[at] in ".[":
            yield path[:at]
    if path and path[0] != "[":
        yield ""
