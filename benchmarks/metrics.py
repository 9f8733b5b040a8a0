"""Reads what a benchmark needs from /metrics and /proc."""

import re
from collections import Counter
from pathlib import Path

_SAMPLE = re.compile(r"^tidegate_requests_total\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def requests_by_version(page: str, route: str) -> dict[tuple[str, str], int]:
    """Requests of `route` by (version, code name) from a metrics page in the Prometheus text format."""
    counted: Counter[tuple[str, str]] = Counter()
    for sample in _SAMPLE.finditer(page):
        labels = dict(_LABEL.findall(sample["labels"]))
        if labels["route"] == route:
            counted[labels["version"], labels["code"]] += int(float(sample["value"]))
    return dict(counted)


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
