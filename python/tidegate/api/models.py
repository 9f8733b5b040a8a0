"""`ModelService`: what models there are, and who answers for them."""

from typing import Any

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.core.names import ModelName, project_of
from tidegate.errors import InputRefused, Violation
from tidegate.services import models, versions
from tidegate.services.registry import Registry
from tidegate.stores.models import Model
from tidegate.v1 import model_pb2, model_service_pb2

MOST_MODELS = 1_000


class Models:
    """Answers for `tidegate.v1.ModelService`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_model(self, _call: Call, request: model_service_pb2.GetModelRequest) -> model_pb2.Model:
        """Gets a model."""
        return message_of(models.get(self._registry, ModelName.parse(request.name)))

    def list_models(
        self, _call: Call, request: model_service_pb2.ListModelsRequest
    ) -> model_service_pb2.ListModelsResponse:
        """Lists the models of a project."""
        page = page_of(request, most=MOST_MODELS)
        project = project_of(request.parent)
        found = versions.list_models(self._registry, project, after=page.key, limit=page.size + 1)
        kept, token = page.cut(found, lambda model: model.name.model)
        return model_service_pb2.ListModelsResponse(models=[message_of(model) for model in kept], next_page_token=token)

    def update_model(self, call: Call, request: model_service_pb2.UpdateModelRequest) -> model_pb2.Model:
        """Changes who answers for a model."""
        name = ModelName.parse(request.model.name)
        caller = call.caller(request, "models.update", str(name))
        models.update(self._registry, caller, name, _asked(request), etag=request.model.etag)
        return message_of(models.get(self._registry, name))


def message_of(model: Model) -> model_pb2.Model:
    """A model as the API says it."""
    message = model_pb2.Model(
        name=str(model.name),
        owner=model.owner,
        contact=model.contact,
        runbook=model.runbook,
        latest_version=model.next_number - 1,
        etag=str(model.seq),
    )
    message.create_time.FromMicroseconds(model.create_us)
    return message


def _asked(request: Any) -> dict[str, str]:
    """The fields that the mask names, with their new values."""
    paths = list(request.update_mask.paths)
    if not paths:
        return {field: value for field in models.ABOUT if (value := getattr(request.model, field))}
    if paths == ["*"]:
        return {field: getattr(request.model, field) for field in models.ABOUT}
    wrong = tuple(
        Violation(f"update_mask.paths[{at}]", f"{path!r} cannot be changed; {', '.join(models.ABOUT)} can")
        for at, path in enumerate(paths)
        if path not in models.ABOUT
    )
    if wrong:
        sentences = "; ".join(reason for _, reason in wrong)
        raise InputRefused(f"The mask is refused: {sentences}.", reason="MASK_REFUSED", violations=wrong)
    return {path: getattr(request.model, path) for path in paths}
