import pytest

from tidegate.addresses import is_local


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8003", "127.8.0.1:0", "localhost:1", "[::1]:8003", "unix:/tmp/x", "dns:///localhost:8003"]
)
def test_what_only_this_machine_reaches_is_local(address):
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:8003",
        "[::]:8003",
        "10.1.1.1:1",
        "example.com:1",
        ":8003",
        "8003",
        "",
        "127.0.0.1.example.com:1",
        "localhost.evil:1",
    ],
)
def test_everything_else_is_not(address):
    assert not is_local(address)
