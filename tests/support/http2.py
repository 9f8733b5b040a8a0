"""HTTP/2 by hand, for what no well-behaved client sends: one connection, one call at a time, frames as the test says.

The server is told to keep no header table, so that a header block needs nothing from the blocks before it.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
# No header table, and room for every answer.
OWN_SETTINGS = struct.pack(">HIHI", 1, 0, 4, (1 << 31) - 1)

TIMEOUT_S = 30
# The windows that every connection starts with; nothing longer is sent.
MOST_DATA = 65_535
MOST_FRAME = 16_384

# The part of the static table of RFC 7541 that answers use.
STATIC = {
    8: (":status", "200"),
    13: (":status", "404"),
    14: (":status", "500"),
    28: ("content-length", ""),
    31: ("content-type", ""),
    33: ("date", ""),
}
# The Huffman code of RFC 7541 is canonical, so that the lengths say it all; printable characters, by length.
CODE_LENGTHS = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: b"\\",
}


@dataclass(slots=True, kw_only=True)
class Answer:
    """All that came back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    reset: int | None = None

    def messages(self) -> list[bytes]:
        """The gRPC messages of the body."""
        found, rest = [], self.data
        while rest:
            length = int.from_bytes(rest[1:5], "big")
            found.append(rest[5 : 5 + length])
            rest = rest[5 + length :]
        return found


class Connection:
    """A connection to `address`; a context manager."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), TIMEOUT_S)
        self._next_stream = 1
        room = _frame(WINDOW_UPDATE, 0, 0, ((1 << 31) - 1 - MOST_DATA).to_bytes(4, "big"))
        self._socket.sendall(PREFACE + _frame(SETTINGS, 0, 0, OWN_SETTINGS) + room)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, path: str, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> Answer:
        """Sends a whole gRPC call with any body and any headers, and waits for the end of the answer."""
        block = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *headers,
        ]
        return self.request(block, body)

    def request(self, block: Iterable[tuple[str, str]], body: bytes = b"") -> Answer:
        """Sends headers and a body, and waits for the end of the answer."""
        assert len(body) <= MOST_DATA
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        frames = [_frame(HEADERS, END_HEADERS, stream, b"".join(_literal(*pair) for pair in block))]
        parts = [body[at : at + MOST_FRAME] for at in range(0, len(body), MOST_FRAME)] or [b""]
        frames += [_frame(DATA, 0, stream, part) for part in parts[:-1]]
        frames.append(_frame(DATA, END_STREAM, stream, parts[-1]))
        # In one piece, so that the other side finds all of it in one wake-up.
        self._socket.sendall(b"".join(frames))
        return self._answer(stream)

    def _answer(self, stream: int) -> Answer:
        answer = Answer()
        for kind, flags, where, payload in self._frames():
            if where != stream:
                assert kind != GOAWAY, f"the connection was ended: {payload!r}"
                continue
            if kind == HEADERS:
                assert flags & END_HEADERS, "a header block in several frames"
                answer.headers.update(headers_of(payload))
            elif kind == DATA:
                answer.data += payload
            elif kind == RST_STREAM:
                answer.reset = int.from_bytes(payload, "big")
                return answer
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                return answer
        raise AssertionError("the connection ended before the answer did")

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        while head := self._read(9):
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            payload = self._read(length)
            if kind in (SETTINGS, PING) and not flags & ACK:
                self._socket.sendall(_frame(kind, ACK, 0, payload if kind == PING else b""))
            yield kind, flags, int.from_bytes(head[5:], "big"), payload

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length and (part := self._socket.recv(length - len(data))):
            data += part
        return data


def message(payload: bytes, *, claimed: int | None = None, flag: int = 0) -> bytes:
    """A gRPC message with its five bytes before it, which may lie."""
    return bytes([flag]) + (len(payload) if claimed is None else claimed).to_bytes(4, "big") + payload


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(name: str, value: str) -> bytes:
    """A header without index and without Huffman code."""
    return b"\x00" + b"".join(_integer(len(text), 7) + text for text in (name.encode(), value.encode()))


def _integer(value: int, bits: int) -> bytes:
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    value, encoded = value - limit, bytes([limit])
    while value >= 128:
        value, encoded = value >> 7, encoded + bytes([value & 127 | 128])
    return encoded + bytes([value])


def headers_of(block: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _read_integer(block, at, 7)
            yield STATIC[index]
        elif first & 0xE0 == 0x20:
            size, at = _read_integer(block, at, 5)
            assert size == 0, "the server keeps a header table"
        else:
            index, at = _read_integer(block, at, 6 if first & 0x40 else 4)
            if index:
                name = STATIC[index][0]
            else:
                name, at = _read_text(block, at)
            value, at = _read_text(block, at)
            yield name, value


def _read_integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    limit = (1 << bits) - 1
    value = block[at] & limit
    at += 1
    if value < limit:
        return value, at
    shift = 0
    while True:
        value += (block[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if block[at - 1] < 128:
            return value, at


def _read_text(block: bytes, at: int) -> tuple[str, int]:
    is_coded = bool(block[at] & 0x80)
    length, at = _read_integer(block, at, 7)
    text, at = block[at : at + length], at + length
    return (_decoded(text) if is_coded else text.decode("latin-1")), at


def _codes() -> dict[str, str]:
    codes, code, last = {}, 0, 0
    for length, symbols in CODE_LENGTHS.items():
        for symbol in symbols:
            code, last = code << (length - last), length
            codes[f"{code:0{length}b}"] = chr(symbol)
            code += 1
    return codes


CODES = _codes()


def _decoded(text: bytes) -> str:
    decoded, prefix = "", ""
    for bit in "".join(f"{byte:08b}" for byte in text):
        prefix += bit
        if symbol := CODES.get(prefix):
            decoded, prefix = decoded + symbol, ""
    assert set(prefix) <= {"1"}, "padding is ones"
    return decoded
