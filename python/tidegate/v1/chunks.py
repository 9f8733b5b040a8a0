"""Messages that carry nothing but a piece of a file, written without protobuf.

Protobuf copies a piece twice, into memory that it asks the system for anew each time: some milliseconds a MiB, more than
hashing it. These are the same bytes, joined once.
"""

from __future__ import annotations

from google.protobuf.message import Message

_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F


def chunk_message(kind: type[Message], chunk: bytes) -> bytes:
    """What `kind(chunk=chunk).SerializeToString()` says."""
    number = kind.DESCRIPTOR.fields_by_name["chunk"].number
    head = bytearray([number << 3 | _LENGTH_DELIMITED])
    left = len(chunk)
    while left > _SEVEN_BITS:
        head.append(left & _SEVEN_BITS | _SEVEN_BITS + 1)
        left >>= 7
    head.append(left)
    return b"".join((head, chunk))
