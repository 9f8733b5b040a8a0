"""The private descriptor pool of the generated messages.

tritonclient, kserve and mlserver register `inference.ModelInferRequest` and its kin in protobuf's default pool, each
from a slightly different file; a second registration there ends the import with an error. In a pool of our own the same
names can stand beside theirs, whoever is imported first.

Messages of this pool are not instances of the classes in `google.protobuf.*_pb2`: pass values between them as bytes or
field by field.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import any_pb2, descriptor, descriptor_pool, duration_pb2, message_factory
from google.protobuf.internal import enum_type_wrapper

POOL = descriptor_pool.DescriptorPool()


def add_file(serialized: bytes) -> descriptor.FileDescriptor:
    """Register one serialized `FileDescriptorProto`; the files it imports must have come before."""
    file: descriptor.FileDescriptor = POOL.AddSerializedFile(serialized)
    return file


def message_class(file: descriptor.FileDescriptor, name: str) -> type[Any]:
    """The class of a message that the file declares at its top."""
    return message_factory.GetMessageClass(file.message_types_by_name[name])


def enum_type(file: descriptor.FileDescriptor, name: str) -> Any:
    """The names and numbers of an enum that the file declares at its top."""
    return enum_type_wrapper.EnumTypeWrapper(file.enum_types_by_name[name])


# What our files import of protobuf's own.
for _file in (any_pb2.DESCRIPTOR, duration_pb2.DESCRIPTOR):
    add_file(_file.serialized_pb)
