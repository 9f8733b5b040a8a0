"""What is uploaded: files of a model and evidence, each with its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tidegate.errors import InputRefused, Violation
from tidegate.v1 import version_pb2

CHUNK_BYTES = 1 << 20
"""Size of a piece on its way: the largest that the API takes."""

Content: TypeAlias = "bytes | str | Path | Mapping[str, Any]"
"""Evidence: bytes as they are, a path, or what is to be JSON."""

_ONNX = "application/vnd.onnx.model"
_EXTERNAL = "application/vnd.onnx.external-data"
_PROCESSING = "application/vnd.tidegate.processing+json"
_MODEL_FILE = "model.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes with a place in a version."""

    path: str
    media_type: str
    source: Path | bytes
    digest: str
    size_bytes: int

    def message(self) -> version_pb2.File:
        """As the API takes it."""
        return version_pb2.File(
            path=self.path, digest=self.digest, size_bytes=self.size_bytes, media_type=self.media_type
        )

    def chunks(self) -> Iterator[bytes]:
        """The bytes."""
        yield from _chunks(self.source)


def pieces_of_model(
    path: str | Path, external: str | Path | None = None, leave_out: Collection[str] = ()
) -> list[Piece]:
    """The files of a version: one ONNX file, or a folder with `model.onnx` and what it needs.

    In a folder, what ends in `.json` are settings of pre- and postprocessing, everything else is external data.

    Args:
        path: The file or the folder.
        external: Beside a file, a folder with its external data, at the paths that the model names.
        leave_out: Paths within a folder that are no part of the version.

    Raises:
        InputRefused: There is no such file, or it is a link.
    """
    path = Path(path)
    if path.is_file():
        beside = () if external is None else _pieces_in(Path(external))
        return [_piece(_MODEL_FILE, _ONNX, path), *(piece for piece in beside if piece.path != _MODEL_FILE)]
    if external is not None:
        raise InputRefused(f"{path} is a folder: its external data lies in it.", reason="FILES_REFUSED", path=str(path))
    return _pieces_in(path, leave_out)


def _pieces_in(path: Path, leave_out: Collection[str] = ()) -> list[Piece]:
    if not path.is_dir():
        raise InputRefused(f"{path} is neither a file nor a folder.", reason="FILES_REFUSED", path=str(path))
    files = sorted(each for each in path.rglob("*") if not each.is_dir() or each.is_symlink())
    links = [
        Violation(str(each.relative_to(path)), "is a link: put the file itself there")
        for each in files
        if each.is_symlink()
    ]
    if links:
        places = ", ".join(violation.path for violation in links)
        raise InputRefused(f"{path} has links ({places}).", reason="FILES_REFUSED", violations=tuple(links))
    named = {each.relative_to(path).as_posix(): each for each in files}
    return [_piece(name, _media_type(Path(name)), file) for name, file in named.items() if name not in leave_out]


def piece_of_evidence(kind: str, content: Content) -> Piece:
    """A piece of evidence.

    Args:
        kind: `profile`, `metrics`, `card`, `run` or `dataset`.
        content: What it says; text that is no card is a path.
    """
    is_text = kind == "card"
    path = f"{kind}.{'md' if is_text else 'json'}"
    media_type = "text/markdown" if is_text else "application/json"
    match content:
        case bytes() | Path():
            return _piece(path, media_type, content)
        case str():
            return _piece(path, media_type, content.encode() if is_text else Path(content))
        case _:
            # Sorted, so that the same content is the same evidence.
            return _piece(path, media_type, json.dumps(content, sort_keys=True, allow_nan=False).encode())


def piece_of_copy(path: Path) -> Piece:
    """The bytes of a dataset that are kept beside what is said about it."""
    return _piece(path.name, "application/octet-stream", path)


def _media_type(path: Path) -> str:
    if path.as_posix() == _MODEL_FILE:
        return _ONNX
    return _PROCESSING if path.suffix == ".json" else _EXTERNAL


def _piece(path: str, media_type: str, source: Path | bytes) -> Piece:
    found, size_bytes = hashlib.sha256(), 0
    for chunk in _chunks(source):
        found.update(chunk)
        size_bytes += len(chunk)
    return Piece(
        path=path,
        media_type=media_type,
        source=source,
        digest=f"sha256:{found.hexdigest()}",
        size_bytes=size_bytes,
    )


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for at in range(0, len(source), CHUNK_BYTES):
            yield source[at : at + CHUNK_BYTES]
        return
    with source.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
