"""How a store finds what it is asked for: by an index, however much there is."""

from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from support.registries import open_registry
from tidegate.core.names import ModelName, RouteName
from tidegate.services import aliases, journal, quarantine, routes, versions

M = ModelName.parse("m")
ROUTE = RouteName.parse("sum")


@pytest.fixture
def kept(tmp_path):
    kept = open_registry(tmp_path)
    kept.register_some("m", 3)
    aliases.set_alias(kept.registry, kept.caller, M, "champion", "m/1")
    for weight in (1, 2, 3):
        kept.apply({"route": "sum", "split": {"m/1": 3, "m/2": weight}})
        kept.clock.pass_hours(1)
    yield kept
    kept.store.close()


@contextmanager
def statements():
    """Every statement that is sent in the block, with what it was sent with."""
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plans(kept, look):
    """What SQLite says of how it finds what a look needs: steps by statement."""
    with statements() as seen:
        look(kept)
    asked = [(statement, parameters) for statement, parameters in seen if statement.startswith("SELECT")]
    with kept.store.reading() as connection:
        return {
            statement: [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in asked
        }


def is_slow(statement, step):
    """Whether a step takes longer the more there is."""
    # The newest of everything: the index is read from its end, and no further than the page.
    is_page = "USING INDEX" in step and "WHERE" not in statement and "LIMIT" in statement
    # Rows that the index has put in order but for the last column are few, and sorted among themselves.
    is_sorted = step == "USE TEMP B-TREE FOR ORDER BY"
    return (step.startswith("SCAN") and not is_page) or is_sorted


LOOKS = {
    "models show": lambda kept: versions.show(kept.registry, "m/2"),
    "… by alias": lambda kept: versions.show(kept.registry, "m@champion"),
    "… where it serves": lambda kept: quarantine.served_by(kept.registry, M.version(1)),
    "models list": lambda kept: versions.list_models(kept.registry, "default", after="a"),
    "models list m": lambda kept: versions.list_versions(kept.registry, M, before=3),
    "routes list": lambda kept: routes.list_routes(kept.registry, "default", "default", after="a"),
    "routes history": lambda kept: routes.history(kept.registry, ROUTE),
    "… an old page": lambda kept: routes.history(kept.registry, ROUTE, before=2),
    "… at a time": lambda kept: routes.history(kept.registry, ROUTE, at_us=kept.clock.us - 1),
    "journal show": lambda kept: journal.page(kept.registry),
    "… of a resource": lambda kept: journal.page(kept.registry, resource=str(ROUTE), before=9),
    "… until a time": lambda kept: journal.page(kept.registry, until_us=kept.clock.us),
    "… of a resource until a time": lambda kept: journal.page(
        kept.registry, resource=M.alias("champion"), until_us=kept.clock.us
    ),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_what_people_look_at_is_found_by_an_index_and_not_sorted(kept, look):
    found = plans(kept, look)
    assert found, "nothing was asked for"
    slow = {statement: step for statement, steps in found.items() for step in steps if is_slow(statement, step)}
    assert slow == {}


def test_a_statement_without_an_index_would_be_found_out(kept):
    def look(kept):
        with kept.store.reading() as connection:
            connection.exec_driver_sql("SELECT seq FROM journal WHERE actor = 'ann' ORDER BY action").all()

    ((statement, steps),) = plans(kept, look).items()
    assert [is_slow(statement, step) for step in steps] == [True, True]
