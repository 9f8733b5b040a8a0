"""`RouteService`: what routes are, were and may become."""

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.api.routes_messages import plan_message, revision_message, route_message, tenure_message
from tidegate.api.values import fill_findings, micros_of
from tidegate.core.names import RouteName, check_id, environment_of, plan_of, revision_of
from tidegate.core.serving import Follow
from tidegate.errors import InputRefused, Missing, Violation
from tidegate.services import plans, routes
from tidegate.services.registry import Registry
from tidegate.stores.plans import Plan
from tidegate.v1 import route_pb2
from tidegate.v1 import route_service_pb2 as messages
from tidegate.v1.documents import document_of

SERVED_S = 10.0
"""How long a change waits for the gateway: no call is to block longer than that."""
MOST_ROUTES = 1_000
MOST_REVISIONS = 200
"""Of one page; each has a whole document."""


class Routes:
    """Answers for `tidegate.v1.RouteService`."""

    def __init__(self, registry: Registry, follow: Follow) -> None:
        self._registry = registry
        self._follow = follow

    def get_route(self, _call: Call, request: messages.GetRouteRequest) -> route_pb2.Route:
        """Gets a route as it is now."""
        return self._route(RouteName.parse(request.name))

    def list_routes(self, _call: Call, request: messages.ListRoutesRequest) -> messages.ListRoutesResponse:
        """Lists the routes of an environment."""
        page = page_of(request, most=MOST_ROUTES)
        project, environment = environment_of(request.parent)
        found = routes.list_routes(self._registry, project, environment, after=page.key, limit=page.size + 1)
        kept, token = page.cut(found, lambda head: RouteName.parse(head.scope).route)
        return messages.ListRoutesResponse(routes=[route_message(head) for head in kept], next_page_token=token)

    def plan_route(self, call: Call, request: messages.PlanRouteRequest) -> route_pb2.Plan:
        """Looks at what a document would change, and keeps that."""
        document = document_of(request.document)
        name = _named(request.parent, document)
        caller = call.caller(request, "routes.plan", str(name))
        # In the environment `default` the id says it all; elsewhere it would mean another route.
        is_whole = RouteName.parse(str(document["route"])) == name
        written = document if is_whole else {**document, "route": str(name)}
        return plan_message(plans.plan(self._registry, caller, written), self._registry.min_bake_us)

    def get_plan(self, _call: Call, request: messages.GetPlanRequest) -> route_pb2.Plan:
        """Gets a plan."""
        kept = plans.get(self._registry, self._kept(request.name).id)
        return plan_message(kept, self._registry.min_bake_us)

    def apply_route(self, call: Call, request: messages.ApplyRouteRequest) -> messages.ApplyRouteResponse:
        """Makes a planned change, if nothing has changed since."""
        plan = self._kept(request.plan)
        receipt = plans.apply(
            self._registry,
            call.caller(request, "routes.apply", plan.scope),
            plan.id,
            allow_breaking=request.allow_breaking,
            release_hold=request.release_hold,
        )
        route = self._route(RouteName.parse(plan.scope), wait_s=SERVED_S)
        return messages.ApplyRouteResponse(route=route, changed=receipt["changed"])

    def rollback_route(self, call: Call, request: messages.RollbackRouteRequest) -> messages.RollbackRouteResponse:
        """Has a route be what it was, and holds it there."""
        name = RouteName.parse(request.name)
        caller = call.caller(request, "routes.rollback", str(name))
        receipt = routes.rollback(self._registry, caller, name, to=request.revision or None, etag=request.etag)
        response = messages.RollbackRouteResponse(route=self._route(name, wait_s=SERVED_S))
        fill_findings(response.passed_over, (Violation(*said) for said in receipt["passed_over"]))
        return response

    def switch_route(self, call: Call, request: messages.SwitchRouteRequest) -> route_pb2.Route:
        """Lets what was a preview answer all."""
        name = RouteName.parse(request.name)
        caller = call.caller(request, "routes.switch", str(name))
        plans.switch(self._registry, caller, name, release_hold=request.release_hold, etag=request.etag)
        return self._route(name, wait_s=SERVED_S)

    def get_revision(self, _call: Call, request: messages.GetRevisionRequest) -> route_pb2.Revision:
        """Gets a revision."""
        return revision_message(routes.get_revision(self._registry, *revision_of(request.name)))

    def list_revisions(self, _call: Call, request: messages.ListRevisionsRequest) -> messages.ListRevisionsResponse:
        """Lists the revisions of a route, the newest first."""
        page = page_of(request, most=MOST_REVISIONS, by_number=True)
        name = RouteName.parse(request.parent)
        found = routes.list_revisions(self._registry, name, before=page.number, limit=page.size + 1)
        kept, token = page.cut(found, lambda revision: revision.number)
        return messages.ListRevisionsResponse(
            revisions=[revision_message(revision) for revision in kept], next_page_token=token
        )

    def list_tenures(self, _call: Call, request: messages.ListTenuresRequest) -> messages.ListTenuresResponse:
        """Lists what a route was and from when to when, the newest first."""
        page = page_of(request, most=MOST_REVISIONS, by_number=True)
        at_us = micros_of(request.effective_time, "effective_time") if request.HasField("effective_time") else None
        found = routes.history(
            self._registry, RouteName.parse(request.parent), at_us=at_us, before=page.number, limit=page.size + 1
        )
        kept, token = page.cut(found, lambda past: past.tenure.generation)
        return messages.ListTenuresResponse(tenures=[tenure_message(past) for past in kept], next_page_token=token)

    def _route(self, name: RouteName, *, wait_s: float = 0.0) -> route_pb2.Route:
        head, revision = routes.get(self._registry, name)
        return route_message(head, revision, self._follow(name, head.seq, wait_s))

    def _kept(self, name: str) -> Plan:
        if "/" not in name:
            return plans.kept(self._registry, check_id(name, "a plan"))
        route, plan_id = plan_of(name)
        plan = plans.kept(self._registry, plan_id)
        if plan.scope != str(route):
            raise Missing(f"{route.short} has no plan {plan_id}.", reason="PLAN_MISSING", plan=name)
        return plan


def _named(parent: str, document: dict[str, object]) -> RouteName:
    """The route that a document is of, in the environment that the request names."""
    project, environment = environment_of(parent)
    said = document.get("route", "")
    name = RouteName.parse(said if isinstance(said, str) else repr(said))
    if said == name.route:
        return RouteName(project, environment, name.route)
    if (name.project, name.environment) != (project, environment):
        why = f"{said} is in another environment than {parent}"
        raise InputRefused(
            f"The route is refused: {why}.", reason="ROUTE_REFUSED", violations=(Violation("document.route", why),)
        )
    return name
