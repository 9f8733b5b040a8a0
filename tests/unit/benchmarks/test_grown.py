"""A registry that is filled in the likeness of what services leave is one that services go on with."""

import pytest
from benchmarks.registry import grown, moulds
from benchmarks.registry.moulds import NotAlikeError

from tidegate.core.journal import Actor, Kind
from tidegate.services import aliases, journal, routes, versions
from tidegate.services.registry import Caller
from tidegate.stores import open_store

CALLER = Caller(actor=Actor(name="owner", kind=Kind.PERSON), method="test")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(grown, "ENTRIES", 300)
    monkeypatch.setattr(grown, "VERSIONS", 20)
    monkeypatch.setattr(grown, "BATCH", 100)
    store = open_store(f"sqlite:{tmp_path}/registry.db")
    yield store
    store.close()


def test_a_grown_registry_holds_and_services_go_on_where_it_ends(store, tmp_path):
    registry = grown.grow(store, tmp_path)
    checked = journal.check(registry)
    assert (checked.entries, checked.broken) == (300, None)
    assert [version.name.number for version in versions.list_versions(registry, grown.MODEL)] == list(range(20, 0, -1))
    for number in (1, 7, 20):
        version = versions.show(registry, f"grown/{number}").version
        assert versions.show(registry, f"grown@{version.artifact}").version == version
    past = routes.history(registry, grown.ROUTE)
    assert [each.revision.number for each in past] == [each.tenure.generation for each in past]
    assert past[0].revision.content != past[1].revision.content == past[3].revision.content
    before = versions.show(registry, "grown@champion").version.name.number
    moved = aliases.set_alias(registry, CALLER, grown.MODEL, "champion", f"grown/{before % 20 + 1}")
    assert moved["before"] == before
    assert journal.check(registry).entries == 301


def test_rows_that_differ_from_what_a_service_leaves_are_not_filled_in(store, tmp_path, monkeypatch):
    facts = moulds._alias_facts
    monkeypatch.setattr(moulds, "_alias_facts", lambda before, after: facts(before, after + 1))
    with pytest.raises(NotAlikeError, match="journal: the mould gives"):
        grown.grow(store, tmp_path)
