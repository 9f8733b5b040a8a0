"""Methods of the protos, bound to the functions of servicers by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from tidegate.api.interceptors import Door

SLOW = frozenset({"RegisterVersion", "VerifyJournal", "CollectGarbage"})
"""Methods that take long where there is much: they share their threads with streams."""


def bind(door: Door, servicers: Mapping[ServiceDescriptor, object]) -> list[grpc.GenericRpcHandler]:
    """The handlers of services: `PlanRoute` is the servicer's `plan_route`.

    A method without a function is a fault of ours, found when the server is built.
    """
    return [
        grpc.method_handlers_generic_handler(
            service.full_name,
            {method.name: _handler(door, method, getattr(servicer, snake(method.name))) for method in service.methods},
        )
        for service, servicer in servicers.items()
    ]


def snake(name: str) -> str:
    """`PlanRoute` as `plan_route`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _handler(door: Door, method: MethodDescriptor, answer: Any) -> grpc.RpcMethodHandler[Any, Any]:
    kind = message_factory.GetMessageClass(method.input_type)
    match method.client_streaming, method.server_streaming:
        case False, False:
            return grpc.unary_unary_rpc_method_handler(
                door.unary(method.full_name, kind, answer, is_slow=method.name in SLOW)
            )
        case True, False:
            return grpc.stream_unary_rpc_method_handler(door.uploading(method.full_name, kind, answer))
        case False, True:
            return grpc.unary_stream_rpc_method_handler(door.downloading(method.full_name, kind, answer))
        case _:
            raise NotImplementedError(f"{method.full_name} streams both ways, and no method of ours does")
