"""TLS on the data plane: who is let in, who is told why not, and certificates that change under load, on both fronts."""

import datetime as dt
import http.client
import json
import socket
import ssl
from contextlib import closing, contextmanager, suppress

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from support import certificates
from support.adding import ROW, added, route, write
from support.applying import apply
from support.asking import Asker, asked, failure
from support.certificates import DAY, Authority
from support.gateway import refused_start, start_gateway
from support.http2 import PREFACE
from support.waiting import until
from support.watching import Bystander, metric, status

transport = pytest.mark.transport
ROUTES = {"routes": {"sum": route(1)}}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def authority():
    return Authority()


def speaking(tls, **document):
    """A document with TLS on the port of gRPC."""
    return {**ROUTES, "listen": {"grpc": "127.0.0.1:0", "http": "127.0.0.1:0", "tls": tls}, **document}


@contextmanager
def secured(repository, folder, authority, *, issued=None, client_ca=None, **document):
    """A gateway that speaks TLS, with files in `folder`."""
    tls = certificates.write(folder, *(issued or authority.issue()), client_ca)
    with start_gateway(speaking(tls, **document), repository) as gateway:
        yield gateway


def trusting(authority, shown=None):
    """Credentials of a caller that trusts the authority, and shows a certificate."""
    certificate, key = shown or (None, None)
    return grpc.ssl_channel_credentials(authority.certificate, key, certificate)


def outcome(gateway, credentials):
    """Whether a new connection is answered."""
    with Asker(gateway.grpc_address, credentials) as calls:
        error = calls.begin(asked("sum", ROW), timeout=5).exception()
    return "OK" if error is None else error.code().name


def test_callers_that_trust_the_authority_are_answered(repository, tmp_path, authority):
    with (
        secured(repository, tmp_path, authority) as gateway,
        Asker(gateway.grpc_address, trusting(authority)) as calls,
    ):
        assert added(calls) == 1
        answers = list(calls.stream([asked("sum", ROW)] * 3))
        assert [answer.error_message for answer in answers] == [""] * 3
        told = status(gateway)["tls"]
        assert told["certificate"]["subject"] == "CN=localhost"
        assert 19 < told["certificate"]["days_left"] <= 20
        assert told["refused"] == []


def test_a_caller_that_trusts_another_authority_goes_without_an_answer(repository, tmp_path, authority):
    with secured(repository, tmp_path, authority) as gateway:
        assert outcome(gateway, trusting(Authority("Another"))) == "UNAVAILABLE"
        assert outcome(gateway, None) == "UNAVAILABLE"
        assert outcome(gateway, trusting(authority)) == "OK"


def test_only_callers_with_a_certificate_of_the_client_authority_are_answered(repository, tmp_path, authority):
    clients = Authority("For clients")
    with secured(repository, tmp_path, authority, client_ca=clients.certificate) as gateway:
        assert outcome(gateway, trusting(authority, clients.issue("a caller", for_clients=True))) == "OK"
        for shown in (
            None,
            authority.issue("of the wrong authority", for_clients=True),
            clients.issue("expired", for_clients=True, begins=-3 * DAY, ends=-DAY),
            clients.issue("not yet", for_clients=True, begins=DAY, ends=3 * DAY),
            clients.issue("for servers"),
        ):
            assert outcome(gateway, trusting(authority, shown)) == "UNAVAILABLE"
        assert outcome(gateway, trusting(authority, clients.issue("a caller", for_clients=True))) == "OK"


@transport
def test_each_reason_why_a_connection_comes_to_nothing_is_counted(repository, tmp_path, authority):
    clients = Authority("For clients")
    with secured(repository, tmp_path, authority, client_ca=clients.certificate) as gateway:

        def closed(reason):
            return metric(gateway, "tidegate_connections_closed_total", reason=reason)

        for reason, credentials in {
            "no_client_certificate": trusting(authority),
            "bad_client_certificate": trusting(authority, authority.issue("wrong", for_clients=True)),
            "plaintext_on_tls_port": None,
        }.items():
            assert closed(reason) == 0
            assert outcome(gateway, credentials) == "UNAVAILABLE"
            until(lambda reason=reason: closed(reason) >= 1, what=reason)
        host, _, port = gateway.grpc_address.rpartition(":")
        distrustful = ssl.create_default_context(cadata=clients.certificate.decode())
        opened = socket.create_connection((host, int(port)), timeout=20)
        with opened, pytest.raises(ssl.SSLCertVerificationError):
            distrustful.wrap_socket(opened, server_hostname="localhost")
        until(lambda: closed("caller_refused") == 1, what="caller_refused")
        assert "connection_refused" in gateway.log


