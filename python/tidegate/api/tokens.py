"""`PrincipalService`: who may ask, and their tokens."""

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.core.journal import Kind
from tidegate.core.names import principal_of
from tidegate.services import tokens
from tidegate.services.registry import Registry
from tidegate.stores.principals import Principal
from tidegate.v1 import principal_pb2
from tidegate.v1 import principal_service_pb2 as messages

MOST_PRINCIPALS = 1_000

KINDS = {
    Kind.PERSON: principal_pb2.Principal.PERSON,
    Kind.AUTOMATION: principal_pb2.Principal.AUTOMATION,
    Kind.GATEWAY: principal_pb2.Principal.GATEWAY,
}
_KIND_OF = {value: kind for kind, value in KINDS.items()}


class Tokens:
    """Answers for `tidegate.v1.PrincipalService`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_principal(self, _call: Call, request: messages.GetPrincipalRequest) -> principal_pb2.Principal:
        """Gets a principal."""
        return _message(tokens.get(self._registry, principal_of(request.name)))

    def list_principals(self, _call: Call, request: messages.ListPrincipalsRequest) -> messages.ListPrincipalsResponse:
        """Lists everybody who may ask, or might once."""
        page = page_of(request, most=MOST_PRINCIPALS)
        behind = [found for found in tokens.list_principals(self._registry) if found.name > page.key]
        kept, token = page.cut(behind[: page.size + 1], lambda principal: principal.name)
        return messages.ListPrincipalsResponse(
            principals=[_message(principal) for principal in kept], next_page_token=token
        )

    def create_token(self, call: Call, request: messages.CreateTokenRequest) -> messages.CreateTokenResponse:
        """Makes a principal and returns its token."""
        name = request.principal_id
        caller = call.caller(request, "tokens.create", f"principals/{name}")
        token = tokens.create(self._registry, caller, name, _KIND_OF[request.kind])
        return messages.CreateTokenResponse(principal=_message(tokens.get(self._registry, name)), token=token)

    def revoke_token(self, call: Call, request: messages.RevokeTokenRequest) -> principal_pb2.Principal:
        """Lets a token be nobody's, from now on."""
        name = principal_of(request.name)
        caller = call.caller(request, "tokens.revoke", f"principals/{name}")
        tokens.revoke(self._registry, caller, name, etag=request.etag)
        return _message(tokens.get(self._registry, name))


def _message(principal: Principal) -> principal_pb2.Principal:
    message = principal_pb2.Principal(
        name=f"principals/{principal.name}", kind=KINDS[principal.kind], etag=str(principal.seq)
    )
    message.create_time.FromMicroseconds(principal.create_us)
    if principal.revoke_us is not None:
        message.revoke_time.FromMicroseconds(principal.revoke_us)
    return message
