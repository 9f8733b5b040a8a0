"""Registration: bytes first, then the version that is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegate.client.registry import answers, reading
from tidegate.client.registry.calls import REGISTER_VERSION
from tidegate.client.registry.connection import Connection
from tidegate.client.registry.pieces import Content, Piece, piece_of_copy, piece_of_evidence
from tidegate.client.registry.uploads import upload_missing
from tidegate.errors import InputRefused
from tidegate.v1 import version_pb2
from tidegate.v1.version_service_pb2 import RegisterVersionRequest


def evidence(
    *,
    profile: Content | None,
    run: Content | None,
    metrics: Content | None,
    card: Content | None,
    datasets: Sequence[Content],
) -> list[tuple[str, Piece]]:
    """Pieces of evidence with their kinds."""
    if isinstance(metrics, Mapping) and "values" not in metrics:
        metrics = {"values": metrics}
    single = {"profile": profile, "run": run, "metrics": metrics, "card": card}
    found = [(kind, piece_of_evidence(kind, content)) for kind, content in single.items() if content is not None]
    return found + [("dataset", piece_of_evidence("dataset", content)) for content in datasets]


def register(
    connection: Connection,
    request: RegisterVersionRequest,
    files: Sequence[Piece],
    said: Sequence[tuple[str, Piece]],
    *,
    copies: Sequence[Path] = (),
    progress: bool | None,
    timeout_s: float,
) -> answers.Registered:
    """Uploads what is missing and registers a version.

    Args:
        connection: Where to.
        request: The request, without its files.
        files: Of the version.
        said: What is said about it, by kind.
        copies: Files whose bytes the said datasets name, to be kept beside them.
        progress: Whether a bar is shown.
        timeout_s: Longest check of the model.

    Raises:
        RegistryError: A subclass that says whose fault it is.
    """
    request.files.extend(piece.message() for piece in files)
    for kind, piece in said:
        request.evidence.add(kind=version_pb2.Evidence.Kind.Value(kind.upper()), file=piece.message())
    pieces = [*files, *(piece for _, piece in said), *map(piece_of_copy, copies)]
    upload_missing(connection, pieces, progress=progress)
    try:
        answer = connection.ask(REGISTER_VERSION, request, timeout_s=timeout_s)
    except InputRefused as refusal:
        if refusal.reason != "BYTES_MISSING":
            raise
        # Bytes that were there a moment ago were garbage, and have been collected since.
        upload_missing(connection, pieces, progress=progress)
        answer = connection.ask(REGISTER_VERSION, request, timeout_s=timeout_s)
    return answers.Registered(
        version=reading.version(answer.version), is_new=answer.created, attached=tuple(answer.attached)
    )
