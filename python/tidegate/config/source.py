"""From text to a JSON-like value that still knows its lines.

Only what JSON can say has a meaning here: the words of YAML 1.1 for true and false, whole and decimal numbers, text.
Everything is read from the node tree, so that a duplicate key is found instead of overwritten and every value knows
where it stands.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tidegate.config.compose import MAX_NODES, TAG, NotComposed, compose_json, compose_yaml, too_large
from tidegate.core.paths import extend_path, lineage
from tidegate.errors import DocumentViolation

_TRUE = frozenset({"true", "yes", "on"})
_UNDER_WAY = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a text says, and where."""

    value: Any
    lines: Mapping[str, int]
    violations: tuple[DocumentViolation, ...]
    unread: frozenset[str] = frozenset()
    """Paths whose value was refused and reads as null."""
    is_broken: bool = False
    """Whether the text has no readable structure, so that looking further would find nothing true."""

    def line_of(self, path: str) -> int | None:
        """The line of a path, or of the nearest thing around it that was written."""
        return next((self.lines[known] for known in lineage(path) if known in self.lines), None)


def read_source(text: str, *, is_json: bool = False) -> Source:
    """Reads a text; what is wrong with it is in the result."""
    try:
        root = compose_json(text) if is_json else compose_yaml(text)
        walk = _Walk()
        value = None if root is None else walk.read_all(root)
    except NotComposed as error:
        broken = DocumentViolation("", error.reason, error.line)
        return Source(value=None, lines={}, violations=(broken,), is_broken=True)
    except RecursionError:
        broken = DocumentViolation("", "is nested too deeply")
        return Source(value=None, lines={}, violations=(broken,), is_broken=True)
    return Source(value=value, lines=walk.lines, violations=tuple(walk.violations), unread=frozenset(walk.unread))


@dataclass(slots=True)
class _Walk:
    """Turns nodes into values; a value that is refused becomes null, so that the walk can go on."""

    lines: dict[str, int] = field(default_factory=lambda: {"": 1})
    violations: list[DocumentViolation] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def read_all(self, root: yaml.Node) -> Any:
        """The value of a whole document, unless its aliases make it too large."""
        if _expanded(root, {}) > MAX_NODES:
            raise too_large()
        return self.read(root, "")

    def read(self, node: yaml.Node, path: str) -> Any:
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case yaml.SequenceNode(tag=tag) if tag == f"{TAG}seq":
                return [self._item(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
            case yaml.MappingNode(tag=tag) if tag == f"{TAG}map":
                return self._mapping(node, path)
        return self._leave(node, path, f"the tag {node.tag} has no meaning here")

    def _item(self, node: yaml.Node, path: str) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self.read(node, path)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        # Merges first: where both have a key, what is written here counts, for the value and for its line.
        for key_node, value_node in node.value:
            if key_node.tag == f"{TAG}merge":
                for base in self._bases(value_node, path):
                    merged = self.read(base, path) | merged
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{TAG}merge":
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, path, "a key must be plain text")
                continue
            key = _whole(key_node.value)
            key_path = extend_path(path, key)
            if key in own:
                self._refuse(key_node, key_path, f"is a duplicate: the same key is on line {self.lines[key_path]}")
                continue
            self.lines[key_path] = key_node.start_mark.line + 1
            own[key] = self.read(value_node, key_path)
        return merged | own

    def _bases(self, node: yaml.Node, path: str) -> Iterator[yaml.MappingNode]:
        for base in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(base, yaml.MappingNode):
                yield base
            else:
                self._refuse(base, path, "<< takes a mapping or a list of mappings")

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        text = node.value
        match node.tag.removeprefix(TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "str" | "merge":
                return _whole(text)
            case "int" | "float" as kind:
                return self._number(node, path, kind)
        return self._leave(node, path, f"the tag {node.tag} has no meaning here")

    def _number(self, node: yaml.ScalarNode, path: str, kind: str) -> int | float | None:
        try:
            number = int(node.value) if kind == "int" else float(node.value)
        except ValueError:
            number = math.inf
        if abs(number) < 2**64:
            return number
        self._leave(node, path, f"{node.value[:40]} is no number of at most 64 bits")
        return None

    def _leave(self, node: yaml.Node, path: str, reason: str) -> None:
        self.unread.add(path)
        self._refuse(node, path, reason)

    def _refuse(self, node: yaml.Node, path: str, reason: str) -> None:
        self.violations.append(DocumentViolation(path, reason, node.start_mark.line + 1))


def _whole(text: str) -> str:
    """A text whose escapes for halves of a character are joined, and replaced where one is alone."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for once aliases are followed, without following any twice.

    Raises:
        NotComposed: An alias stands for something that contains it.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _UNDER_WAY
        pairs = node.value if isinstance(node, yaml.MappingNode) else ((None, item) for item in node.value)
        known[id(node)] = 1 + sum(_expanded(inner, known) for _, inner in pairs)
    if known[id(node)] == _UNDER_WAY:
        line = node.start_mark.line + 1
        raise NotComposed("an alias may not stand for something that contains it", line)
    return known[id(node)]
