"""Keys: who may ask, and for what, over gRPC on both fronts."""

import hashlib
import queue

import pytest

from support import rest
from support.adding import ROW, added, route, write
from support.applying import apply
from support.asking import Asker, asked, failure
from support.calls import metadata_of
from support.gateway import refused_start, start_gateway
from support.watching import metric, status
from tidegate.inference import open_inference_pb2 as oip

MISSING = ("UNAUTHENTICATED", "MISSING_KEY")
UNKNOWN = ("UNAUTHENTICATED", "UNKNOWN_KEY")
DENIED = ("PERMISSION_DENIED", "KEY_DENIED")


def key(token, routes):
    return {"sha256": hashlib.sha256(token.encode()).hexdigest(), "routes": routes}


def bearing(token):
    return {"metadata": [("authorization", f"Bearer {token}")]}


ROUTES = {"sum": route(1), "other": route(2)}
KEYS = {"team": key("of the team", ["sum"]), "operators": key("of operators", "all")}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def locked(front, repository):
    with start_gateway({"routes": ROUTES, "keys": KEYS}, repository) as gateway:
        yield gateway


@pytest.fixture
def calls(locked):
    with Asker(locked.grpc_address) as asker:
        yield asker


@pytest.mark.parametrize(
    "sent, told",
    [
        ({}, MISSING),
        (bearing(""), MISSING),
        ({"metadata": [("authorization", "Basic of the team")]}, MISSING),
        (bearing("of the Team"), UNKNOWN),
        (bearing("of the team, and more"), UNKNOWN),
    ],
    ids=["none", "empty", "another scheme", "another case", "longer"],
)
def test_who_has_no_key_is_not_answered(locked, calls, sent, told):
    before = metric(locked, "tidegate_refusals_total", reason=told[1])
    assert failure(calls.begin(asked("sum", ROW), **sent)) == told
    assert failure(calls.stream([asked("sum", ROW)], **sent)) == told
    assert failure(calls.ask("ModelMetadata", oip.ModelMetadataRequest(name="sum"), **sent)) == told
    assert failure(calls.ask("RepositoryIndex", oip.RepositoryIndexRequest(), **sent)) == told
    assert failure(calls.reflect([b""], **sent)) == told
    assert metric(locked, "tidegate_refusals_total", reason=told[1]) - before == 5


def test_a_key_opens_its_routes_and_no_other_name_whether_it_is_there_or_not(calls):
    assert calls.begin(asked("sum", ROW), **bearing("of the team")).result().model_version == "1"
    for name in ("other", "add", "nobody"):
        assert failure(calls.begin(asked(name, ROW), **bearing("of the team"))) == DENIED
    assert calls.begin(asked("other", ROW), **bearing("of operators")).result().model_version == "2"
    assert failure(calls.begin(asked("nobody", ROW), **bearing("of operators"))) == ("NOT_FOUND", "UNKNOWN_MODEL")


def test_a_scheme_is_one_in_any_case(calls):
    sent = [("authorization", "bEARER of the team")]
    assert calls.begin(asked("sum", ROW), metadata=sent).result().model_version == "1"


def test_a_stream_answers_what_the_key_opens_and_refuses_the_other_in_its_place(calls):
    messages = [asked("sum", ROW), asked("other", ROW), asked("sum", ROW)]
    answers = list(calls.stream(messages, **bearing("of the team")))
    assert [bool(answer.error_message) for answer in answers] == [False, True, False]
    assert "keys.team.routes" in answers[1].error_message


@pytest.mark.parametrize(
    "method, kind", [("ModelReady", oip.ModelReadyRequest), ("ModelConfig", oip.ModelConfigRequest)]
)
def test_what_is_said_about_models_needs_their_key(calls, method, kind):
    calls.ask(method, kind(name="sum"), **bearing("of the team")).result()
    assert failure(calls.ask(method, kind(name="other"), **bearing("of the team"))) == DENIED


def test_a_key_cannot_be_used_to_find_other_models(calls):
    """KServe's dialect of loading is recognised by names, and only by those that the key opens."""

    def told(name, token):
        return failure(
            calls.ask("RepositoryModelLoad", oip.RepositoryModelLoadRequest(repository_name=name), **bearing(token))
        )

    assert told("sum", "of the team")[1] == told("other", "of operators")[1] == "WRONG_DIALECT"
    assert told("other", "of the team") == told("nobody", "of the team") == ("PERMISSION_DENIED", "ADMIN_ONLY")


