"""`MonitorService`: what is watched for drift."""

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.api.routes import SERVED_S
from tidegate.core.names import RouteName, environment_of, monitor_of
from tidegate.core.serving import Follow
from tidegate.services import monitors
from tidegate.services.registry import Registry
from tidegate.stores.heads import Head, StoredRevision
from tidegate.v1 import monitor_pb2
from tidegate.v1 import monitor_service_pb2 as messages
from tidegate.v1.documents import document_of, fill_struct

MOST_MONITORS = 200
"""Of one page; each has a whole document."""


class Monitors:
    """Answers for `tidegate.v1.MonitorService`."""

    def __init__(self, registry: Registry, follow: Follow) -> None:
        self._registry = registry
        self._follow = follow

    def get_monitor(self, _call: Call, request: messages.GetMonitorRequest) -> monitor_pb2.Monitor:
        """Gets a monitor."""
        return self._message(monitor_of(request.name))

    def list_monitors(self, _call: Call, request: messages.ListMonitorsRequest) -> messages.ListMonitorsResponse:
        """Lists the monitors of an environment."""
        page = page_of(request, most=MOST_MONITORS)
        project, environment = environment_of(request.parent)
        found = monitors.list_monitors(self._registry, project, environment, after=page.key, limit=page.size + 1)
        kept, token = page.cut(found, lambda pair: pair[0].scope.rpartition("/")[2])
        return messages.ListMonitorsResponse(monitors=[_message(*pair) for pair in kept], next_page_token=token)

    def apply_monitor(self, call: Call, request: messages.ApplyMonitorRequest) -> messages.ApplyMonitorResponse:
        """Watches a route as a document says, from now on."""
        name = monitor_of(request.name)
        caller = call.caller(request, "monitors.apply", monitors.scope_of(name))
        document = document_of(request.document)
        receipt = monitors.apply(self._registry, caller, name, document, etag=request.etag)
        head, revision = monitors.get(self._registry, name)
        given_up = self._follow(name, head.seq, SERVED_S).given_up
        return messages.ApplyMonitorResponse(
            monitor=_message(head, revision), changed=receipt["changed"], given_up=given_up
        )

    def _message(self, name: RouteName) -> monitor_pb2.Monitor:
        return _message(*monitors.get(self._registry, name))


def _message(head: Head, revision: StoredRevision) -> monitor_pb2.Monitor:
    message = monitor_pb2.Monitor(
        name=head.scope, revision=head.revision, generation=head.generation, etag=str(head.seq)
    )
    fill_struct(message.document, revision.document)
    fill_struct(message.content, revision.content)
    return message
