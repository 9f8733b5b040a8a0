"""Full names as the API has them, and short ones as people write them."""

from __future__ import annotations

import re

_DEFAULTS = (
    (re.compile(r"projects/default/environments/default/(?:routes|monitors)/([^/]+)"), r"\1"),
    (re.compile(r"projects/default/models/([^/]+)/versions/([0-9]+)"), r"\1/\2"),
    (re.compile(r"projects/default/models/([^/]+)/aliases/([^/]+)"), r"\1@\2"),
    (re.compile(r"projects/default/models/([^/]+)"), r"\1"),
)


def short_name(name: str) -> str:
    """As people write it: without the project and the environment `default`."""
    for pattern, short in _DEFAULTS:
        if found := pattern.fullmatch(name):
            return found.expand(short)
    return name


def model_name(text: str) -> str:
    """The full name of a model, from its id or as it is."""
    return text if "/" in text else f"projects/default/models/{text}"


def route_name(text: str) -> str:
    """The full name of a route, from its id or as it is."""
    return text if "/" in text else f"projects/default/environments/default/routes/{text}"


def version_name(text: str) -> str:
    """The full name of a version such as `fraud/3`, or as it is."""
    model, _, number = text.rpartition("/")
    return text if "/" in model else f"{model_name(model)}/versions/{number}"


def alias_name(text: str) -> str:
    """The full name of an alias such as `fraud@champion`."""
    model, _, alias = text.rpartition("@")
    return f"{model_name(model)}/aliases/{alias}"


def environment_of(route: str) -> str:
    """The environment of a route, by its id or its full name."""
    return route_name(route).partition("/routes/")[0]
