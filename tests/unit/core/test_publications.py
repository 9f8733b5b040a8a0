"""What of a publication goes to a gateway: what has changed, and in parts where the whole is refused."""

from dataclasses import replace

from tidegate.core.publications import Publication, amendment_of, parts_of


def route(*versions):
    """A route as far as it matters here."""
    return {"split": dict.fromkeys(versions, 1), "segments": [], "shadow": []}


def pinned(files):
    """A version as a publication names it."""
    return {"files": files, "profile": None, "settings": {"instances": 1}, "digest": f"manifest of {files}"}


BEFORE = Publication(
    instance="one",
    incarnation=1,
    epoch=7,
    routes={"a": route("m/1"), "b": route("m/2"), "c": route("m/1")},
    versions={"m/1": pinned("x"), "m/2": pinned("y")},
    monitors={"a": {"windows": ["1h"]}},
)


def test_what_is_the_same_is_not_sent():
    amendment = amendment_of(BEFORE, replace(BEFORE, epoch=8, routes={**BEFORE.routes, "a": route("m/1")}))
    assert (amendment.routes, amendment.versions, amendment.monitors) == ({}, {}, {})


def test_what_is_new_is_sent_and_what_is_gone_is_named():
    after = replace(
        BEFORE,
        routes={"a": route("m/1", "m/3"), "c": route("m/1")},
        versions={"m/1": pinned("x"), "m/3": pinned("z")},
        monitors={},
    )
    amendment = amendment_of(BEFORE, after)
    assert amendment.routes == {"a": route("m/1", "m/3"), "b": None}
    assert amendment.versions == {"m/3": pinned("z"), "m/2": None}
    assert amendment.monitors == {"a": None}
    assert parts_of(amendment)["versions"] == {
        "m/3": {"instances": 1, "digest": "z", "profile_digest": None},
        "m/2": None,
    }


def test_a_part_is_one_route_with_what_it_needs_and_all_parts_are_the_whole():
    after = replace(
        BEFORE,
        routes={"a": route("m/3"), "b": route("m/4"), "c": route("m/1")},
        versions={"m/1": pinned("x"), "m/3": pinned("z"), "m/4": pinned("u")},
        monitors={"a": {"windows": ["1d"]}, "c": {"windows": ["1h"]}},
    )
    amendment = amendment_of(BEFORE, after)
    first, second, third, rest = amendment.parts()
    assert (set(first.routes), set(first.versions), set(first.monitors)) == ({"a"}, {"m/3"}, {"a"})
    assert (set(second.routes), set(second.versions), set(second.monitors)) == ({"b"}, {"m/4"}, set())
    assert (set(third.routes), set(third.monitors)) == (set(), {"c"})
    assert (rest.routes, rest.monitors) == ({}, {})
    assert rest.versions == amendment.versions, "what is gone goes last, when no route needs it"


def test_what_could_not_be_fetched_is_sent_again_with_the_routes_that_need_it():
    after = replace(BEFORE, routes={**BEFORE.routes, "d": route("m/2")})
    tried = amendment_of(BEFORE, after).with_again(after, ["m/1"])
    assert set(tried.routes) == {"a", "c", "d"}
    assert tried.versions == {"m/1": pinned("x")}
    assert tried.monitors == BEFORE.monitors
