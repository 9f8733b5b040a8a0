"""A connection whose every byte is the test's: for peers that do what no library would let them."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from support.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)

INFER_PATH = "/inference.GRPCInferenceService/ModelInfer"
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame on the wire."""
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def header(name: str, value: str) -> bytes:
    """A header that is neither indexed nor compressed."""
    return b"\x00" + _text(name) + _text(value)


def head(path: str = INFER_PATH, **more: str) -> bytes:
    """The header block of a gRPC call."""
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
    fields |= {"content-type": "application/grpc", "te": "trailers"}
    fields |= {name.replace("_", "-"): value for name, value in more.items()}
    return b"".join(header(name, value) for name, value in fields.items())


def _text(text: str) -> bytes:
    data = text.encode()
    most = 127
    if len(data) < most:
        return bytes([len(data)]) + data
    rest, length = len(data) - most, bytearray([most])
    while rest >= 0x80:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*length, rest]) + data


class Peer:
    """A connection to a gateway; without `hello` not even the preface is sent, and one that is `deaf` answers no PING."""

    def __init__(self, address: str, *, hello: bool = True, deaf: bool = False) -> None:
        self._answered = {SETTINGS} if deaf else {SETTINGS, PING}
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        if hello:
            self.send(PREFACE + frame(SETTINGS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def send_if_open(self, data: bytes) -> bool:
        """Sends bytes to a peer that may have closed; whether it had not."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def open(self, stream: int, path: str = INFER_PATH, *, end: bool = False, **more: str) -> None:
        """Opens a call."""
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, head(path, **more)))

    def take_windows(self) -> None:
        """Waits until the other side has said how much it takes: before that, only 64 KiB may be sent."""
        for found in self.frames():
            if found.kind == WINDOW_UPDATE and found.stream == 0:
                return
        raise AssertionError("the connection ended before it began")

    def frames(self) -> Iterator[Frame]:
        """Every frame until the other side closes; its SETTINGS and, unless this one is deaf, PINGs are acknowledged."""
        while (found := self._next()) is not None:
            if found.kind in self._answered and not found.flags & ACK:
                self.send_if_open(frame(found.kind, ACK, 0, found.payload if found.kind == PING else b""))
            yield found

    def until_end_of(self, stream: int) -> Frame:
        """The frame that ends a stream: its last HEADERS, or a reset."""
        for found in self.frames():
            is_last = found.kind in {HEADERS, DATA} and found.flags & END_STREAM
            if found.stream == stream and (is_last or found.kind == RST_STREAM):
                return found
        raise AssertionError(f"the connection ended before stream {stream} did")

    def until_closed(self) -> list[Frame]:
        """What still comes before the other side closes the connection, which it must."""
        found: list[Frame] = []
        with suppress(ConnectionError):
            found.extend(self.frames())
        return found

    def _next(self) -> Frame | None:
        while len(self._buffer) < 9 or len(self._buffer) < 9 + int.from_bytes(self._buffer[:3], "big"):
            part = self.socket.recv(1 << 16)
            if not part:
                return None
            self._buffer += part
        length = int.from_bytes(self._buffer[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self._buffer[3:9])
        payload, self._buffer = self._buffer[9 : 9 + length], self._buffer[9 + length :]
        return Frame(kind=kind, flags=flags, stream=stream & 0x7FFFFFFF, payload=payload)
