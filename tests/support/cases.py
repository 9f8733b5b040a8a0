"""How a test says: this call is refused, for this reason, because of this field."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.inference import open_inference_pb2 as oip

from .calls import INFER, SERVICE, raw_refusal, refusal
from .gateway import Gateway
from .refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call, the reason it is refused for, and the field that is to blame."""

    reason: str
    name: str
    provoke: Callable[[Gateway], Refusal]
    field: str | None = None


def infer(asked: oip.ModelInferRequest) -> Callable[[Gateway], Refusal]:
    payload = asked.SerializeToString()
    return lambda gateway: refusal(gateway, INFER, payload)


def call(method: str, asked: oip.ModelReadyRequest | None = None, path: str = SERVICE) -> Callable[[Gateway], Refusal]:
    payload = b"" if asked is None else asked.SerializeToString()
    return lambda gateway: refusal(gateway, path + method, payload)


def raw(body: bytes, *headers: tuple[str, str], path: str = INFER) -> Callable[[Gateway], Refusal]:
    return lambda gateway: raw_refusal(gateway, path, body, headers)


def sent(*messages: bytes) -> Callable[[Gateway], Refusal]:
    return lambda gateway: refusal(gateway, INFER, *messages)


def case(reason: str, name: str, provoke: Callable[[Gateway], Refusal], field: str | None = None) -> Case:
    return Case(reason=reason, name=name, provoke=provoke, field=field)
