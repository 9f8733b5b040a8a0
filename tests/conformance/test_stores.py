"""What every store promises."""

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import func, select, text

from tidegate.errors import AlreadyThere, InputRefused, RegistryDamaged, RegistryUnavailable
from tidegate.stores import journal, open_store, tables
from tidegate.stores.tables import APPEND_ONLY

STORES = ("sqlite",)


@pytest.fixture(params=STORES)
def address(request, tmp_path):
    return f"{request.param}:{tmp_path}/registry.db"


@pytest.fixture
def store(address):
    store = open_store(address)
    yield store
    store.close()


def put(connection, target):
    connection.execute(tables.edge.insert().values(source="a", role="r", target=target, seq=1))


def targets(store):
    with store.reading() as connection:
        return set(connection.execute(select(tables.edge.c.target)).scalars())


def test_a_change_is_kept_whole_or_not_at_all(store):
    with store.changing() as connection:
        put(connection, "kept")

    def fail():
        with store.changing() as connection:
            put(connection, "lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert targets(store) == {"kept"}


def test_what_was_kept_is_there_after_it_was_opened_again(store, address):
    with store.changing() as connection:
        put(connection, "kept")
    store.close()
    again = open_store(address)
    assert targets(again) == {"kept"}
    again.close()


def test_a_reader_sees_one_moment_while_changes_go_on(store):
    with store.reading() as connection:
        before = connection.execute(select(func.count()).select_from(tables.edge)).scalar()
        with store.changing() as other:
            put(other, "new")
        assert connection.execute(select(func.count()).select_from(tables.edge)).scalar() == before
    assert targets(store) == {"new"}


def test_changes_come_one_after_another(store):
    """Each reads what the one before has written: nothing is lost between them."""
    with store.changing() as connection:
        journal.found(connection, "test")

    def count(_):
        with store.changing() as connection:
            seq = connection.execute(select(tables.registry.c.seq)).scalar_one()
            connection.execute(tables.registry.update().values(seq=seq + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(64)))
    with store.reading() as connection:
        assert connection.execute(select(tables.registry.c.seq)).scalar_one() == 64


def _count_often(address, times):
    store = open_store(address)
    for _ in range(times):
        with store.changing() as connection:
            seq = connection.execute(select(tables.registry.c.seq)).scalar_one()
            connection.execute(tables.registry.update().values(seq=seq + 1))
    store.close()


def test_changes_of_two_processes_come_one_after_another(store, address):
    with store.changing() as connection:
        journal.found(connection, "test")
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_count_often, args=(address, 20)) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join(60)
        assert other.exitcode == 0
    with store.reading() as connection:
        assert connection.execute(select(tables.registry.c.seq)).scalar_one() == 40


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
@pytest.mark.parametrize("verb", ["update", "delete"])
def test_rows_of_append_only_tables_are_never_changed(store, table, verb):
    values = {
        column.name: b"b" if column.type.python_type is bytes else 1 if column.type.python_type is int else "t"
        for column in table.columns
    }
    with store.changing() as connection:
        connection.execute(table.insert().values(values))
    statement = (
        table.delete()
        if verb == "delete"
        else table.update().values(seq=2)
        if "seq" in table.c
        else table.update().values(blob="u")
    )
    with pytest.raises(RegistryDamaged, match="append-only"), store.changing() as connection:
        connection.execute(statement)


def test_a_change_that_waits_too_long_says_so(store, monkeypatch):
    monkeypatch.setattr("tidegate.stores.sqlite.WAIT_S", 0.05)
    held, done = threading.Event(), threading.Event()

    def hold():
        with store.changing():
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        with pytest.raises(RegistryUnavailable) as busy, store.changing():
            pass
        assert busy.value.reason == "STORE_BUSY"
    finally:
        done.set()
        holder.join()


def test_a_change_that_finds_no_room_is_not_kept_and_the_next_one_is(store):
    """SQLite itself says that the database is full, amid a change."""

    def fill(most_pages):
        with store.changing() as connection:
            # Of this connection alone, and the pool has no other.
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most_pages}")
            for number in range(2_000):
                put(connection, f"{number}-{'x' * 100}")

    with pytest.raises(RegistryUnavailable, match="make room") as full:
        fill(1)
    assert full.value.reason == "DISK_FULL"
    assert targets(store) == set()
    fill(1_000_000)
    assert len(targets(store)) == 2_000


def test_a_backup_is_one_moment_that_opens(store, address, tmp_path):
    with store.changing() as connection:
        put(connection, "kept")
    copy = tmp_path / "copy.db"
    store.back_up(copy)
    with store.changing() as connection:
        put(connection, "later")
    opened = open_store(address.replace("registry.db", "copy.db"))
    assert targets(opened) == {"kept"}
    opened.close()
    with pytest.raises(AlreadyThere):
        store.back_up(copy)


def test_a_database_from_the_future_is_refused_by_name(store, address):
    with store.changing() as connection:
        connection.execute(text("UPDATE form SET version_num = '9999'"))
    store.close()
    with pytest.raises(RegistryDamaged, match="9999") as refused:
        open_store(address)
    assert refused.value.reason == "STORE_FROM_THE_FUTURE"


def test_tables_of_somebody_else_are_left_alone(tmp_path):
    import sqlite3

    connection = sqlite3.connect(tmp_path / "registry.db")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(RegistryDamaged) as refused:
        open_store(f"sqlite:{tmp_path}/registry.db")
    assert refused.value.reason == "STORE_FOREIGN"


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "registry.db").write_bytes(b"not a database, and long enough to be looked at " * 100)
    with pytest.raises(RegistryDamaged) as refused:
        open_store(f"sqlite:{tmp_path}/registry.db")
    assert refused.value.reason == "STORE_DAMAGED"


def test_an_unknown_scheme_names_those_that_there_are():
    with pytest.raises(InputRefused, match="sqlite"):
        open_store("oracle:there")


def form(path):
    """Every table, index and trigger of a database, as its statement; white space is nobody's business."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows}


def test_a_database_of_the_first_form_becomes_what_a_new_one_is(tmp_path):
    for name in ("new", "old"):
        open_store(f"sqlite:{tmp_path}/{name}.db").close()
    with closing(sqlite3.connect(tmp_path / "old.db")) as old, old:
        old.execute("DROP INDEX ix_journal_time_us_seq")
        old.execute("DROP INDEX ix_tenure_scope_begin_us_generation")
        old.execute(
            "CREATE TABLE environment (project TEXT NOT NULL, environment TEXT NOT NULL, epoch BIGINT NOT NULL)"
        )
        old.execute("UPDATE form SET version_num = '0001'")
        old.execute("INSERT INTO edge (source, role, target, seq) VALUES ('a', 'r', 'kept', 1)")
    assert form(tmp_path / "old.db") != form(tmp_path / "new.db")
    store = open_store(f"sqlite:{tmp_path}/old.db")
    assert targets(store) == {"kept"}
    store.close()
    assert form(tmp_path / "old.db") == form(tmp_path / "new.db")
