"""The server of the admin API itself: who can connect, and what tools ask of it."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from support.admin import PATIENCE_S, Refusal
from support.certificates import Authority, write
from tidegate.api import AdminServer, TlsFiles
from tidegate.client.registry import Registry, calls
from tidegate.errors import InputRefused, RegistryUnavailable
from tidegate.v1.version_service_pb2 import RegisterVersionRequest

SERVICES = [
    f"tidegate.v1.{noun}Service"
    for noun in ("Alias", "Blob", "Journal", "Model", "Monitor", "Principal", "Registry", "Route", "Version")
]


def another(admin, address, tls=None):
    return AdminServer(admin.services, admin.blobs, admin.clock, address=address, tls=tls)


@pytest.fixture
def tls(tmp_path):
    authority = Authority()
    write(tmp_path, *authority.issue())
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    return TlsFiles(certificate=tmp_path / "tls.crt", key=tmp_path / "tls.key"), authority


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_health_needs_no_token(admin, service):
    stub = health_pb2_grpc.HealthStub(admin.channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_tells_of_everything(admin):
    database = ProtoReflectionDescriptorDatabase(admin.channel)
    assert set(SERVICES) <= set(database.get_services())
    file = database.FindFileContainingSymbol("tidegate.v1.RouteService")
    assert {"PlanRoute", "ApplyRoute"} <= {method.name for method in file.service[0].method}
    assert database.FindFileContainingSymbol("grpc.health.v1.Health").package == "grpc.health.v1"
    with pytest.raises(KeyError):
        database.FindFileContainingSymbol("tidegate.v1.Nothing")


def test_few_may_reflect_at_once_and_the_rest_goes_on(admin):
    stub = reflection_pb2_grpc.ServerReflectionStub(admin.channel)
    held = [stub.ServerReflectionInfo(_ask_and_hold(), timeout=PATIENCE_S) for _ in range(2)]
    for stream in held:
        next(stream)
    with pytest.raises(grpc.RpcError) as refused:
        next(stub.ServerReflectionInfo(_ask_and_hold(), timeout=PATIENCE_S))
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    with admin.client() as registry:
        assert registry.verify().broken_entry is None
    for stream in held:
        stream.cancel()


def _ask_and_hold():
    import threading

    yield reflection_pb2.ServerReflectionRequest(list_services="")
    threading.Event().wait(PATIENCE_S)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "10.0.0.1:0", ":0", "example.com:0"])
def test_whoever_can_be_reached_by_others_speaks_tls(admin, address):
    with pytest.raises(InputRefused) as refused:
        another(admin, address)
    assert refused.value.reason == "TLS_NEEDED"


def test_a_token_is_not_sent_to_another_machine_in_plain_text():
    with pytest.raises(InputRefused) as refused:
        Registry("example.com:8003", token="tg_x")
    assert refused.value.reason == "TLS_NEEDED"


def test_an_address_that_is_taken_is_named(admin):
    with pytest.raises(RegistryUnavailable) as refused:
        another(admin, admin.target)
    assert refused.value.reason == "ADDRESS_TAKEN"


def test_a_certificate_that_cannot_be_read_is_named(admin, tmp_path):
    missing = TlsFiles(certificate=tmp_path / "no.crt", key=tmp_path / "no.key")
    with pytest.raises(RegistryUnavailable, match=r"no\.key"):
        another(admin, "127.0.0.1:0", missing)


def test_calls_go_through_tls(admin, tls):
    files, authority = tls
    server = another(admin, "0.0.0.0:0", files)
    server.start()
    try:
        credentials = grpc.ssl_channel_credentials(authority.certificate)
        token = admin.tokens["ann"]
        with Registry(f"localhost:{server.port}", token=token, timeout=PATIENCE_S, credentials=credentials) as safe:
            assert safe.show("fraud/1").name == "fraud/1"
        with (
            Registry(f"localhost:{server.port}", token=token, timeout=1.0) as plain,
            pytest.raises(RegistryUnavailable),
        ):
            plain.show("fraud/1")
    finally:
        server.stop(grace_s=0)


def test_a_caller_without_a_certificate_is_turned_away_where_one_is_asked_for(admin, tls, tmp_path):
    files, authority = tls
    asks = TlsFiles(certificate=files.certificate, key=files.key, client_ca=tmp_path / "ca.crt")
    server = another(admin, "127.0.0.1:0", asks)
    server.start()
    try:
        certificate, key = authority.issue("a caller", for_clients=True)
        target, token = f"localhost:{server.port}", admin.tokens["ann"]
        known = grpc.ssl_channel_credentials(authority.certificate, key, certificate)
        with Registry(target, token=token, timeout=PATIENCE_S, credentials=known) as registry:
            assert registry.show("fraud/1").name == "fraud/1"
        unknown = grpc.ssl_channel_credentials(authority.certificate)
        with (
            Registry(target, token=token, timeout=1.0, credentials=unknown) as registry,
            pytest.raises(RegistryUnavailable),
        ):
            registry.show("fraud/1")
    finally:
        server.stop(grace_s=0)


def test_a_token_comes_from_a_file_or_from_the_caller_and_from_one_of_both(admin, tmp_path):
    (tmp_path / "token").write_text(admin.tokens["ann"] + "\n")
    with Registry(admin.target, token_file=tmp_path / "token", timeout=PATIENCE_S) as registry:
        assert registry.list_models()[0].name == "fraud"
    for named in ({}, {"token": "a", "token_file": tmp_path / "token"}):
        with pytest.raises(InputRefused):
            Registry(admin.target, **named)


def test_a_request_that_is_too_large_is_not_read(admin):
    request = RegisterVersionRequest(parent="projects/default/models/x", owner="x" * (9 << 20))
    call = admin.channel.unary_unary(calls.REGISTER_VERSION.path)
    with pytest.raises(grpc.RpcError) as refused:
        call(request.SerializeToString(), timeout=PATIENCE_S)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_after_the_end_the_registry_is_unavailable(admin):
    with Registry(admin.target, token=admin.tokens["ann"], timeout=0.5) as registry:
        registry.verify()
        admin.server.stop(grace_s=0)
        with pytest.raises(RegistryUnavailable):
            registry.verify()
        registry.close()
        with pytest.raises(RegistryUnavailable, match="closed"):
            registry.verify()


def test_an_answer_that_is_refused_by_grpc_itself_is_one_of_our_errors(admin):
    """A method that there is not: no registry of ours refuses it, so there are no details."""
    call = admin.channel.unary_unary("/tidegate.v1.RouteService/PaintRoute")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"", timeout=PATIENCE_S)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(AssertionError):
        Refusal.of(refused.value)
