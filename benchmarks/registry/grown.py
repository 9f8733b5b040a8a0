"""A registry that has grown for years, in a minute: some real changes, and many rows that are cast from theirs.

Services make the first changes of each kind. From the rows that one of them has left a mould is made; what the mould
gives for the facts of the next one must be what the service has left of that, byte for byte, or nothing is filled.
Requests and plans are left out, for they are forgotten after a day. So are the bytes of models.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Table

from benchmarks.models import TINY, write_repository
from benchmarks.registry.moulds import Deeds, Facts, Row, Rows
from tidegate.blobs import open_blobs
from tidegate.core.journal import Actor, Kind
from tidegate.core.manifests import MODEL_FILE, ONNX, File
from tidegate.core.names import ModelName, RouteName
from tidegate.services import aliases, plans
from tidegate.services.registration import Registration, register
from tidegate.services.registry import Caller, Registry
from tidegate.stores import Store, tables

VERSIONS = 100_000
ENTRIES = 1_000_000
ROUTE = RouteName.parse("grown")
MODEL = ModelName.parse("grown")
STEP_US = 60_000_000
"""A change a minute: two years of them."""
BATCH = 50_000
_CYCLE = 10
"""Of so many entries one registers a version, one applies the route, and the others move the alias."""
_REAL = 6
"""Changes of each kind that services make."""


class GrowingClock:
    """A clock that goes on by a minute whenever it is looked at."""

    def __init__(self) -> None:
        self.us = 1_700_000_000_000_000

    def now_us(self) -> int:
        """The next minute."""
        self.us += STEP_US
        return self.us


def grow(store: Store, folder: Path) -> Registry:
    """Fills an empty store, and tells how far it is."""
    registry = Registry(store, GrowingClock(), instance="grown")
    _change(registry, folder)
    with store.reading() as connection:
        deeds = Deeds(connection, MODEL, ROUTE)
    facts = deeds.last
    while facts.seq < ENTRIES:
        with store.changing() as connection:
            for table, own in _batch(deeds, facts).items():
                insert(connection, table, own)
            _end(connection, facts)
        print(f"{facts.seq:9,} of {ENTRIES:,} entries, {facts.version:7,} versions", flush=True)
    return registry


def _change(registry: Registry, folder: Path) -> None:
    """Real changes: versions, moves of an alias, and applies by turns."""
    blobs = open_blobs(f"folder:{folder / 'artifacts'}")
    caller = Caller(actor=Actor(name="owner", kind=Kind.PERSON), reason="as every minute", method="benchmark")
    write_repository(folder / "models")
    raw = (folder / "models" / TINY.name / "1" / MODEL_FILE).read_bytes()
    for number in range(1, _REAL + 1):
        # Other bytes, the same model: a field that no reader of ONNX knows.
        content = raw + bytes([0xFA, 0x3F, 1, number])
        file = File(path=MODEL_FILE, digest=blobs.put(content), size_bytes=len(content), media_type=ONNX)
        register(registry, blobs, caller, Registration(model=MODEL, files=(file,)))
    for number in range(1, _REAL + 1):
        aliases.set_alias(registry, caller, MODEL, "champion", MODEL.version(number).short)
    for turn in range(_REAL):
        split = {"grown/1": 9, "grown/2": 1 + turn % 2}
        plan = plans.plan(registry, caller, {"route": "grown", "sticky": 'metadata["x-unit"]', "split": split})
        plans.apply(registry, caller, plan.plan.id)


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Adds rows by one prepared statement."""
    names = list(rows[0])
    marks = ", ".join("?" for _ in names)
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
    connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])


def _batch(deeds: Deeds, facts: Facts) -> Rows:
    """The next rows, by table."""
    rows: Rows = {}
    for _ in range(min(BATCH, ENTRIES - facts.seq)):
        facts.step(STEP_US)
        turn = facts.seq % _CYCLE
        if turn == 0 and facts.version < VERSIONS:
            deeds.register(facts, rows)
        elif turn == 1:
            deeds.apply(facts, rows)
        else:
            deeds.move_alias(facts, rows)
    return rows


def _end(connection: Connection, facts: Facts) -> None:
    """What is not only added to: the ends of the journal and of the numbers, the alias and the head."""
    for table, values in (
        (tables.registry, {"seq": facts.seq, "time_us": facts.time_us, "hash": facts.hash}),
        (tables.model, {"next_number": facts.version + 1, "seq": facts.version_seq}),
        (tables.alias, {"number": facts.alias, "seq": facts.alias_seq}),
        (tables.head, {"generation": facts.revision, "revision": facts.revision, "seq": facts.route_seq}),
    ):
        connection.execute(table.update().values(**values))
