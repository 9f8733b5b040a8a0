"""Write docs/api.md from the comments and rules of the admin API's protos.

python proto/document.py            write
python proto/document.py --check    write nothing; exit 1 when the document is stale
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import generate
from google.protobuf import descriptor_pb2, message_factory

from tidegate.inference.pool import POOL
from tidegate.v1 import options_pb2  # noqa: F401  # declares the options that are read here

TARGET = generate.HERE.parent / "docs" / "api.md"
HEAD = generate.HERE / "api_head.md"
_PACKAGE = ".tidegate.v1."
_FIELD = descriptor_pb2.FieldDescriptorProto
# Numbers of fields in descriptor.proto: the path of a comment.
_MESSAGES, _ENUMS, _SERVICES, _METHODS, _FIELDS, _NESTED, _NESTED_ENUMS, _VALUES = 4, 5, 6, 2, 2, 3, 4, 2


@dataclass(frozen=True, slots=True)
class Said:
    """A part of a file with its comment."""

    path: tuple[int, ...]
    descriptor: Any
    comments: dict[tuple[int, ...], str]
    prefix: str = ""

    @property
    def name(self) -> str:
        """With the message that it is declared in."""
        return self.prefix + str(self.descriptor.name)

    @property
    def comment(self) -> str:
        """As it stands in the file, one line a paragraph."""
        return _paragraphs(self.comments.get(self.path, ""))

    def below(self, field: str, number: int) -> list[Said]:
        """Its parts."""
        prefix = f"{self.name}." if field in ("enum_type", "nested_type") else ""
        return [
            Said((*self.path, number, at), part, self.comments, prefix)
            for at, part in enumerate(getattr(self.descriptor, field))
        ]


def render() -> str:
    """The whole document."""
    [package] = [package for package in generate.PACKAGES if package.name == "v1"]
    found = generate.descriptors(generate.image(package.sources, "--include_source_info"))
    files = [_whole(file) for file in found if file.name in package.sources]
    services = [service for file in files for service in file.below("service", _SERVICES)]
    messages = {
        f"{_PACKAGE}{message.name}": message for file in files for message in file.below("message_type", _MESSAGES)
    }
    enums = [enum for file in files for enum in file.below("enum_type", _ENUMS)]
    lines = [HEAD.read_text(encoding="utf-8").rstrip(), ""]
    for service in sorted(services, key=lambda each: each.name):
        lines += _service(service, messages)
    lines += ["## Messages", ""]
    told = {method.descriptor.input_type for service in services for method in service.below("method", _METHODS)}
    for name, message in sorted(messages.items()):
        if name not in told:
            lines += _message(message)
    for enum in enums:
        lines += _enum(enum)
    return "\n".join(lines).rstrip() + "\n"


def stale() -> bool:
    """Whether the document is not what `render` says."""
    return not TARGET.exists() or TARGET.read_text(encoding="utf-8") != render()


def _whole(file: Any) -> Said:
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    return Said((), file, comments)


def _service(service: Said, messages: dict[str, Said]) -> Iterator[str]:
    yield from (f"## {service.name}", "", service.comment, "")
    for method in service.below("method", _METHODS):
        said = method.descriptor
        sent = ("stream of " if said.client_streaming else "") + _linked(said.input_type)
        got = ("stream of " if said.server_streaming else "") + _linked(said.output_type)
        yield from (f"### {method.name}", "", method.comment, "")
        if http := _option(said, "google.api.http"):
            verb = http.WhichOneof("pattern")
            yield from (f"`{verb.upper()} {getattr(http, verb)}`", "")
        yield from (f"{_request(sent, said)} → {got}", "")
        yield from _fields(messages[said.input_type])


def _request(sent: str, method: Any) -> str:
    # A request stands below its method, so there is nowhere to go.
    return re.sub(r"\[(\w+)\]\(#\w+\)", r"`\1`", sent) if method.input_type.endswith("Request") else sent


def _message(message: Said) -> Iterator[str]:
    yield from (f"### {message.name}", "", message.comment, "")
    if resource := _option(message.descriptor, "google.api.resource"):
        yield from (f"Named `{resource.pattern[0]}`.", "")
    yield from _fields(message)
    for enum in message.below("enum_type", _NESTED_ENUMS):
        yield from _enum(enum)


def _enum(enum: Said) -> Iterator[str]:
    yield from (f"### {enum.name}", "", enum.comment, "", "| value | meaning |", "|---|---|")
    for value in enum.below("value", _VALUES):
        yield f"| `{value.name}` | {_cell(value.comment)} |"
    yield ""


def _fields(message: Said) -> Iterator[str]:
    fields = message.below("field", _FIELDS)
    if not fields:
        return
    yield from ("| field | type | meaning |", "|---|---|---|")
    for field in fields:
        behaviour = _behaviour(field.descriptor)
        yield f"| `{field.name}` | {_type(field.descriptor)} | {behaviour}{_cell(field.comment)} |"
    yield ""


def _behaviour(field: Any) -> str:
    words = {2: "Required.", 3: "Output only.", 5: "Immutable."}
    found = [words[number] for number in _option(field, "google.api.field_behavior") if number in words]
    return "".join(f"*{word}* " for word in found)


def _type(field: Any) -> str:
    if field.type in (_FIELD.TYPE_MESSAGE, _FIELD.TYPE_ENUM):
        text = _linked(field.type_name)
    else:
        text = _FIELD.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"{text}, repeated" if field.label == _FIELD.LABEL_REPEATED else text


def _linked(type_name: str) -> str:
    if not type_name.startswith(_PACKAGE):
        return type_name.removeprefix(".").removeprefix("google.protobuf.")
    name = type_name.removeprefix(_PACKAGE)
    return f"[{name}](#{name.replace('.', '').lower()})"


def _option(descriptor: Any, extension: str) -> Any:
    found = POOL.FindExtensionByName(extension)
    kind = message_factory.GetMessageClass(found.containing_type)
    options = kind.FromString(descriptor.options.SerializeToString())
    is_there = found.is_repeated or options.HasExtension(found)
    return options.Extensions[found] if is_there else None


def _paragraphs(comment: str) -> str:
    """The comment with each paragraph in one line; lists stay lists."""
    lines = [line.removeprefix(" ").rstrip() for line in comment.strip("\n").splitlines()]
    text = "\n".join(lines).strip()
    # A sentence that begins a line begins a paragraph's next thought; a list begins at a hyphen.
    joined = re.sub(r"(?<!\n)\n(?!\n|- )(?=\S|  )\s*", " ", text)
    return re.sub(r"(?<=:)\n(?=- )", "\n\n", joined)


def _cell(comment: str) -> str:
    """A comment in a table; the pattern of a name as code."""
    text = comment.replace("\n\n", " ").replace("\n", " ").replace("|", "\\|")
    return re.sub(r"Format: (\S+)$", r"Format: `\1`", text)


def main() -> int:
    """Write or check, as the command line says."""
    parser = argparse.ArgumentParser(description="Write docs/api.md from the protos.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the document is stale")
    if parser.parse_args().check:
        if stale():
            sys.stderr.write("docs/api.md is stale: run python proto/document.py\n")
            return 1
        return 0
    TARGET.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
