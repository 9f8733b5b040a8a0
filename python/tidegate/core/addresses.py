"""Addresses of what is pluggable: `sqlite:tidegate-data/registry.db`, `folder:artifacts`, `log:`."""

from collections.abc import Mapping
from typing import TypeVar

from tidegate.errors import InputRefused

MemberT = TypeVar("MemberT")


def choose(address: str, members: Mapping[str, MemberT], *, what: str, reason: str) -> tuple[MemberT, str]:
    """The member that the scheme of an address names, and the rest of the address, which is the member's to read.

    Args:
        address: As it was written.
        members: By their schemes.
        what: As a person calls one of them, such as `a sink`.
        reason: Of the refusal.

    Raises:
        InputRefused: No member has this scheme.
    """
    scheme, colon, where = address.partition(":")
    if scheme not in members or not colon:
        known = ", ".join(sorted(members))
        raise InputRefused(f"{address!r} is no address of {what}: <scheme>:<where>, of {known}", reason=reason)
    return members[scheme], where
