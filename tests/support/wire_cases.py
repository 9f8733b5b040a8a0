"""Calls that are refused before anybody reads what they ask: framing, protobuf, compression, size, method."""

import gzip

from .calls import SERVICE, four
from .cases import call, case, raw, sent
from .http2 import message

GOOD = four().SerializeToString()
MIB = 1 << 20
BOMB = gzip.compress(bytes(256 * MIB), 9, mtime=0)[: 60 << 10]

MESSAGES = [
    case("MALFORMED_MESSAGE", "cut short", sent(GOOD[:-3])),
    case("MALFORMED_MESSAGE", "invalid UTF-8 in a name", sent(b"\x0a\x02\xff\xfe")),
    case("MALFORMED_MESSAGE", "2 GiB claimed in 100 bytes", sent(b"\x3a\xff\xff\xff\xff\x07" + bytes(94))),
    case("MALFORMED_MESSAGE", "field 0", sent(b"\x00\x00")),
    case("MALFORMED_MESSAGE", "an endless number", sent(b"\x0a" + b"\xff" * 11)),
    case("MALFORMED_MESSAGE", "a group that does not end", sent(b"\x7b")),
    case("MALFORMED_MESSAGE", "the body ends inside the message", raw(message(GOOD, claimed=len(GOOD) + 1))),
    case("MALFORMED_MESSAGE", "the body ends inside the length", raw(message(GOOD)[:3])),
    case("MALFORMED_MESSAGE", "a first byte that is neither 0 nor 1", raw(message(GOOD, flag=2))),
    case("MALFORMED_MESSAGE", "another call", raw(message(b"\x0a\x7f"), path=SERVICE + "ModelMetadata")),
    case("NO_MESSAGE", "by a client", sent()),
    case("NO_MESSAGE", "another call", raw(b"", path=SERVICE + "ServerLive")),
    case("SEVERAL_MESSAGES", "by a client", sent(GOOD, GOOD)),
    case("SEVERAL_MESSAGES", "in one frame", raw(message(GOOD) + message(GOOD))),
    case("SEVERAL_MESSAGES", "another call", raw(message(b"") * 2, path=SERVICE + "ServerLive")),
    case("INVALID_COMPRESSION", "not gzip", raw(message(b"not gzip", flag=1), ("grpc-encoding", "gzip"))),
    case("INVALID_COMPRESSION", "gzip cut short", raw(message(BOMB[:-9], flag=1), ("grpc-encoding", "gzip"))),
    case("INVALID_COMPRESSION", "no encoding named", raw(message(gzip.compress(GOOD), flag=1))),
    case("UNKNOWN_COMPRESSION", "snappy", raw(message(GOOD, flag=1), ("grpc-encoding", "snappy"))),
    case("UNKNOWN_METHOD", "of the service", call("Infer")),
    case("UNKNOWN_METHOD", "of a service that is not here", call("Sing", path="/music.Choir/")),
    case("MESSAGE_TOO_LARGE", "2 GiB claimed", raw(message(b"", claimed=1 << 31))),
    case("MESSAGE_TOO_LARGE", "all that 32 bits can claim", raw(message(bytes(90), claimed=(1 << 32) - 1))),
    case("MESSAGE_TOO_LARGE", "one byte more than the limit", sent(bytes(64 * MIB + 1))),
    case(
        "MESSAGE_TOO_LARGE",
        "a small call with a large message",
        raw(message(b"", claimed=65 * MIB), path=SERVICE + "ServerLive"),
    ),
]
