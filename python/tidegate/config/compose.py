"""From text to nodes: every value with its tag and its line, within limits, and nothing built from it yet.

YAML is composed by libyaml where it is installed. JSON is composed here, into the same nodes: as YAML, some of its texts
would mean something else (long keys, pairs of surrogates, line separators inside of strings).
"""

import json
import re
from typing import Any, Never, Protocol

import yaml

MAX_NODES = 4_000_000
"""Most values of a document, with its keys three times those of ten thousand routes with ten segments each.

Composed, a value takes about 400 bytes.
"""

MAX_DEPTH = 100
"""Deepest nesting of YAML, ten times that of any document: libyaml would go on until the stack ends."""

TAG = "tag:yaml.org,2002:"


class NotComposed(Exception):  # noqa: N818  # says what happened; becomes a violation at once
    """A text has no readable structure, so that looking further would find nothing true."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class Loader(Protocol):
    """A class of loaders, the one in C or the one in Python."""

    def __call__(self, stream: str) -> Any:
        """A loader of a text."""


class _Rules(yaml.resolver.Resolver):
    """Knows no dates, no base 60 and no octals: a version such as `010` or `1:30` is text. Counts what it is shown."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # the base class declares it so
    _count = 0
    _depth = 0

    def descend_resolver(self, _node: yaml.Node | None, _index: Any) -> None:
        """Called before every node."""
        self._count += 1
        self._depth += 1
        if self._count > MAX_NODES:
            raise too_large()
        if self._depth > MAX_DEPTH:
            raise NotComposed("is nested too deeply")

    def ascend_resolver(self) -> None:
        """Called after every node."""
        self._depth -= 1


_Rules.add_implicit_resolver(f"{TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Rules.add_implicit_resolver(
    f"{TAG}bool",
    re.compile(r"^(?:true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$"),
    list("tTfFyYnNoO"),
)
_Rules.add_implicit_resolver(f"{TAG}int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)$"), list("-+0123456789"))
_Rules.add_implicit_resolver(
    f"{TAG}float",
    re.compile(r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"),
    list("-+.0123456789"),
)
_Rules.add_implicit_resolver(f"{TAG}merge", re.compile(r"^<<$"), ["<"])


class PythonLoader(_Rules, yaml.SafeLoader):
    """The loader that is always there."""


LOADERS: tuple[Loader, ...] = (PythonLoader,)
"""The loaders of this installation, the fastest first; they read the same documents as the same nodes."""

if yaml.__with_libyaml__:

    class LibyamlLoader(_Rules, yaml.CSafeLoader):
        """Ten times as fast."""

    LOADERS = (LibyamlLoader, PythonLoader)


def compose_yaml(text: str, loader: Loader = LOADERS[0]) -> yaml.Node | None:
    """The root of a YAML text; none when it says nothing.

    Raises:
        NotComposed: It is not YAML, too large or too deep.
    """
    # Before the loaders look: one of them counts such places in bytes, the other in characters.
    if odd := yaml.reader.Reader.NON_PRINTABLE.search(text):
        reason = f"is not YAML: the character {ord(odd[0]):#04x} is not allowed"
        raise NotComposed(reason, text.count("\n", 0, odd.start()) + 1)
    try:
        root: yaml.Node | None = loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        # What is noticed at the end of the text stands on its last line.
        line = min(mark.line + 1, len(text.splitlines())) if mark else None
        raise NotComposed(f"is not YAML: {problem}", line) from error
    return root


def compose_json(text: str) -> yaml.Node:
    """The root of a JSON text.

    Raises:
        NotComposed: It is not JSON, too large or too deep.
    """
    if _may_be_too_large(text):
        raise too_large()
    try:
        json.loads(text, parse_int=_any_number, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise NotComposed(f"is not JSON: {error.msg}", error.lineno) from error
    return _JsonComposer(text).compose()


def read_json(text: str) -> Any:
    """The value of a JSON text in which there is nothing to refuse, which is quick to find out.

    Raises:
        ValueError: There is something; `compose_json` leads to what and where.
    """
    if _may_be_too_large(text):
        raise ValueError
    return json.loads(text, object_pairs_hook=_unique, parse_int=_of_64_bits, parse_constant=_refuse_constant)


def too_large() -> NotComposed:
    """The refusal of a document that stands for too much."""
    return NotComposed(f"stands for more than {MAX_NODES} values, with everything that its aliases repeat")


def _may_be_too_large(text: str) -> bool:
    """Whether a JSON text can hold too many values: nearly each follows one of three characters."""
    return text.count(",") + text.count("[") + text.count("{") > MAX_NODES


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError
    return mapping


def _of_64_bits(digits: str) -> int:
    number = int(digits)
    if abs(number) >= 2**64:
        raise ValueError
    return number


def _refuse_constant(name: str) -> Never:
    raise json.JSONDecodeError(f"{name} is no number", "", 0)


def _any_number(_digits: str) -> int:
    """Stands in for whole numbers of any length: Python itself reads no more than a few thousand digits."""
    return 0


class _JsonComposer:
    """Goes through a text that is known to be JSON, so that commas and colons say nothing more than white space."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decode = json.JSONDecoder(parse_int=_any_number).raw_decode
        self._at = 0
        self._line = 0
        self._counted = 0

    def compose(self) -> yaml.Node:
        """The value that comes next."""
        mark = self._next()
        match self._text[self._at]:
            case "{":
                self._at += 1
                pairs = []
                while not self._closes("}"):
                    pairs.append((self.compose(), self.compose()))
                return yaml.MappingNode(f"{TAG}map", pairs, mark)
            case "[":
                self._at += 1
                items = []
                while not self._closes("]"):
                    items.append(self.compose())
                return yaml.SequenceNode(f"{TAG}seq", items, mark)
        return self._scalar(mark)

    def _scalar(self, mark: yaml.Mark) -> yaml.ScalarNode:
        start = self._at
        value, self._at = self._decode(self._text, start)
        match value:
            case str():
                return yaml.ScalarNode(f"{TAG}str", value, mark)
            case None:
                kind = "null"
            case bool():
                kind = "bool"
            case int():
                kind = "int"
            case _:
                kind = "float"
        return yaml.ScalarNode(f"{TAG}{kind}", self._text[start : self._at], mark)

    def _closes(self, bracket: str) -> bool:
        """Whether a mapping or list ends here; steps over its end."""
        self._skip()
        if self._text[self._at] != bracket:
            return False
        self._at += 1
        return True

    def _next(self) -> yaml.Mark:
        self._skip()
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return yaml.Mark("", self._at, self._line, 0, None, 0)

    def _skip(self) -> None:
        while self._text[self._at] in " \t\r\n,:":
            self._at += 1
