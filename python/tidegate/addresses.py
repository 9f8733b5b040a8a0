"""Addresses that only this machine can connect to."""

import ipaddress

_NAMES = frozenset({"localhost", "ip6-localhost"})


def is_local(address: str) -> bool:
    """Whether only this machine can connect to an address such as `127.0.0.1:8003`, `[::1]:8003` or `unix:socket`."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.removeprefix("dns:").lstrip("/").rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _NAMES
