from tidegate.api.call import Call
from tidegate.core.journal import Actor, Kind
from tidegate.v1.route_service_pb2 import PlanRouteRequest, RollbackRouteRequest

CALL = Call(actor=Actor(name="ann", kind=Kind.PERSON))


def test_the_same_request_has_the_same_body_whatever_its_id():
    bodies = {
        CALL.caller(RollbackRouteRequest(name="r", request_id=id_), "routes.rollback", "r").body
        for id_ in ("a", "b", "")
    }
    assert len(bodies) == 1


def test_another_request_has_another_body():
    one = CALL.caller(RollbackRouteRequest(name="r", revision=1), "routes.rollback", "r")
    two = CALL.caller(RollbackRouteRequest(name="r", revision=2), "routes.rollback", "r")
    assert one.body != two.body


def test_a_request_without_a_reason_has_none():
    caller = CALL.caller(PlanRouteRequest(request_id="a"), "routes.plan", "r")
    assert (caller.reason, caller.request_id, caller.method, caller.resource) == ("", "a", "routes.plan", "r")
