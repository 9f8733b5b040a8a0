"""What is said about a version, fetched and told in a few lines each."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tidegate.cli.output import short_digest, size

if TYPE_CHECKING:
    from tidegate.client.registry import Evidence, Registry, Version

Rows = Sequence[tuple[str, str]]

MOST_BYTES = 8 << 20
"""Larger evidence is named and not fetched: a profile of very many features."""
MOST_PARAMS = 20
MOST_CARD_LINES = 8


def facts_of(registry: "Registry", version: "Version") -> dict[str, Rows]:
    """Rows of names and texts, by what they are about; the newest of a kind that there is one of."""
    found: dict[str, Rows] = {}
    for each in version.evidence:
        title = each.kind if each.kind != "dataset" else f"dataset {short_digest(each.file.digest)}"
        found[title] = _fact(registry, each)
    order = ("metrics", "profile", "run", "card")
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _fact(registry: "Registry", evidence: "Evidence") -> Rows:
    about = [("digest", f"{short_digest(evidence.file.digest)}, {size(evidence.file.size_bytes)}")]
    if evidence.file.size_bytes > MOST_BYTES:
        return about
    content = registry.read(evidence.file.digest, limit=MOST_BYTES)
    if evidence.kind == "card":
        lines = content.decode(errors="replace").splitlines()
        return [*about, *(("", line) for line in lines[:MOST_CARD_LINES])]
    try:
        said = json.loads(content)
        return _READERS[evidence.kind](said) + about
    except (ValueError, KeyError, TypeError, AttributeError):
        # Only whoever wrote it knows what it says; its digest is told all the same.
        return about


def _metrics(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [(name, f"{value:g}") for name, value in said["values"].items()]
    return rows + [
        (f"{name} of {part}", f"{value:g}")
        for part, values in said.get("slices", {}).items()
        for name, value in values.items()
    ]


def _run(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [("name", said["name"])]
    if code := said.get("code"):
        rows.append(("code", code["commit"][:12] + (", with changes that are not in it" if code["is_dirty"] else "")))
    rows += [(name, str(said[name])) for name in ("seed", "parent", "sweep") if said.get(name) is not None]
    if said.get("dependencies"):
        rows.append(("lock", short_digest(said["dependencies"])))
    params = list(said.get("params", {}).items())
    rows += [(f"params.{name}", json.dumps(value, ensure_ascii=False)) for name, value in params[:MOST_PARAMS]]
    if len(params) > MOST_PARAMS:
        rows.append(("params", f"… {len(params) - MOST_PARAMS} more"))
    if environment := said.get("environment"):
        rows.append(("environment", ", ".join(f"{name} {value}" for name, value in environment.items())))
    return rows


def _dataset(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    where = said.get("locator") or ("a copy in the registry" if said.get("copy_digest") else "not reproducible")
    return [
        ("name", said["name"] + (f" ({said['split']})" if said.get("split") else "")),
        ("content", f"{short_digest(said['digest'])}, {said['rows']:,} rows, {len(said['columns'])} columns"),
        ("where", where),
    ]


def _profile(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    features = sum(len(tensor["features"]) for tensor in said["tensors"])
    return [("of", f"{said['rows']:,} rows, {features:,} features")]


_READERS: Mapping[str, Callable[[Mapping[str, Any]], list[tuple[str, str]]]] = {
    "metrics": _metrics,
    "run": _run,
    "dataset": _dataset,
    "profile": _profile,
}
