"""The admin API keeps the rules of the API improvement proposals that buf does not know, those of buf, and its word."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from support.protos import PROTO, files, generate, image, option

BUF = Path(sys.executable).with_name("buf")
RULES = PROTO / "buf.json"
RELEASED = PROTO / "released" / "tidegate_v1.binpb.gz"

FIELD = FieldDescriptor
SERVICES = {service.name: service for file in files() for service in file.services_by_name.values()}
METHODS = {method.name: method for service in SERVICES.values() for method in service.methods}
MESSAGES = {message.name: message for file in files() for message in file.message_types_by_name.values()}
RESOURCES = {
    name: resource for name, message in MESSAGES.items() if (resource := option(message, "google.api.resource"))
}
REQUESTS = {name: message for name, message in MESSAGES.items() if name.endswith("Request")}

# Resources without a method of the standard, with the reason.
NO_GET = {
    "Blob": "it is its own name; CheckBlobs says whether it is there",
    "Tenure": "it is found by its time: ListTenures",
}
NO_LIST = {
    "Blob": "a caller knows the digests that it means",
    "Plan": "a plan is for whoever made it, for an hour",
    "Registry": "there is one",
}
READS = re.compile(r"(Get|List|Check|Diff|Verify|Download)[A-Z]\w*")
# What is the same however often it is done.
IDEMPOTENT = {"UploadBlob"}


def _ids(descriptor):
    return descriptor.name


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_says_its_name_first(name):
    resource, first = RESOURCES[name], MESSAGES[name].fields[0]
    assert (first.name, first.number, first.type) == ("name", 1, FIELD.TYPE_STRING)
    assert 8 in option(first, "google.api.field_behavior"), "IDENTIFIER"
    assert resource.type == f"tidegate.dev/{name}"
    assert (resource.singular, resource.plural) == (name.lower(), resource.plural)
    [pattern] = resource.pattern
    *_, collection, id_ = ["", *pattern.split("/")]
    if name != "Registry":
        assert (collection, id_) == (resource.plural, f"{{{resource.singular}}}")
        assert all(part.startswith("{") is bool(at % 2) for at, part in enumerate(pattern.split("/")))


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_can_be_got_and_listed(name):
    plural = RESOURCES[name].plural.capitalize()
    assert (f"Get{name}" in METHODS) is (name not in NO_GET)
    assert (f"List{plural}" in METHODS) is (name not in NO_LIST)
    if f"Get{name}" in METHODS:
        assert METHODS[f"Get{name}"].output_type.name == name
        assert [field.name for field in METHODS[f"Get{name}"].input_type.fields] == ["name"]


@pytest.mark.parametrize("method", [each for each in METHODS.values() if each.name.startswith("List")], ids=_ids)
def test_a_list_comes_in_pages(method):
    request, response = method.input_type.fields_by_name, method.output_type
    assert request["page_size"].type == FIELD.TYPE_INT32
    assert option(request["page_size"], "buf.validate.field").int32.gte == 0
    assert request["page_token"].type == FIELD.TYPE_STRING
    assert response.fields_by_number[1].is_repeated
    assert response.fields_by_number[1].message_type.name in RESOURCES
    assert response.fields_by_number[2].name == "next_page_token"
    [pattern] = RESOURCES[response.fields_by_number[1].message_type.name].pattern
    assert ("parent" in request) is (pattern.count("/") > 1)


@pytest.mark.parametrize("method", METHODS.values(), ids=_ids)
def test_what_changes_something_can_be_repeated_and_says_why(method):
    fields = method.input_type.fields_by_name
    if READS.fullmatch(method.name) or method.name in IDEMPOTENT:
        assert "request_id" not in fields
        return
    assert option(fields["request_id"], "buf.validate.field").string.uuid
    assert ("reason" in fields) is (method.name != "PlanRoute")


@pytest.mark.parametrize("method", METHODS.values(), ids=_ids)
def test_a_method_can_be_reached_by_http_unless_it_streams(method):
    is_stream = method.client_streaming or method.server_streaming
    assert (option(method, "google.api.http") is None) is is_stream


@pytest.mark.parametrize("message", [*REQUESTS.values(), MESSAGES["File"], MESSAGES["BlobHead"]], ids=_ids)
def test_every_field_of_a_request_is_bounded(message):
    for field in message.fields:
        rules = option(field, "buf.validate.field")
        if field.is_repeated:
            assert rules.repeated.max_items, field.full_name
        elif field.type == FIELD.TYPE_STRING:
            bounds = ("max_len", "max_bytes", "pattern", "const", "uuid")
            assert any(rules.string.HasField(bound) for bound in bounds), field.full_name
        elif field.type == FIELD.TYPE_BYTES:
            assert rules.bytes.max_len, field.full_name
        elif field.type == FIELD.TYPE_ENUM:
            assert rules.enum.defined_only, field.full_name


@pytest.mark.parametrize("message", MESSAGES.values(), ids=_ids)
def test_fields_and_enums_are_named_alike(message):
    for field in message.fields:
        is_time = field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp"
        assert field.name.endswith("_time") is is_time, field.full_name
        assert not re.search(r"(^|_)(at|by|for|from|in|of|on|to|with)(_|$)", field.name), field.full_name
        assert field.name != "status", field.full_name
        reference = option(field, "google.api.resource_reference")
        if reference is not None:
            assert (reference.type or reference.child_type).removeprefix("tidegate.dev/") in RESOURCES
    for enum in message.enum_types:
        upper = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
        assert (enum.values[0].name, enum.values[0].number) == (f"{upper}_UNSPECIFIED", 0)


def test_a_method_says_what_it_does_in_the_third_person():
    for file in generate().descriptors(image()):
        if not file.name.startswith("tidegate/"):
            continue
        comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
        for at, service in enumerate(file.service):
            for number, method in enumerate(service.method):
                first = comments[6, at, 2, number].split()[0]
                assert first.endswith("s"), f"{method.name}: {first}"


def test_buf_finds_nothing(tmp_path):
    assert _lint(tmp_path, image()) == ""


def test_buf_would_find_something(tmp_path):
    """The rules are read, and our files are not ignored."""
    worse = _changed("page_size", "pageSize")
    assert "pageSize" in _lint(tmp_path, worse)


def test_nothing_breaks_what_was_released(tmp_path):
    assert _breaks(tmp_path, image()) == ""


def test_a_break_would_be_found(tmp_path):
    assert "page_size" in _breaks(tmp_path, _changed("page_size", "size_page"))


def test_what_was_released_can_be_read():
    names = [file.name for file in generate().descriptors(gzip.decompress(RELEASED.read_bytes()))]
    assert "tidegate/v1/route_service.proto" in names


def _changed(old, new):
    """The image with a field renamed."""
    found = generate().descriptors(image())
    written = generate()._descriptor_set()()
    for file in found:
        for message in file.message_type if file.name.startswith("tidegate/") else ():
            for field in message.field:
                if field.name == old:
                    field.name = new
        written.file.append(file)
    return written.SerializeToString()


def _lint(folder, content):
    return _buf(folder, content, "lint")


def _breaks(folder, content):
    return _buf(folder, content, "breaking", "--against", str(RELEASED))


def _buf(folder, content, command, *more):
    (folder / "image.binpb").write_bytes(content)
    done = subprocess.run(
        [BUF, command, str(folder / "image.binpb"), "--config", str(RULES), *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # Nothing of a user's own settings, and nowhere to go on the network.
        env={"HOME": str(folder), "BUF_CACHE_DIR": str(folder)},
    )
    assert not done.stderr, done.stderr
    return done.stdout