def exchanged(address, sent):
    """Everything that comes back for these bytes, to the end of the connection."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as opened:
        opened.sendall(sent)
        found = b""
        while part := opened.recv(65_536):
            found += part
    return found


@transport
def test_plaintext_on_a_port_with_tls_is_told_so_in_its_own_words(repository, tmp_path, authority):
    with secured(repository, tmp_path, authority) as gateway:
        assert b"this port speaks TLS" in exchanged(gateway.grpc_address, PREFACE)
        assert exchanged(gateway.grpc_address, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert exchanged(gateway.grpc_address, b"\x00" * 64) == b""


@transport
def test_tls_on_a_port_without_is_ended_with_an_alert(repository):
    context = ssl.create_default_context()
    with start_gateway(ROUTES, repository) as gateway:
        for address in (gateway.grpc_address, gateway.http_address):
            host, _, port = address.rpartition(":")
            opened = socket.create_connection((host, int(port)), timeout=20)
            with opened, pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
                context.wrap_socket(opened, server_hostname="localhost")
        assert metric(gateway, "tidegate_connections_closed_total", reason="tls_on_plaintext_port") == 2


@transport
def test_a_handshake_that_stands_still_is_ended(repository, tmp_path, authority):
    with secured(repository, tmp_path, authority, limits={"handshake_timeout_ms": 200}) as gateway:
        assert exchanged(gateway.grpc_address, b"\x16\x03\x01\x02\x00") == b""
        assert metric(gateway, "tidegate_connections_closed_total", reason="handshake_timeout") == 1


def test_a_changed_certificate_is_taken_and_no_connection_is_lost(repository, tmp_path, authority):
    """New connections get the new one while calls go on on the old."""
    next_authority = Authority("The next authority")
    with secured(repository, tmp_path, authority) as gateway:
        bystander = Bystander(gateway, "sum", trusting(authority))
        until(lambda: bystander.latencies_s, what="it is answered")
        certificates.write(tmp_path, *next_authority.issue())
        until(lambda: outcome(gateway, trusting(next_authority)) == "OK", what="the new certificate is shown")
        assert outcome(gateway, trusting(authority)) == "UNAVAILABLE"
        answered = len(bystander.latencies_s)
        until(lambda: len(bystander.latencies_s) > answered + 100, what="the old connection goes on")
        bystander.leave()


def test_files_that_cannot_serve_change_nothing_and_are_named(repository, tmp_path, authority):
    with secured(repository, tmp_path, authority) as gateway:
        _, another_key = authority.issue()
        (tmp_path / "tls.key").write_bytes(another_key)
        until(lambda: status(gateway)["tls"]["refused"], what="the files are refused")
        (said,) = status(gateway)["tls"]["refused"]
        assert said == "listen.tls.key_file: is not the key of the certificate in cert_file"
        assert metric(gateway, "tidegate_tls_files_refused") == 1
        assert (
            said
            in apply(gateway, speaking(json.loads(gateway.document_path.read_text())["listen"]["tls"])).reasons[
                "listen.tls"
            ]
        )
        assert outcome(gateway, trusting(authority)) == "OK"
        certificates.write(tmp_path, *authority.issue())
        until(lambda: not status(gateway)["tls"]["refused"], what="good files are taken")
        assert outcome(gateway, trusting(authority)) == "OK"


def test_a_start_names_everything_that_is_wrong_with_the_files(repository, tmp_path, authority):
    expired = authority.issue(begins=-3 * DAY, ends=-dt.timedelta(hours=1))
    tls = certificates.write(tmp_path, expired[0], b"no key", authority.issue()[0])
    code, said = refused_start(speaking(tls), repository)
    assert code == 2
    for field, reason in [
        ("listen.tls.cert_file", "expired"),
        ("listen.tls.key_file", "there is no private key in it"),
        ("listen.tls.client_ca_file", "authority"),
    ]:
        assert any(field in line and reason in line for line in said.splitlines()), said
    missing = {"cert_file": str(tmp_path / "nothing.crt")}
    code, said = refused_start(speaking(missing), repository)
    assert code == 2
    assert "listen.tls: has no key_file" in said


@transport
def test_an_authority_whose_time_comes_while_the_gateway_serves_is_believed_from_then_on(
    repository, tmp_path, authority
):
    """The old one and the next one in one file is how authorities are changed."""
    old, following = Authority("Of today"), Authority("Of tomorrow", begins=dt.timedelta(seconds=3))
    both = old.certificate + following.certificate
    with secured(repository, tmp_path, authority, client_ca=both) as gateway:
        assert outcome(gateway, trusting(authority, old.issue("a caller", for_clients=True))) == "OK"
        shown = following.issue("a caller", for_clients=True, begins=dt.timedelta(seconds=3))
        assert outcome(gateway, trusting(authority, shown)) == "UNAVAILABLE"
        until(lambda: outcome(gateway, trusting(authority, shown)) == "OK", what="its day has come")


@transport
def test_a_key_that_stock_clients_do_not_take_is_said_at_the_start(repository, tmp_path, authority):
    with secured(
        repository, tmp_path, authority, issued=authority.issue(key=ed25519.Ed25519PrivateKey.generate())
    ) as gateway:
        assert "do not take Ed25519" in gateway.log
        assert outcome(gateway, trusting(authority)) == "UNAVAILABLE"


@contextmanager
def over_https(gateway, authority, shown=None):
    host, _, port = gateway.http_address.rpartition(":")
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    if shown:
        context.load_cert_chain(*shown)
    with closing(http.client.HTTPSConnection(host, int(port), timeout=20, context=context)) as connection:
        yield connection


@transport
def test_rest_is_asked_over_tls_too_and_pages_are_not(repository, tmp_path, authority):
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]})
    with secured(repository, tmp_path, authority) as gateway:
        with over_https(gateway, authority) as connection:
            for _ in range(3):
                connection.request("POST", "/v2/models/sum/infer", body)
                answer = connection.getresponse()
                assert answer.status == 200
                assert json.loads(answer.read())["outputs"][0]["data"] == [2, 3, 4, 5]
        host, _, port = gateway.http_address.rpartition(":")
        with closing(http.client.HTTPConnection(host, int(port), timeout=20)) as plain:
            plain.request("POST", "/v2/models/sum/infer", body)
            refused = plain.getresponse()
            assert (refused.status, "https" in json.loads(refused.read())["error"]) == (403, True)
            plain.request("GET", "/v2/health/ready")
            assert plain.getresponse().status == 200


@transport
def test_rest_asks_for_certificates_as_grpc_does(repository, tmp_path, authority):
    clients = Authority("For clients")
    shown = certificates.write(tmp_path, *clients.issue("a caller", for_clients=True))
    pair = (tmp_path / "caller.crt", tmp_path / "caller.key")
    for source, target in zip(("cert_file", "key_file"), pair, strict=True):
        target.write_bytes((tmp_path / shown[source].rpartition("/")[2]).read_bytes())
    with secured(repository, tmp_path, authority, client_ca=clients.certificate) as gateway:
        with over_https(gateway, authority, pair) as connection:
            connection.request("GET", "/v2/models/sum")
            assert connection.getresponse().status == 200
        with over_https(gateway, authority) as connection:
            with suppress(ConnectionError):
                connection.request("GET", "/v2/models/sum")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connection.getresponse()


def test_keys_and_tls_go_together(repository, tmp_path, authority):
    keys = {"team": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "routes": ["sum"]}}
    with secured(repository, tmp_path, authority, keys=keys) as gateway:
        bearer = grpc.access_token_call_credentials("test")
        with Asker(gateway.grpc_address, grpc.composite_channel_credentials(trusting(authority), bearer)) as calls:
            assert added(calls) == 1
        with Asker(gateway.grpc_address, trusting(authority)) as calls:
            assert failure(calls.begin(asked("sum", ROW))) == ("UNAUTHENTICATED", "MISSING_KEY")
