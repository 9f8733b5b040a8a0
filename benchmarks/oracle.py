"""Are the answers right? A thousand distinct requests at once, compared with numpy in double precision."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
import numpy as np
from numpy.typing import NDArray

from benchmarks.cells import STICKY_HEADER, STICKY_KEYS, Cell
from benchmarks.models import forward
from benchmarks.wire import METHOD, Wire

REQUESTS = 1000
# Shapes are mixed on purpose: a server that batches must never mix rows up.
ROWS = (1, 1, 1, 2, 3)
# Each channel has its own connection; a thousand calls on one would wait for the server's stream limit.
CHANNELS = 8
DEADLINE_S = 30.0
# float32 sums of 1,024 products, relative to the largest value of the answer.
TOLERANCE = 1e-4


class WrongAnswerError(Exception):
    """Some answers differ from the oracle, or a sticky key changed its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Which version answered each key, and how many bytes the gRPC message of a one-row answer has."""

    version_by_key: dict[str, str]
    message_bytes: frozenset[int]


def check(address: str, cell: Cell, wire: Wire, *, seed: int) -> Answered:
    """Send the requests and compare every answer; raises WrongAnswerError with the first differences."""
    return asyncio.run(_check(address, cell, wire, seed))


def check_sticky(before: Answered, after: Answered) -> None:
    """Raises WrongAnswerError when a key was answered by one version before and another after."""
    moved = {key for key, version in after.version_by_key.items() if before.version_by_key.get(key, version) != version}
    if moved:
        raise WrongAnswerError(f"{len(moved)} sticky keys changed their version, such as {min(moved)}")


async def _check(address: str, cell: Cell, wire: Wire, seed: int) -> Answered:
    rng = np.random.default_rng(seed)
    width = cell.model.widths[0]
    inputs = [rng.uniform(-1, 1, (ROWS[i % len(ROWS)], width)).astype(np.float32) for i in range(REQUESTS)]
    keys = [f"user-{i * STICKY_KEYS // REQUESTS}" for i in range(REQUESTS)]
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options=options) for _ in range(CHANNELS)]
    calls: list[Callable[..., Awaitable[bytes]]] = [channel.unary_unary(METHOD) for channel in channels]
    try:
        messages = await asyncio.gather(
            *(
                calls[i % CHANNELS](
                    wire.request(cell.route, rows), timeout=DEADLINE_S, metadata=((STICKY_HEADER, key),)
                )
                for i, (rows, key) in enumerate(zip(inputs, keys, strict=True))
            )
        )
    finally:
        for channel in channels:
            await channel.close()
    return _compare(cell, wire, inputs, keys, messages)


def _compare(
    cell: Cell, wire: Wire, inputs: list[NDArray[np.float32]], keys: list[str], messages: list[bytes]
) -> Answered:
    wrong: list[str] = []
    version_by_key: dict[str, str] = {}
    one_row_bytes: set[int] = set()
    for index, (rows, key, message) in enumerate(zip(inputs, keys, messages, strict=True)):
        version, values = wire.answer(message)
        expected = forward(cell.model, int(version), rows)
        if values.shape != expected.shape:
            wrong.append(f"request {index}: shape {values.shape} for {expected.shape}")
            continue
        off = float(np.max(np.abs(values - expected)) / max(1.0, float(np.max(np.abs(expected)))))
        if off > TOLERANCE:
            wrong.append(f"request {index}: off by {off:.2g}")
        version_by_key[key] = version
        if len(rows) == 1:
            one_row_bytes.add(len(message))
    if wrong:
        raise WrongAnswerError(f"{len(wrong)} of {len(inputs)} answers are wrong: {'; '.join(wrong[:3])}")
    return Answered(version_by_key=version_by_key, message_bytes=frozenset(one_row_bytes))
