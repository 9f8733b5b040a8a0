"""One HTTP/2 connection that asks the same thing many times at once, fast enough to wear out a gateway.

What is sent is made by copying one request and numbering the copies; of what comes, frames are walked through and ends of
answers are looked at. Headers are sent once and named by their place in the header table from then on. Asked by GOAWAY to
leave, it takes what it waits for and is asked no more, as gRPC clients do.
"""

import socket
import struct
from contextlib import suppress

import numpy as np

from support.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    MOST_DATA,
    OWN_SETTINGS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    headers_of,
    message,
)
from support.peer import INFER_PATH, PATIENCE_S, frame

_HEAD = struct.Struct(">BHBBI")
_STREAM_AT = 5
_INDEXED, _INDEXED_LITERAL = 0x80, 0x40
_POST, _HTTP, _PATH, _AUTHORITY, _FIRST_OWN = 3, 6, 4, 1, 62
_OK = "0"
_ROOM = 1 << 29
"""The other side may send twice as much before it has to be told to go on, which it is each time it has sent this."""
_READ_BYTES = 1 << 20


def _texts(*texts: bytes) -> bytes:
    return b"".join(bytes([len(text)]) + text for text in texts)


# Four headers go into the table in this order, so that the last of them is found first.
_FIRST_BLOCK = b"".join(
    (
        bytes([_INDEXED | _POST, _INDEXED | _HTTP]),
        bytes([_INDEXED_LITERAL | _PATH]) + _texts(INFER_PATH.encode()),
        bytes([_INDEXED_LITERAL | _AUTHORITY]) + _texts(b"test"),
        bytes([_INDEXED_LITERAL]) + _texts(b"te", b"trailers"),
        bytes([_INDEXED_LITERAL]) + _texts(b"content-type", b"application/grpc"),
    )
)
_BLOCK = bytes([_INDEXED | _POST, _INDEXED | _HTTP, *(_INDEXED | _FIRST_OWN + place for place in (3, 2, 1, 0))])


class Flow:
    """A connection on which the same is asked; it has been answered once when it is made."""

    def __init__(self, address: str, body: bytes) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_leaving = False
        self.is_closed = False
        self.sent = 0
        self.answered = 0
        self.outstanding = 0
        self.failures: list[str] = []
        self._body_bytes = len(message(body))
        self._window = MOST_DATA
        self._taken_bytes = 0
        self._next_stream = 1
        self._unsent = b""
        self._unread = b""
        self._good_ends: set[bytes] = set()
        first = frame(HEADERS, END_HEADERS, 1, _FIRST_BLOCK) + frame(DATA, END_STREAM, 1, message(body))
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0, OWN_SETTINGS) + 2 * _more_room() + first)
        self._begun(1)
        while self.outstanding:
            self.take()
        assert not self.failures, self.failures
        self.socket.setblocking(False)
        one = frame(HEADERS, END_HEADERS, 0, _BLOCK) + frame(DATA, END_STREAM, 0, message(body))
        self._one = np.frombuffer(one, dtype=np.uint8)
        self._numbers_at = (_STREAM_AT, len(frame(HEADERS, 0, 0, _BLOCK)) + _STREAM_AT)

    def ask(self, count: int) -> None:
        """Sends so many requests, or as many as the other side has room for."""
        count = min(count, self._window // self._body_bytes)
        if count <= 0:
            return
        copies = np.tile(self._one, (count, 1))
        streams = np.arange(self._next_stream, self._next_stream + 2 * count, 2, dtype=">u4")
        for at in self._numbers_at:
            copies[:, at : at + 4] = streams.view(np.uint8).reshape(count, 4)
        self._unsent += copies.tobytes()
        self._begun(count)

    def flush(self) -> None:
        """Gives the kernel what it takes."""
        if self._unsent and not self.is_closed:
            with suppress(BlockingIOError):
                self._unsent = self._unsent[self.socket.send(self._unsent) :]

    def take(self) -> None:
        """Reads what has come."""
        came = self.socket.recv(_READ_BYTES)
        if not came:
            self.is_closed = True
            self.failures += ["the connection was closed before an answer came"] * self.outstanding
            self.outstanding = 0
            return
        data = self._unread + came
        at, end = 0, len(data)
        while end - at >= _HEAD.size:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
            begin = at + _HEAD.size
            if (after := begin + (high << 16 | low)) > end:
                break
            at = after
            if kind == HEADERS and flags & END_STREAM:
                self._ended(data[begin:after])
            elif kind == DATA:
                self._taken_bytes += after - begin
            elif kind != HEADERS:
                self._heard(kind, flags, stream, data[begin:after])
        self._unread = data[at:]
        if self._taken_bytes >= _ROOM:
            self._taken_bytes -= _ROOM
            self._unsent += _more_room()

    def _begun(self, count: int) -> None:
        self._next_stream += 2 * count
        self.sent += count
        self.outstanding += count
        self._window -= count * self._body_bytes

    def _ended(self, block: bytes) -> None:
        self.outstanding -= 1
        if block in self._good_ends:
            self.answered += 1
            return
        said = dict(headers_of(block))
        if said.get("grpc-status") == _OK:
            self._good_ends.add(block)
            self.answered += 1
        else:
            self.failures.append(f"grpc-status {said.get('grpc-status')}: {said.get('grpc-message')}")

    def _heard(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self._unsent += frame(kind, ACK, 0, payload if kind == PING else b"")
        elif kind == RST_STREAM:
            self.outstanding -= 1
            self.failures.append(f"reset with {int.from_bytes(payload, 'big')}")
        elif kind == GOAWAY:
            self.is_leaving = True


def _more_room() -> bytes:
    return frame(WINDOW_UPDATE, 0, 0, _ROOM.to_bytes(4, "big"))
