"""A large upload beside a bare stream of grpcio that hashes and syncs: what the registry's own checks cost."""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Self

import grpc

from benchmarks.registry.serving import serving
from tidegate.client.registry.pieces import Piece
from tidegate.client.registry.uploads import upload_missing

SIZE_BYTES = 1 << 30
CHUNK_BYTES = 1 << 20
PAIRS = 3
BAR = 0.7
MOST_GROWTH_MIB = 100.0
_METHOD = "/bare/Put"


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    seen, growth_mib = [], 0.0
    with serving(work) as running, _Bare(work) as bare:
        for pair in range(PAIRS):
            path = work / f"large-{pair}"
            piece = _large(path)
            idle_mib = _peak_mib(running.process.pid)
            begun = time.perf_counter()
            upload_missing(running.registry._connection, [piece], progress=False)
            ours_s = time.perf_counter() - begun
            growth_mib = max(growth_mib, _peak_mib(running.process.pid) - idle_mib)
            seen.append((ours_s, bare.put(path)))
            path.unlink()
    ratios = [bare_s / ours_s for ours_s, bare_s in seen]
    rates = [SIZE_BYTES / median(took) / (1 << 20) for took in zip(*seen, strict=True)]
    print(
        f"upload of 1 GiB: {rates[0]:,.0f} MiB/s, bare stream {rates[1]:,.0f} MiB/s; ratio {median(ratios):.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f}) of {PAIRS} pairs; the bar is {BAR}; the server grew by "
        f"{growth_mib:.0f} MiB, at most {MOST_GROWTH_MIB:.0f} are allowed"
    )
    return median(ratios) >= BAR and growth_mib < MOST_GROWTH_MIB


def _large(path: Path) -> Piece:
    found = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(SIZE_BYTES // CHUNK_BYTES):
            chunk = os.urandom(CHUNK_BYTES)
            found.update(chunk)
            file.write(chunk)
    return Piece(
        path="weights.bin",
        media_type="application/vnd.onnx.external-data",
        source=path,
        digest=f"sha256:{found.hexdigest()}",
        size_bytes=SIZE_BYTES,
    )


def _peak_mib(pid: int) -> float:
    """The largest resident size that the process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


class _Bare:
    """The least that takes a stream, in a process of its own as the registry is: receive, hash, write, sync."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def __enter__(self) -> Self:
        told, tell = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            _serve(self._work, tell)
        os.close(tell)
        with os.fdopen(told) as line:
            port = int(line.readline())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        return self

    def put(self, path: Path) -> float:
        """Seconds for a file."""

        def chunks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk

        begun = time.perf_counter()
        self._channel.stream_unary(_METHOD)(chunks())
        return time.perf_counter() - begun

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        os.kill(self._child, 9)
        os.waitpid(self._child, 0)


def _serve(work: Path, tell: int) -> None:
    def put(chunks: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        found = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=work) as file:  # a new file each time, as the registry has one
            for chunk in chunks:
                found.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return found.digest()

    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.max_receive_message_length", 8 << 20)])
    handler = grpc.method_handlers_generic_handler("bare", {"Put": grpc.stream_unary_rpc_method_handler(put)})
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.write(tell, f"{port}\n".encode())
    server.wait_for_termination()
    os._exit(0)
