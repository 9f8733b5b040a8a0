"""The protos of the admin API as descriptors, with their options and comments."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor

from tidegate import v1
from tidegate.inference.pool import POOL

PROTO = Path(__file__).resolve().parents[2] / "proto"


@cache
def generate() -> Any:
    """`proto/generate.py` as a module."""
    spec = importlib.util.spec_from_file_location("generate", PROTO / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def sources() -> tuple[str, ...]:
    """The files of the admin API."""
    [package] = [package for package in generate().PACKAGES if package.name == "v1"]
    found: tuple[str, ...] = package.sources
    return found


@cache
def image() -> bytes:
    """Their descriptor set with comments."""
    written: bytes = generate().image(sources(), "--include_source_info")
    return written


def files() -> list[FileDescriptor]:
    """Their descriptors, from the generated modules."""
    for path in Path(next(iter(v1.__path__))).glob("*_pb2.py"):
        importlib.import_module(f"tidegate.v1.{path.stem}")
    return [POOL.FindFileByName(source) for source in sources()]


def option(descriptor: Any, extension: str) -> Any:
    """The value of an option such as `google.api.http`; None where it is not set."""
    found = POOL.FindExtensionByName(extension)
    kind = message_factory.GetMessageClass(found.containing_type)
    options = kind.FromString(descriptor.GetOptions().SerializeToString())
    if found.is_repeated:
        return list(options.Extensions[found])
    return options.Extensions[found] if options.HasExtension(found) else None
