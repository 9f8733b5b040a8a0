"""What a gateway says over HTTP is read from where people say it is, and from nowhere else."""

import socket

import pytest

from support.stand_ins import http_port
from tidegate.errors import GatewayUnreachable, UnexpectedAnswer
from tidegate.gateway import http


@pytest.mark.parametrize(
    "address, url",
    [
        ("127.0.0.1:8002", "http://127.0.0.1:8002"),
        ("localhost:8002", "http://localhost:8002"),
        ("[::1]:8002", "http://[::1]:8002"),
        ("http://gateway/", "http://gateway"),
        ("https://gateway:1/behind/", "https://gateway:1/behind"),
    ],
)
def test_an_address_or_a_url_is_a_base(address, url):
    assert http.base_url(address) == url


@pytest.mark.parametrize(
    "address", ["", "ftp://a", "http://", "a:0", "a:99999", "a b:1", "a:1?x", "a:1\n", "http://[::1"]
)
def test_anything_else_is_refused(address):
    with pytest.raises(ValueError):
        http.base_url(address)


def test_json_is_read_and_no_proxy_is_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with http_port() as (address, gateway):
        gateway.says({"epoch": 7})
        assert http.read_json(http.base_url(address), "/status") == {"epoch": 7}
    assert [path for _, path, _ in gateway.asked] == ["/status"]


def test_where_nobody_listens_the_address_is_named():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(GatewayUnreachable, match=f"No gateway answers at http://{address} .Connection refused"):
            http.read_json(http.base_url(address), "/status")


def test_who_says_nothing_is_not_waited_for_forever(monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT_S", 0.1)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(GatewayUnreachable, match="nothing came for"):
        http.read_json(f"http://127.0.0.1:{silent.getsockname()[1]}", "/status")


@pytest.mark.parametrize(
    "body, status, found",
    [(b"<html>", 200, "it begins with b'<html>'"), ({}, 503, "HTTP status 503"), (b"", 200, "b''")],
)
def test_who_says_something_else_is_no_gateway(body, status, found):
    with http_port() as (address, gateway):
        gateway.says(body, status)
        with pytest.raises(UnexpectedAnswer) as refused:
            http.read_json(http.base_url(address), "/status")
    assert found in str(refused.value)


def test_an_answer_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(http, "MOST_BYTES", 5)
    with http_port() as (address, gateway):
        gateway.says({"epoch": 7})
        with pytest.raises(UnexpectedAnswer):
            http.read_json(http.base_url(address), "/status")
