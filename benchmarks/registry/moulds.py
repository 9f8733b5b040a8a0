"""Rows in the likeness of those that a service has left: what a change does with its facts, without the service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, select

from tidegate.core.canonical import canonical
from tidegate.core.journal import link
from tidegate.core.names import ModelName, RouteName
from tidegate.stores import tables

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[Table, list[Row]]

_TIMES = frozenset({"time_us", "create_us", "begin_us"})


class NotAlikeError(Exception):
    """What a mould gives is not what the service has left: a change leaves other rows than it did when this was written."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """How far a registry has grown."""

    seq: int
    time_us: int
    hash: bytes
    version: int
    alias: int
    revision: int
    version_seq: int = 0
    alias_seq: int = 0
    route_seq: int = 0

    def step(self, step_us: int) -> None:
        """To the next entry."""
        self.seq += 1
        self.time_us += step_us


class Mould:
    """The rows of one change, with names in the place of what differs from change to change."""

    def __init__(self, rows: Mapping[Table, list[Row]], said: Mapping[str, str]) -> None:
        """Makes a mould.

        Args:
            rows: As the service has left them, of one journal entry.
            said: What differs, by texts of the rows; a value is a template of what is to stand there.
        """
        self._rows = {
            table: [{name: self._cell(name, value, said) for name, value in row.items()} for row in own]
            for table, own in rows.items()
        }

    def fill(self, facts: Mapping[str, Any], previous: bytes) -> Rows:
        """The rows of another change."""
        made = {
            table: [{name: _filled(cell, facts) for name, cell in row.items()} for row in own]
            for table, own in self._rows.items()
        }
        entry = made[tables.journal][0]
        entry["previous"], entry["hash"] = previous, link(previous, entry["body"])
        return made

    @staticmethod
    def _cell(name: str, value: Any, said: Mapping[str, str]) -> Any:
        """A constant, the name of a fact in a tuple, or a template in a list, with whether its text is bytes."""
        if name in _TIMES:
            return ("time_us",)
        if name in ("seq", "number", "generation", "revision") and isinstance(value, int):
            return ("seq",) if name == "seq" else ("number",)
        text = value.decode() if isinstance(value, bytes) and name not in ("hash", "previous") else value
        if not isinstance(text, str):
            return value
        template = text.replace("{", "{{").replace("}", "}}")
        for old, new in said.items():
            template = template.replace(old.replace("{", "{{").replace("}", "}}"), new)
        return [template, isinstance(value, bytes)]


def _filled(cell: Any, facts: Mapping[str, Any]) -> Any:
    match cell:
        case (name,) if isinstance(cell, tuple):
            return facts[name]
        case [template, is_bytes] if isinstance(cell, list):
            text = template.format_map(facts)
            return text.encode() if is_bytes else text
    return cell


def _hex(text: bytes) -> str:
    return sha256(text).hexdigest()


class Deeds:
    """The kinds of changes, each with the mould that its rows are cast from."""

    def __init__(self, connection: Connection, model: ModelName, route: RouteName) -> None:
        """Makes the moulds, and holds each against a change that it was not made of.

        Raises:
            NotAlikeError: They differ.
        """
        entries = [row._asdict() for row in connection.execute(select(tables.journal).order_by(tables.journal.c.seq))]
        registered = [entry for entry in entries if entry["action"] == "versions.register"]
        moved = [entry for entry in entries if entry["action"] == "aliases.set"]
        applied = [entry for entry in entries if entry["action"] == "routes.apply"]
        self._manifest = self._file = self._after = ""
        self._states: dict[int, bytes] = {}
        self._version = self._version_mould(connection, registered, str(model))
        self._alias = self._alias_mould(moved)
        self._applies = self._apply_moulds(connection, applied, str(route))
        last = entries[-1]
        self.last = Facts(
            seq=last["seq"],
            time_us=last["time_us"],
            hash=last["hash"],
            version=len(registered),
            alias=len(moved),
            revision=len(applied),
        )

    def register(self, facts: Facts, rows: Rows) -> None:
        """The next version."""
        facts.version += 1
        facts.version_seq = facts.seq
        # Bytes that nobody has: a number is hashed in their place.
        said = self._version_facts(facts.version, _hex(b"%d" % facts.version))
        self._enter(self._version, said, facts, rows)

    def move_alias(self, facts: Facts, rows: Rows) -> None:
        """The alias to the next version that there is, from the first one on again."""
        before, facts.alias = facts.alias, facts.alias % facts.version + 1
        facts.alias_seq = facts.seq
        self._enter(self._alias, _alias_facts(before, facts.alias), facts, rows)

    def apply(self, facts: Facts, rows: Rows) -> None:
        """The route, to what it was before the last apply."""
        facts.revision += 1
        facts.route_seq = facts.seq
        said = self._apply_facts(facts.revision)
        self._enter(self._applies[facts.revision % 2], said, facts, rows)

    @staticmethod
    def _enter(mould: Mould, said: dict[str, Any], facts: Facts, rows: Rows) -> None:
        said |= {"seq": facts.seq, "time_us": facts.time_us}
        made = mould.fill(said, facts.hash)
        facts.hash = made[tables.journal][0]["hash"]
        for table, own in made.items():
            rows.setdefault(table, []).extend(own)

    def _version_mould(self, connection: Connection, entries: list[Row], model: str) -> Mould:
        left = []
        for entry in entries:
            (version,) = _rows(connection, tables.version, seq=entry["seq"])
            (artifact,) = _rows(connection, tables.artifact, seq=entry["seq"])
            blobs = _rows(connection, tables.artifact_blob, artifact=artifact["digest"])
            left.append(
                {
                    tables.journal: [entry],
                    tables.version: [version],
                    tables.artifact: [artifact],
                    tables.artifact_blob: blobs,
                }
            )
        files = [_layer(rows) for rows in left]
        version, after = left[0][tables.version][0], json.loads(entries[0]["body"])
        self._file, self._manifest = files[0], left[0][tables.artifact][0]["manifest"].decode()
        self._after = canonical(after["patch"][0]["value"]).decode()
        self._artifact = version["artifact"]
        said = {
            files[0]: "{file}",
            self._artifact: "sha256:{artifact}",
            version["files"]: "sha256:{files}",
            after["after"]: "sha256:{after}",
            f"{model}/versions/1": f"{model}/versions/{{number}}",
            **_place(entries[0]),
        }
        mould = Mould(left[0], said)
        for number, rows in enumerate(left[1:], 2):
            _compare(mould, self._version_facts(number, _layer(rows)), rows)
        return mould

    def _version_facts(self, number: int, file: str) -> dict[str, Any]:
        artifact = _hex(self._manifest.replace(self._file, file).encode())
        after = _hex(self._after.replace(self._artifact, f"sha256:{artifact}").encode())
        files = _hex(f"{file}  model.onnx\n".encode())
        return {"number": number, "file": file, "artifact": artifact, "files": files, "after": after}

    def _alias_mould(self, entries: list[Row]) -> Mould:
        # The first one has nothing before it, and is of another form.
        entry = entries[1]
        body = json.loads(entry["body"])
        said = {
            body["before"]: "sha256:{before}",
            body["after"]: "sha256:{after}",
            '"value":2}': '"value":{number}}}',
            **_place(entry),
        }
        mould = Mould({tables.journal: [entry]}, said)
        for number, other in enumerate(entries[2:], 3):
            _compare(mould, _alias_facts(number - 1, number), {tables.journal: [other]})
        return mould

    def _apply_moulds(self, connection: Connection, entries: list[Row], scope: str) -> dict[int, Mould]:
        moulds: dict[int, Mould] = {}
        for number, entry in enumerate(entries, 1):
            (revision,) = _rows(connection, tables.revision, scope=scope, number=number)
            (tenure,) = _rows(connection, tables.tenure, scope=scope, generation=number)
            rows = {tables.journal: [entry], tables.revision: [revision], tables.tenure: [tenure]}
            state = {"content": json.loads(revision["content"]), "hold": None, "revision": 0}
            self._states[number % 2] = canonical(state).removesuffix(b"0}")
            body = json.loads(entry["body"])
            # What two splits become by turns is the same from the second turn on.
            if number in (3, 4):
                said = {
                    body["before"]: "sha256:{before}",
                    body["after"]: "sha256:{after}",
                    f'"path":"/revision","value":{number}}}': '"path":"/revision","value":{number}}}',
                    **_place(entry),
                }
                mould = Mould(rows, said)
                mould._rows[tables.revision][0]["change"] = ["{seq}", False]
                moulds[number % 2] = mould
            elif number > 4:
                _compare(moulds[number % 2], self._apply_facts(number), rows)
        return moulds

    def _apply_facts(self, number: int) -> dict[str, Any]:
        before, after = (_hex(b"%s%d}" % (self._states[each % 2], each)) for each in (number - 1, number))
        return {"number": number, "before": before, "after": after}


def _alias_facts(before: int, after: int) -> dict[str, Any]:
    return {"number": after, "before": _hex(b'{"version":%d}' % before), "after": _hex(b'{"version":%d}' % after)}


def _place(entry: Row) -> dict[str, str]:
    """Where an entry stands, as its body says it at the end."""
    return {f'"seq":{entry["seq"]},"time_us":{entry["time_us"]}}}': '"seq":{seq},"time_us":{time_us}}}'}


def _layer(rows: Mapping[Table, list[Row]]) -> str:
    """The digits of the one file of a version."""
    layers = json.loads(rows[tables.artifact][0]["manifest"])["layers"]
    return str(layers[0]["digest"]).removeprefix("sha256:")


def _rows(connection: Connection, table: Table, **wanted: Any) -> list[Row]:
    conditions = [table.c[name] == value for name, value in wanted.items()]
    return [row._asdict() for row in connection.execute(select(table).where(*conditions))]


def _compare(mould: Mould, said: dict[str, Any], left: Mapping[Table, list[Row]]) -> None:
    """Whether a mould gives what a service has left for the same facts."""
    entry = left[tables.journal][0]
    said |= {"seq": entry["seq"], "time_us": entry["time_us"]}
    made = mould.fill(said, entry["previous"])
    for table, rows in left.items():
        order = sorted(made[table], key=repr), sorted(rows, key=repr)
        if order[0] != order[1]:
            raise NotAlikeError(f"{table.name}: the mould gives {order[0]}, the service has left {order[1]}")
