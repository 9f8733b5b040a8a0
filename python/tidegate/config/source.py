"""From text to a JSON-like value that still knows its lines.

The text is YAML; JSON is read by the same walk after a strict look. Only what JSON can say has a meaning here: the
words of YAML 1.1 for true and false, whole and decimal numbers, text. Everything is read from the node tree, so that a
duplicate key is found instead of overwritten and every value knows where it stands.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Never

import yaml

from tidegate.errors import DocumentViolation

MAX_NODES = 200_000
"""Most values after aliases are followed: a few lines of nested aliases can stand for billions."""

_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset({"true", "yes", "on"})


class _Loader(yaml.SafeLoader):
    """Knows no dates, no base 60 and no octals: a version such as `010` or `1:30` is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # the base class declares it so


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    f"{_TAG}bool",
    re.compile(r"^(?:true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$"),
    list("tTfFyYnNoO"),
)
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"),
    list("-+.0123456789"),
)
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"^<<$"), ["<"])


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
        around = (known for known in self.lines if path.startswith(known) and path[len(known) : len(known) + 1] in ".[")
        return self.lines.get(max(around, key=len, default=""))


def read_source(text: str, *, is_json: bool = False) -> Source:
    """Reads a text; what is wrong with it is in the result."""
    try:
        if is_json:
            json.loads(text, parse_constant=_refuse_constant)
            # A tab is white space in JSON and nothing in YAML; inside of strings JSON has none.
            text = text.replace("\t", " ")
        node = yaml.compose(text, Loader=_Loader)  # derived from the safe loader, and nothing is constructed
        walk = _Walk()
        value = None if node is None else walk.read(node, "")
    except json.JSONDecodeError as error:
        return _broken(f"is not JSON: {error.msg}", error.lineno)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        # What is noticed at the end of the text stands on its last line.
        return _broken(f"is not YAML: {problem}", min(mark.line + 1, len(text.splitlines())) if mark else None)
    except yaml.reader.ReaderError as error:
        return _broken(f"is not YAML: {error.reason}", text.count("\n", 0, error.position) + 1)
    except _TooLargeError:
        return _broken(f"stands for more than {MAX_NODES} values once its aliases are followed", None)
    except RecursionError:
        return _broken("is nested too deeply", None)
    return Source(value=value, lines=walk.lines, violations=tuple(walk.violations), unread=frozenset(walk.unread))


def extend_path(path: str, key: str) -> str:
    """The path of a key: dots for plain names, brackets for all others."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


class _TooLargeError(Exception):
    pass


def _broken(reason: str, line: int | None) -> Source:
    return Source(value=None, lines={}, violations=(DocumentViolation("", reason, line),), is_broken=True)


def _refuse_constant(name: str) -> Never:
    raise json.JSONDecodeError(f"{name} is no number", "", 0)


@dataclass(slots=True)
class _Walk:
    """Turns nodes into values; a value that is refused becomes null, so that the walk can go on."""

    lines: dict[str, int] = field(default_factory=lambda: {"": 1})
    violations: list[DocumentViolation] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    _count: int = 0

    def read(self, node: yaml.Node, path: str, around: tuple[int, ...] = ()) -> Any:
        self._count += 1
        if self._count > MAX_NODES:
            raise _TooLargeError
        if id(node) in around:
            return self._leave(node, path, "an alias may not stand for something that contains it")
        around = (*around, id(node))
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case yaml.SequenceNode(tag=tag) if tag == f"{_TAG}seq":
                return [self._item(item, f"{path}[{index}]", around) for index, item in enumerate(node.value)]
            case yaml.MappingNode(tag=tag) if tag == f"{_TAG}map":
                return self._mapping(node, path, around)
        return self._leave(node, path, f"the tag {node.tag} has no meaning here")

    def _item(self, node: yaml.Node, path: str, around: tuple[int, ...]) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self.read(node, path, around)

    def _mapping(self, node: yaml.MappingNode, path: str, around: tuple[int, ...]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        # Merges first: where both have a key, what is written here counts, for the value and for its line.
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                for base in self._bases(value_node, path):
                    merged = self.read(base, path, around) | merged
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, path, "a key must be plain text")
                continue
            key, key_path = key_node.value, extend_path(path, key_node.value)
            if key in own:
                self._refuse(key_node, key_path, f"is a duplicate: the same key is on line {self.lines[key_path]}")
                continue
            self.lines[key_path] = key_node.start_mark.line + 1
            own[key] = self.read(value_node, key_path, around)
        return merged | own

    def _bases(self, node: yaml.Node, path: str) -> Iterator[yaml.MappingNode]:
        for base in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(base, yaml.MappingNode):
                yield base
            else:
                self._refuse(base, path, "<< takes a mapping or a list of mappings")

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        text = node.value
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "str" | "merge":
                # JSON writes characters beyond 16 bits as two escapes, which YAML reads as two characters.
                return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
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
