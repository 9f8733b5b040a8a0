import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.names import ByAlias, ByDigest, ByNumber, ModelName, RouteName, VersionName, parse_reference
from tidegate.errors import NameRefused

DIGEST = "sha256:" + "ab" * 32
IDS = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)


@given(IDS, IDS, st.integers(1, 10**17))
def test_a_full_name_reads_back_as_itself(project, model, number):
    version = VersionName(ModelName(project, model), number)
    assert VersionName.parse(str(version)) == version
    assert ModelName.parse(str(version.model)) == version.model
    assert VersionName.parse(version.short) == version


@given(IDS, IDS, IDS)
def test_a_route_reads_back_as_itself(project, environment, route):
    name = RouteName(project, environment, route)
    assert RouteName.parse(str(name)) == RouteName.parse(name.short) == name


def test_people_leave_out_the_project():
    assert VersionName.parse("fraud/3") == VersionName(ModelName("default", "fraud"), 3)
    assert ModelName.parse("fraud").short == "fraud"
    assert RouteName.parse("fraud").short == "fraud"
    assert str(RouteName.parse("fraud")) == "projects/default/environments/default/routes/fraud"


def test_there_are_three_references():
    fraud = ModelName("default", "fraud")
    assert parse_reference("fraud/3") == ByNumber(fraud.version(3))
    assert parse_reference("fraud@champion") == ByAlias(fraud, "champion")
    assert parse_reference(f"fraud@{DIGEST}") == ByDigest(fraud, DIGEST)
    assert parse_reference(f"projects/p/models/m@{DIGEST}") == ByDigest(ModelName("p", "m"), DIGEST)
    assert parse_reference("projects/p/models/m/versions/2") == ByNumber(ModelName("p", "m").version(2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fraud",
        "fraud/0",
        "fraud/01",
        "fraud/-1",
        "fraud/1.5",
        "fraud/٣",
        "fraud/" + "9" * 19,
        "../etc/1",
        ".fraud/1",
        "fraud@",
        "@champion",
        "fraud@sha256:abc",
        "fraud@sha256:" + "AB" * 32,
        "fraud@md5:" + "ab" * 16,
        "a/b/c",
        "projects/p/models/m/versions/1/x",
        "projects//models/m/versions/1",
        "m" * 129 + "/1",
        "fra\nud/1",
    ],
)
def test_what_is_no_reference_is_refused_with_a_sentence(text):
    with pytest.raises(NameRefused) as refused:
        parse_reference(text)
    assert refused.value.reason == "NAME_REFUSED"
    assert len(refused.value.message) < 400