def test_lists_have_what_the_key_opens(calls):
    def counted(token):
        answer = calls.ask("ModelStatistics", oip.ModelStatisticsRequest(), **bearing(token)).result()
        return {entry.name for entry in oip.ModelStatisticsResponse.FromString(answer).model_stats}

    assert counted("of the team") == {"sum"}
    assert counted("of operators") >= {"sum", "other"}


def test_whether_the_gateway_is_well_is_told_to_everybody(calls):
    assert calls.check() == calls.check("other") == "SERVING"
    assert next(calls.watch()) == "SERVING"
    assert oip.ServerReadyResponse.FromString(calls.ask("ServerReady", oip.ServerReadyRequest()).result()).ready


def test_nobody_else_sees_the_token(repository):
    """Conditions and sticky keys read `authorization` as missing, and the log has no trace of it."""
    rule = {"sticky": 'metadata["authorization"]', **route(1, 2)}
    with (
        start_gateway({"routes": {"sum": rule}, "keys": KEYS}, repository) as gateway,
        Asker(gateway.grpc_address) as calls,
    ):
        call = calls.begin(asked("sum", ROW), **bearing("of the team"))
        call.result()
        assert metadata_of(call)["x-tidegate-reason"] == "unkeyed"
        assert failure(calls.begin(asked("sum", ROW), **bearing("a secret guess"))) == UNKNOWN
        assert status(gateway)["keys"] == 2
        assert "key_refused" in gateway.log
        assert not any(token in gateway.log for token in ("of the team", "a secret guess"))


def test_keys_change_while_requests_are_answered(repository):
    document = {"routes": ROUTES, "keys": KEYS}
    with start_gateway(document, repository) as gateway, Asker(gateway.grpc_address) as calls:
        sent: queue.SimpleQueue = queue.SimpleQueue()
        stream = calls.stream(iter(sent.get, None), **bearing("of the team"))
        sent.put(asked("sum", ROW))
        assert not next(stream).error_message
        changed = {"operators": KEYS["operators"], "new": key("of the new", ["other"])}
        assert apply(gateway, {**document, "keys": changed}).outcomes["keys"] == "current"
        assert failure(calls.begin(asked("sum", ROW), **bearing("of the team"))) == UNKNOWN
        assert calls.begin(asked("other", ROW), **bearing("of the new")).result().model_version == "2"
        sent.put(asked("sum", ROW))
        assert "no key of this gateway" in next(stream).error_message
        sent.put(None)
        assert list(stream) == []
        assert apply(gateway, {**document, "keys": {}}).outcomes["keys"] == "removed"
        assert "everybody may ask" in gateway.log
        assert added(calls) == 1


@pytest.mark.transport
def test_rest_asks_for_the_same_keys(repository):
    with start_gateway({"routes": ROUTES, "keys": KEYS}, repository) as gateway:

        def told(path, token=None, body=None):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = rest.call(gateway, path, body, headers=headers)
            return answer.status, answer.said.get("reason"), answer.headers.get("www-authenticate")

        body = {"inputs": [rest.tensor("x", "FP32", [1, 4], [1, 2, 3, 4])]}
        for path, sent in [("/v2/models/sum/infer", body), ("/v2/models/sum", None), ("/v2/models/sum/ready", None)]:
            assert told(path, body=sent) == (401, "MISSING_KEY", "Bearer")
            assert told(path, "a guess", sent) == (401, "UNKNOWN_KEY", "Bearer")
            assert told(path, "of the team", sent) == (200, None, None)
            other = path.replace("sum", "other")
            assert told(other, "of the team", sent) == (403, "KEY_DENIED", None)
        assert told("/v2/health/ready")[0] == told("/v2")[0] == 200


@pytest.mark.parametrize(
    "keys, path, said",
    [
        ({"a": {"sha256": "of the team", "routes": "all"}}, "keys.a.sha256", "never the token itself"),
        ({"a": {"sha256": hashlib.sha256(b"").hexdigest(), "routes": "all"}}, "keys.a.sha256", "the token was empty"),
        ({"a": key("x", "all"), "b": key("x", [])}, "keys.b", "has the same token"),
        ({"a": {"routes": "some"}}, "keys.a.routes", "a list of names or all"),
        ({"a b": key("x", "all")}, 'keys["a b"]', "name"),
    ],
    ids=["token", "empty token", "twice", "words", "label"],
)
def test_a_bad_key_is_refused_by_its_place_without_its_token(repository, keys, path, said):
    code, text = refused_start({"routes": ROUTES, "keys": keys}, repository)
    assert code == 2
    assert any(path in line and said in line for line in text.splitlines()), text
    assert "of the team" not in text
