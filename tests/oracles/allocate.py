"""The split as slowly and plainly as it can be written: the oracle for the native core."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import xxhash

BUCKETS = 2**32

Piece = tuple[int, int, str]


def bucket(salt: str, key: bytes) -> int:
    """The upper half of the key's XXH3 under the seed that is the salt's XXH3."""
    seed = xxhash.xxh3_64_intdigest(salt.encode())
    return xxhash.xxh3_64_intdigest(key, seed=seed) >> 32


def allocate(previous: Sequence[Piece], weights: Mapping[str, int], stable: str) -> list[Piece]:
    """The table for `weights`, one bucket range at a time, in exact fractions."""
    table = sorted(previous) or [(0, BUCKETS, stable)]
    wanted = _targets(weights)
    freed: list[tuple[int, int]] = []
    for arm in sorted({owner for _, _, owner in table}):
        own = [(start, end) for start, end, owner in table if owner == arm]
        table = [piece for piece in table if piece[2] != arm]
        surplus = max(0, sum(end - start for start, end in own) - wanted.get(arm, 0))
        while surplus:
            start, end = own.pop(-1 if arm == stable else 0)
            part = min(surplus, end - start)
            surplus -= part
            if arm == stable:
                freed.append((end - part, end))
                left = (start, end - part)
            else:
                freed.append((start, start + part))
                left = (start + part, end)
            if left[0] < left[1]:
                own = sorted([*own, left])
        table += [(start, end, arm) for start, end in own]
    freed.sort()
    for arm in sorted(wanted):
        missing = wanted[arm] - sum(end - start for start, end, owner in table if owner == arm)
        while missing > 0:
            start, end = freed.pop(0)
            part = min(missing, end - start)
            table.append((start, start + part, arm))
            missing -= part
            if start + part < end:
                freed.insert(0, (start + part, end))
    return _merged(sorted(table))


def _targets(weights: Mapping[str, int]) -> dict[str, int]:
    total = sum(weights.values())
    exact = {arm: Fraction(weight * BUCKETS, total) for arm, weight in weights.items()}
    whole = {arm: int(share) for arm, share in exact.items()}
    by_remainder = sorted(exact, key=lambda arm: (whole[arm] - exact[arm], arm))
    for arm in by_remainder[: BUCKETS - sum(whole.values())]:
        whole[arm] += 1
    return whole


def _merged(table: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for start, end, arm in table:
        if merged and merged[-1][2] == arm:
            merged[-1] = (merged[-1][0], end, arm)
        else:
            merged.append((start, end, arm))
    return merged
