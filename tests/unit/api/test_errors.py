import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate import errors as kinds
from tidegate.api.errors import CODES, status_of, unexpected
from tidegate.errors import ChangeRefused, InputRefused, Missing, RegistryError, RegistryUnavailable, Violation
from tidegate.inference import error_details_pb2

EVERY = [
    kind
    for kind in vars(kinds).values()
    if isinstance(kind, type) and issubclass(kind, RegistryError) and kind is not RegistryError
]
STOCK_LIMIT_BYTES = 8 << 10


def details(status):
    return [
        getattr(error_details_pb2, each.type_url.rpartition(".")[2]).FromString(each.value) for each in status.details
    ]


@pytest.mark.parametrize("kind", EVERY)
def test_every_reason_has_a_code_and_one_info(kind):
    error = kind("no") if kind is kinds.NameRefused else kind("no", reason="A_REASON", version="v")
    status = status_of(error)
    assert status.code in {code.value[0] for code in CODES.values()}
    first, *others = details(status)
    assert (first.DESCRIPTOR.name, first.reason, first.domain) == ("ErrorInfo", error.reason, "tidegate.dev")
    assert dict(first.metadata) == error.metadata
    assert "ErrorInfo" not in [other.DESCRIPTOR.name for other in others]


def test_what_is_missing_is_named():
    _, resource = details(status_of(Missing("no", reason="ROUTE_MISSING", route="a/b")))
    assert (resource.resource_type, resource.resource_name) == ("tidegate.dev/Route", "a/b")


def test_a_refused_change_says_what_is_in_the_way():
    _, failure = details(status_of(ChangeRefused("no", reason="HELD", resource="a/b")))
    [violation] = failure.violations
    assert (violation.type, violation.subject, violation.description) == ("HELD", "a/b", "no")


def test_who_should_come_again_is_told_when():
    _, advice = details(status_of(RegistryUnavailable("busy", reason="BUSY")))
    assert advice.retry_delay.nanos > 0


TEXTS = st.text(max_size=3000) | st.sampled_from(["ä" * 5000, "𝄞" * 5000, "x" * 100_000])


@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=40), st.lists(TEXTS, max_size=4))
def test_whatever_is_said_fits_into_the_trailers_of_a_stock_client(message, places, facts):
    violations = tuple(Violation(path, reason) for path, reason in places)
    metadata = {f"fact_{at}": fact for at, fact in enumerate(facts)}
    status = status_of(InputRefused(message, reason="X" * 63, violations=violations, **metadata))
    trailers = quote(status.message) + base64.b64encode(status.SerializeToString()).decode()
    assert len(trailers) < STOCK_LIMIT_BYTES


def test_of_many_violations_the_rest_is_counted():
    violations = tuple(Violation(f"files[{at}]", "is not uploaded") for at in range(1000))
    _, bad = details(status_of(InputRefused("no", reason="R", violations=violations)))
    told = len(bad.field_violations) - 1
    assert 10 < told < 1000
    assert bad.field_violations[-1].description == f"and {1000 - told:,} more"


def test_an_exception_that_nobody_meant_keeps_its_text_to_itself(caplog):
    status = unexpected(KeyError("a secret"), "tidegate.v1.X.Y")
    [info] = details(status)
    assert "secret" not in str(status)
    assert info.metadata["error_id"] in status.message
    assert info.metadata["error_id"] in caplog.text
