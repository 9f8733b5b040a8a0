"""Whether callers of one signature can go on with another."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.errors import Violation

Signature = Mapping[str, Sequence[Mapping[str, Any]]]
"""`inputs` and `outputs`, each with `name`, `datatype` and `shape`; -1 where any size goes."""


def breaks(old: Signature, new: Signature) -> list[Violation]:
    """Everything that a request or a reader of `old` finds otherwise in `new`.

    A request goes on if every input that it sends is known, takes its datatype and its shape, and no other is asked for;
    a reader goes on if every output that it reads is there, of the same datatype, and of no shape that it did not expect.
    """
    found = []
    for tensor in old["inputs"]:
        found += _breaks("input", tensor, _named(new["inputs"], tensor["name"]), is_given=True)
    found += [
        Violation(f"inputs.{tensor['name']}", "is asked for now, and callers do not send it")
        for tensor in new["inputs"]
        if _named(old["inputs"], tensor["name"]) is None
    ]
    for tensor in old["outputs"]:
        found += _breaks("output", tensor, _named(new["outputs"], tensor["name"]), is_given=False)
    return found


def _breaks(kind: str, old: Mapping[str, Any], new: Mapping[str, Any] | None, *, is_given: bool) -> list[Violation]:
    path = f"{kind}s.{old['name']}"
    if new is None:
        return [Violation(path, "callers send it, and it is not known now" if is_given else "is not there any more")]
    found = []
    if new["datatype"] != old["datatype"]:
        found.append(Violation(path, f"was {old['datatype']} and is {new['datatype']}"))
    # Whoever takes must take all that may come: the new model of callers, callers of the new model.
    wide, narrow = (new["shape"], old["shape"]) if is_given else (old["shape"], new["shape"])
    if not _covers(wide, narrow):
        found.append(Violation(path, f"was {list(old['shape'])} and is {list(new['shape'])}"))
    return found


def _covers(wide: Sequence[int], narrow: Sequence[int]) -> bool:
    """Whether every shape of `narrow` is one of `wide`."""
    return len(wide) == len(narrow) and all(size in (-1, other) for size, other in zip(wide, narrow, strict=True))


def _named(tensors: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    return next((tensor for tensor in tensors if tensor["name"] == name), None)
