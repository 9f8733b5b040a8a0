"""Who may ask: principals and their tokens, of which only digests are kept."""

import hashlib
import secrets
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from tidegate.core.journal import Actor, Kind
from tidegate.core.names import check_id
from tidegate.errors import AlreadyThere, ChangeRefused, Missing, Unidentified
from tidegate.services.registry import Caller, Change, Receipt, Registry, check_etag
from tidegate.stores import principals
from tidegate.stores.principals import Principal

PREFIX = "tg_"
"""What every token begins with, so that scanners find it in the wrong places."""
_TOKEN_BYTES = 32


def new_token() -> str:
    """A token that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def create(registry: Registry, caller: Caller, name: str, kind: Kind, *, token: str | None = None) -> str:
    """Makes a principal and returns its token, which nobody can read again.

    Args:
        registry: The registry.
        caller: Who asks.
        name: Of the principal.
        kind: What it is.
        token: Of :func:`new_token`, where the caller has kept one already.

    Raises:
        AlreadyThere: There is, or was, a principal of this name: the journal would not tell them apart. Or the request
            comes again: the token is not kept, and cannot be shown twice.
    """
    check_id(name, "a principal")
    made = new_token() if token is None else token

    def work(change: Change) -> Receipt:
        if principals.by_name(change.connection, name) is not None:
            raise AlreadyThere(
                f"There is or was a principal {name!r}: take another name.", reason="PRINCIPAL_EXISTS", principal=name
            )
        seq = change.enter("tokens.create", f"principals/{name}", after=_shown(name, kind, is_revoked=False))
        principal = Principal(name=name, kind=kind, create_us=change.now_us, revoke_us=None, seq=seq)
        principals.put(change.connection, principal, _digest(made))
        return {"name": name, "token": _digest(made)}

    if registry.change(caller, work)["token"] != _digest(made):
        raise AlreadyThere(
            f"The token of {name} was shown when it was made: revoke it, and make one of another name.",
            reason="TOKEN_SHOWN",
            principal=name,
        )
    return made


def revoke(registry: Registry, caller: Caller, name: str, *, etag: str = "") -> Receipt:
    """Lets a token be nobody's, from now on.

    Raises:
        ChangeConflict: The principal has another etag.
        Missing: There is no such principal.
        ChangeRefused: It is revoked already, or is the caller: nobody locks themselves out.
    """

    def work(change: Change) -> Receipt:
        principal = _known(change.connection, name)
        check_etag(etag, principal.seq, f"principals/{name}")
        if principal.revoke_us is not None or name == caller.actor.name:
            why = "is revoked already" if principal.revoke_us is not None else "is you: let somebody else revoke it"
            raise ChangeRefused(f"The token of {name} {why}.", reason="TOKEN_KEPT", resource=f"principals/{name}")
        kind = principal.kind
        before, after = _shown(name, kind, is_revoked=False), _shown(name, kind, is_revoked=True)
        seq = change.enter("tokens.revoke", f"principals/{name}", before=before, after=after)
        principals.put(change.connection, replace(principal, revoke_us=change.now_us, seq=seq))
        return {"name": name}

    return registry.change(caller, work)


def identify(registry: Registry, token: str) -> Actor:
    """Whose token it is.

    Raises:
        Unidentified: Nobody's, or a revoked one.
    """
    with registry.reading() as connection:
        principal = principals.by_token(connection, _digest(token))
    if principal is None or principal.revoke_us is not None:
        was = "was revoked" if principal is not None else "is nobody's"
        raise Unidentified(f"This token {was}: ask for one made by `tidegate tokens create`.", reason="TOKEN_UNKNOWN")
    return Actor(name=principal.name, kind=principal.kind)


def get(registry: Registry, name: str) -> Principal:
    """Somebody who may ask, or might.

    Raises:
        Missing: There is no such principal.
    """
    with registry.reading() as connection:
        return _known(connection, name)


def list_principals(registry: Registry) -> list[Principal]:
    """Everybody who may ask, or might, in the order of names."""
    with registry.reading() as connection:
        return principals.list_all(connection)


def _known(connection: Connection, name: str) -> Principal:
    principal = principals.by_name(connection, name)
    if principal is None:
        raise Missing(f"There is no principal {name!r}.", reason="PRINCIPAL_MISSING", principal=name)
    return principal


def _digest(token: str) -> str:
    # Tokens have 256 random bits: no salt and no slow hash could make them harder to guess.
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _shown(name: str, kind: Kind, *, is_revoked: bool) -> dict[str, Any]:
    return {"name": name, "kind": kind.value, "is_revoked": is_revoked}
