"""Interceptors of the operator's, made by the factories that the document names."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grpc import aio

from tidegate.errors import GatewayNotStarted


def load_interceptors(names: Sequence[str], folder: Path) -> list[aio.ServerInterceptor]:
    """Calls the factories `package.module:factory`; modules are looked for in `folder` first.

    Raises:
        GatewayNotStarted: With everything that is wrong with any of them.
    """
    if names and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    made: list[aio.ServerInterceptor] = []
    reasons: list[str] = []
    for index, name in enumerate(names):
        try:
            interceptor = _make(name)
        except Exception as error:  # noqa: BLE001  # whatever the operator's code raises is a reason
            reasons.append(f"interceptors[{index}]: {name} cannot be made: {type(error).__name__}: {error}")
            continue
        if isinstance(interceptor, aio.ServerInterceptor):
            made.append(interceptor)
        else:
            kind = type(interceptor).__name__
            reasons.append(f"interceptors[{index}]: {name} made a {kind}; a grpc.aio.ServerInterceptor is needed")
    if reasons:
        raise GatewayNotStarted(tuple(reasons))
    return made


def _make(name: str) -> object:
    module, _, path = name.partition(":")
    factory: Any = importlib.import_module(module)
    for part in path.split("."):
        factory = getattr(factory, part)
    return factory()
