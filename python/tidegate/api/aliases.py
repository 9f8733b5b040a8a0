"""`AliasService`: names that point to versions."""

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.core.names import ModelName, alias_of
from tidegate.services import aliases
from tidegate.services.registry import Registry
from tidegate.stores.models import Alias
from tidegate.v1 import alias_pb2
from tidegate.v1 import alias_service_pb2 as messages

MOST_ALIASES = 1_000


class Aliases:
    """Answers for `tidegate.v1.AliasService`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_alias(self, _call: Call, request: messages.GetAliasRequest) -> alias_pb2.Alias:
        """Gets an alias."""
        return _message(aliases.get(self._registry, *alias_of(request.name)))

    def list_aliases(self, _call: Call, request: messages.ListAliasesRequest) -> messages.ListAliasesResponse:
        """Lists the aliases of a model."""
        page = page_of(request, most=MOST_ALIASES)
        found = aliases.list_aliases(self._registry, ModelName.parse(request.parent))
        behind = [alias for alias in found if alias.alias > page.key]
        kept, token = page.cut(behind[: page.size + 1], lambda alias: alias.alias)
        return messages.ListAliasesResponse(aliases=[_message(alias) for alias in kept], next_page_token=token)

    def set_alias(self, call: Call, request: messages.SetAliasRequest) -> messages.SetAliasResponse:
        """Has an alias point to a version."""
        model, alias = alias_of(request.name)
        caller = call.caller(request, "aliases.set", model.alias(alias))
        receipt = aliases.set_alias(self._registry, caller, model, alias, request.version, etag=request.etag)
        return messages.SetAliasResponse(
            alias=_message(aliases.get(self._registry, model, alias)),
            previous_version="" if receipt["before"] is None else str(model.version(receipt["before"])),
            routes=receipt["routes"],
        )

    def delete_alias(self, call: Call, request: messages.DeleteAliasRequest) -> messages.DeleteAliasResponse:
        """Has an alias point nowhere."""
        model, alias = alias_of(request.name)
        caller = call.caller(request, "aliases.remove", model.alias(alias))
        receipt = aliases.remove_alias(self._registry, caller, model, alias, etag=request.etag)
        return messages.DeleteAliasResponse(previous_version=str(model.version(receipt["before"])))


def _message(alias: Alias) -> alias_pb2.Alias:
    return alias_pb2.Alias(
        name=alias.model.alias(alias.alias), version=str(alias.model.version(alias.number)), etag=str(alias.seq)
    )
