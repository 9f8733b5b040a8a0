"""Where a key falls, how buckets are shared out and why: the typed face of the native routing core."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from tidegate import _native

BUCKETS = 2**32
"""How many buckets there are: buckets are the numbers from 0 up to, not including, this."""


class Range(NamedTuple):
    """Buckets from `start` up to, not including, `end` belong to `arm`."""

    start: int
    end: int
    arm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """A range table with what it was made for."""

    salt: str
    stable: str
    """The arm that everything falls back to."""
    ranges: tuple[Range, ...]


def bucket(salt: str, key: bytes | str) -> int:
    """The bucket of a key under a salt; a text is hashed as its UTF-8 bytes."""
    return _native.bucket(salt, key.encode() if isinstance(key, str) else key)


def allocate(previous: Sequence[Range], weights: Mapping[str, int], *, stable: str) -> tuple[Range, ...]:
    """The range table for `weights` that moves the fewest buckets away from `previous`.

    Args:
        previous: The table in force, whole and sorted; empty when `stable` has had everything so far.
        weights: Weight of each arm, 0 to 2^64 - 1, any scale; arms that it does not name lose what they have.
        stable: The arm that everything falls back to; it gives up its highest buckets, all others their lowest.

    Raises:
        ValueError: No arm has a weight, or `previous` is not a table.
    """
    ranges = _native.allocate(list[tuple[int, int, str]](previous), dict(weights), stable)
    return tuple(Range(*range_) for range_ in ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """The head of a request as it is written down: everything that a decision looks at."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str | float | bool] = field(default_factory=dict)
    """The parameters of the request; numbers are whole where they are `int`."""
    model_version: str = ""
    """The version that the caller names; empty for none."""
    peer: str = ""
    """The caller's IP address."""
    prediction_id: str = ""
    """The key of a request without a sticky value."""
    key: str | None = None
    """The sticky value, wherever the route looks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a condition of a route said."""

    name: str
    """The segment, `pins`, or the version that a shadow copies to."""
    when: str | None
    outcome: str
    """`match`, `no match`, or `missing <key>`; of pins without a condition `allow` or `deny`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Whether a shadow gets a copy."""

    to: str
    share_bp: int
    """How many of ten thousand requests are copied."""
    is_copied: bool
    when: Asked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a request goes where it goes."""

    route: str
    version: str | None
    """The version that answers; none when the request is refused."""
    reason: str | None
    """As answers say it: `split`, `unkeyed`, `only`, `pinned` or `segment:<name>`."""
    refusal: str | None
    """Why the version that the caller names does not answer."""
    bucket: int | None
    probability_num: int | None
    """How probable the version was before the key was known, in 2^32nds."""
    probability: float | None
    keyed_by: str
    """Where the key comes from: `sequence_id`, the route's sticky key, or the prediction id."""
    pins: Asked
    segments: tuple[Asked, ...]
    shadows: tuple[Sampled, ...]


def explain(snapshot: Mapping[str, Any], route: str, head: RequestHead) -> Explanation:
    """Decides a request again by a snapshot, as a gateway with this snapshot does.

    Args:
        snapshot: What a gateway has under `/snapshot`, or what its state folder keeps in `applied.json`.
        route: The name of a route in it.
        head: The request.

    Raises:
        ValueError: The snapshot cannot be read, the route is not in it, or the head has a key and the route takes none;
            the text is a sentence.
    """
    found = json.loads(_native.explain(json.dumps(snapshot), route, json.dumps(asdict(head))))
    shadows = (Sampled(**{**shadow, "when": shadow["when"] and Asked(**shadow["when"])}) for shadow in found["shadows"])
    asked = {"pins": Asked(**found["pins"]), "segments": tuple(Asked(**segment) for segment in found["segments"])}
    return Explanation(**{**found, **asked, "shadows": tuple(shadows)})
