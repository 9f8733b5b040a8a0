"""The data plane as Python sees it: start a gateway from a document, look into a model file."""

import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate import _native
from tidegate.config import Document
from tidegate.errors import DocumentRefused, DocumentViolation, GatewayNotStarted, Violation
from tidegate.gateway.reports import Progress
from tidegate.gateway.runtime import find_onnxruntime

if TYPE_CHECKING:
    from tidegate.gateway.front import PythonFront

__all__ = ["Gateway", "inspect_model"]

_END_MS = 1_000


class Gateway:
    """A gateway in this process; it serves from its creation on, in threads of its own."""

    def __init__(self, document: Document) -> None:
        """Loads the models, binds the ports and serves.

        Raises:
            GatewayNotStarted: It cannot serve; every reason is named. Nothing is left running but the thread of a load
                that took longer than `load_timeout_ms` and does not end.
        """
        _refuse_other_platforms()
        self._front = _make_front(document)
        try:
            self._native = _native.Gateway(
                document.to_json(), base_dir=str(document.base_dir), library=str(find_onnxruntime())
            )
        except _native.StartFailed as failed:
            if self._front is not None:
                self._front.abandon()
            raise GatewayNotStarted(tuple(failed.args[0])) from None
        if self._front is not None:
            _serve(self._front, self._native)

    @property
    def grpc_address(self) -> str:
        """Where it listens for gRPC, as `host:port`."""
        return self._native.grpc_address if self._front is None else self._front.grpc_address

    @property
    def http_address(self) -> str:
        """Where it listens for HTTP, as `host:port`."""
        return self._native.http_address

    def apply(self, document: Document) -> None:
        """Begins to serve another document; what becomes of its parts stands in the log.

        Raises:
            DocumentRefused: It breaks rules, or differs in what only a restart can change; nothing of it is served.
        """
        try:
            self._native.apply(document.to_json())
        except _native.Refused as refused:
            raise document.refused([Violation(path, reason) for path, reason in refused.args[0]]) from None

    def amend(self, parts: Mapping[str, Any]) -> Progress:
        """Makes what is served what some routes, versions and monitors of a document say; all others stay as they are.

        Args:
            parts: `routes`, `versions` and `monitors` as in a document, with None for what shall go.

        Returns:
            How far the gateway is; what needs no load is served.

        Raises:
            DocumentRefused: It breaks rules, or differs in what only a restart can change; nothing of it is served.
        """
        try:
            return Progress(**json.loads(self._native.amend(json.dumps(parts, ensure_ascii=False))))
        except _native.Refused as refused:
            found = tuple(DocumentViolation(path, reason) for path, reason in refused.args[0])
            raise DocumentRefused("amendment", found) from None

    def progress(self) -> Progress:
        """How far the newest document is; what needs no load is served when this returns."""
        return Progress(**json.loads(self._native.progress()))

    def transitions(self, sink: str, told: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        """Changes of drift states that a sink of the document does not have yet, oldest first, each with its number.

        Args:
            sink: Its address in the document; the gateway tells its own log itself.
            told: The number of the last change that it has; at first 0.
            most: No more are given.
        """
        return [(number, json.loads(change)) for number, change in self._native.transitions(sink, told, most)]

    def delivery_failed(self, sink: str) -> None:
        """Counts that a sink could not be told, which will be tried again."""
        self._native.delivery_failed(sink)

    def warn(self, event: str, reason: str) -> None:
        """Writes a warning into the gateway's log."""
        self._native.warn(event, reason)

    def drain(self) -> None:
        """Begins to end; called again, ends at once."""
        self._native.drain()

    def wait(self, timeout_ms: int) -> bool | None:
        """Waits for the end: `True` if every request got its own answer, `None` if the gateway still serves."""
        end = self._native.wait(timeout_ms)
        if end in ("clean", "forced") and self._front is not None:
            self._front.join()
        return None if end is None else end == "clean"


def _make_front(document: Document) -> "PythonFront | None":
    if document.fields["front"] != "python":
        return None
    from tidegate.gateway.front import PythonFront  # noqa: PLC0415  # a gateway whose front is native needs no grpcio

    return PythonFront(document)


def _serve(front: "PythonFront", native: _native.Gateway) -> None:
    """Lets the front serve, or ends the gateway that it is for."""
    try:
        front.serve(native)
    except GatewayNotStarted:
        native.drain()
        native.drain()
        while native.wait(_END_MS) is None:
            pass
        raise


def inspect_model(path: Path, *, profiled_rows: int | None = None) -> dict[str, Any]:
    """What a model file takes and gives, whether it can be batched and why not, what it costs.

    Args:
        path: The file.
        profiled_rows: How many rows the runs of a profile have, 1 to 65,536; without it there is no profile.

    Raises:
        GatewayNotStarted: The file cannot be served, or not be profiled; the reason is named.
    """
    try:
        found: dict[str, Any] = json.loads(_native.inspect_model(str(path), str(find_onnxruntime()), profiled_rows))
    except _native.StartFailed as failed:
        raise GatewayNotStarted(tuple(failed.args[0])) from None
    return found


def _refuse_other_platforms() -> None:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"}:
        raise GatewayNotStarted((f"Tidegate serves on Linux x86-64 and aarch64, not on {sys.platform} {machine}",))
