"""Reads what a benchmark needs from /metrics and /proc."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_SAMPLE = r"^{name}\{{(?P<labels>.*)\}} (?P<value>\S+)$"
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def requests_by_version(page: str, route: str) -> dict[tuple[str, str], int]:
    """Requests of `route` by (version, code name) from a metrics page in the Prometheus text format."""
    counted: Counter[tuple[str, str]] = Counter()
    for labels, value in _samples(page, "tidegate_requests_total", route=route):
        counted[labels["version"], labels["code"]] += value
    return dict(counted)


def shadow_copies(page: str, route: str) -> tuple[dict[str, int], int]:
    """Copies of `route` by what became of them, and how many wait or run."""
    counted: Counter[str] = Counter()
    for labels, value in _samples(page, "tidegate_shadow_requests_total", route=route):
        counted[labels["outcome"]] += value
    return dict(counted), sum(value for _, value in _samples(page, "tidegate_shadow_in_flight", route=route))


def total(page: str, name: str, **labels: str) -> int:
    """The sum of all samples of a counter that have these labels, whatever others they have."""
    return sum(value for _, value in _samples(page, name, **labels))


def _samples(page: str, name: str, **wanted: str) -> Iterator[tuple[dict[str, str], int]]:
    for sample in re.finditer(_SAMPLE.format(name=name), page, re.MULTILINE):
        labels = dict(_LABEL.findall(sample["labels"]))
        if all(labels.get(label) == value for label, value in wanted.items()):
            yield labels, int(float(sample["value"]))


def process_tree(pid: int) -> tuple[int, ...]:
    """A process and all that descend from it, itself first."""
    found = [pid]
    for parent in found:
        # One may end between the listing and the reading.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return tuple(found)


def threads_cpu_seconds(pid: int, name: str) -> float:
    """Processor time of the threads of a process whose name begins so; the kernel keeps 15 bytes of a name."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end between the listing and the reading.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if (task / "comm").read_text().startswith(name[:15]):
                total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def cpu_seconds(pid: int) -> float:
    """Processor time of a process since it began, in the kernel's ticks of 10 ms; threads that have ended count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def pss_mib(pid: int) -> float:
    """The proportional set size of a process: its own memory plus its share of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pss":
            return int(value.split()[0]) / 1024
    raise ValueError(f"the kernel does not tell the proportional set size of process {pid}")


def cpu_name() -> str:
    """The processor's own name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return "unknown processor"
