"""Reading a registry that has grown for years: 100,000 versions and a million journal entries."""

import time
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, text

from tidegate.app import open_registry
from tidegate.core.canonical import digest_of
from tidegate.core.journal import Actor, Deed, Kind, enter
from tidegate.core.manifests import File, of_version
from tidegate.core.names import ModelName, RouteName
from tidegate.core.revisions import Cause
from tidegate.core.versions import State
from tidegate.services import journal as reading
from tidegate.services import routes, versions
from tidegate.stores import artifacts, heads, journal, models
from tidegate.stores.heads import Head, StoredRevision

VERSIONS = 100_000
ENTRIES = 1_000_000
BAR_MS = 20.0
TIMES = 50
ROUTE = RouteName.parse("grown")
MODEL = ModelName.parse("grown")
SIGNATURE = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}], "outputs": []}


def measure(work: Path) -> bool:
    """Prints what was measured, and says whether it is enough."""
    registry, store, _ = open_registry(work)
    with store.changing() as connection:
        _grow(connection)
    with store.changing() as connection:
        connection.execute(text("ANALYZE"))
    seen = {
        "show": lambda: versions.show(registry, f"grown/{VERSIONS // 2}"),
        "list versions": lambda: versions.list_versions(registry, MODEL),
        "history": lambda: routes.history(registry, ROUTE),
        "history at a time": lambda: routes.history(registry, ROUTE, at_us=500_000),
        "journal of a route": lambda: reading.page(registry, resource=str(ROUTE)),
    }
    is_enough = True
    for name, look in seen.items():
        took_ms = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            look()
            took_ms.append((time.perf_counter() - begun) * 1e3)
        is_enough &= median(took_ms) <= BAR_MS
        print(
            f"{name:18} {median(took_ms):6.2f} ms ({max(took_ms):.2f} at most) with {VERSIONS:,} versions and "
            f"{ENTRIES:,} entries; the bar is {BAR_MS:.0f} ms"
        )
    begun = time.perf_counter()
    assert reading.check(registry).broken is None
    print(f"verifying the journal {time.perf_counter() - begun:.1f} s")
    store.close()
    return is_enough


def _grow(connection: Connection) -> None:
    """Fills the tables as years of changes would; every tenth change is one of the route."""
    actor, end = Actor(name="owner", kind=Kind.PERSON), journal.end(connection)
    entries, previous = [], end.hash
    for seq in range(end.seq + 1, ENTRIES + 1):
        resource = str(ROUTE) if seq % 10 == 0 else f"{MODEL}/versions/{1 + seq % VERSIONS}"
        entry = enter(
            Deed(actor=actor, action="routes.apply", resource=resource, after={"n": seq}),
            seq=seq,
            time_us=seq,
            previous=previous,
        )
        entries.append(entry)
        previous = entry.hash
        if len(entries) == 10_000:
            journal.append(connection, entries)
            entries = []
    journal.append(connection, entries) if entries else None
    journal.move_end(connection, end._replace(seq=ENTRIES, time_us=ENTRIES, hash=previous))
    empty = File(path="model.onnx", digest=f"sha256:{'0' * 64}", size_bytes=1, media_type="application/vnd.onnx.model")
    models.put_model(
        connection,
        models.Model(name=MODEL, owner="", contact="", runbook="", next_number=VERSIONS + 1, create_us=0, seq=1),
    )
    for number in range(1, VERSIONS + 1):
        file = File(path=empty.path, digest=f"sha256:{number:064x}", size_bytes=1, media_type=empty.media_type)
        manifest = of_version([file], SIGNATURE)
        artifacts.add(connection, manifest, blobs=[manifest.digest, file.digest], now_us=0, seq=number)
        models.add_version(
            connection,
            models.Version(
                name=MODEL.version(number),
                artifact=manifest.digest,
                files=manifest.digest,
                signature=SIGNATURE,
                state=State.REGISTERED,
                state_reason="",
                create_us=number,
                seq=number,
            ),
        )
    _route(connection)


def _route(connection: Connection) -> None:
    """A route with a revision and a time for each tenth entry of the journal."""
    scope = str(ROUTE)
    content = {"route": None, "versions": {}, "keep_warm_s": 0, "about": {}}
    for generation in range(1, ENTRIES // 10 + 1):
        own = {**content, "keep_warm_s": generation}
        revision = StoredRevision(
            scope=scope,
            number=generation,
            cause=Cause.APPLY,
            change=str(generation),
            document={},
            content=own,
            digest=digest_of(own),
            create_us=generation * 10,
            seq=generation * 10,
        )
        heads.add_revision(connection, revision)
        head = Head(scope=scope, generation=generation, revision=generation, hold=None, seq=generation * 10)
        heads.begin_tenure(connection, head, Cause.APPLY, generation * 10)
    heads.swap(connection, head, expected=0)
