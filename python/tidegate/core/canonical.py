"""One form for every value that is hashed: canonical JSON (RFC 8785) and sha256."""

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """The value as canonical JSON: keys sorted, no spaces, numbers as JavaScript prints them.

    Raises:
        ValueError: The value is not JSON, or has a whole number whose size is beyond 2⁵³ - 1, which readers would round.
    """
    return rfc8785.dumps(value)


def digest(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_of(value: Any) -> str:
    """The digest of a value's canonical JSON."""
    return digest(canonical(value))
