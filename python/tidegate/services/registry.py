"""The registry as services use it: one change at a time, each with its place in the journal."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection

from tidegate.clock import Clock
from tidegate.core import guard
from tidegate.core.journal import Actor, Deed, Entry, Outcome, enter
from tidegate.core.revisions import MIN_BAKE_US
from tidegate.errors import ChangeConflict, ChangeRefused, Forbidden, InputRefused, RegistryError
from tidegate.stores import Store, journal, requests
from tidegate.stores.journal import End
from tidegate.stores.requests import Answered

REMEMBER_US = 24 * 3600 * 1_000_000
"""How long a request may be repeated."""

Receipt: TypeAlias = dict[str, Any]
"""What a change answers, as JSON: the same when the request comes again."""
Listener: TypeAlias = Callable[[Sequence[Entry]], None]

# What somebody was not allowed to do belongs into the journal; a slip of the pen does not.
_REFUSALS = (Forbidden, ChangeRefused, ChangeConflict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what for."""

    actor: Actor
    reason: str = ""
    request_id: str = ""
    """Under which the same request may come again; empty if it does not."""
    method: str = ""
    body: str = ""
    """The digest of what is asked."""
    resource: str = ""
    """What is to be changed, as the caller named it; a refusal is entered under it."""


@dataclass(slots=True)
class Change:
    """A change on its way: the connection it is made through, and the entries that tell of it."""

    connection: Connection
    caller: Caller
    end: End
    """Where the journal ends, with what was entered so far."""
    entries: list[Entry] = field(default_factory=list)

    @property
    def now_us(self) -> int:
        """The time of the change; never before that of the change before, however clocks are set."""
        return self.end.time_us

    def enter(
        self,
        action: str,
        resource: str,
        *,
        before: Any = None,
        after: Any = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> int:
        """Asks the guard, enters the deed into the journal, and returns its number.

        Raises:
            Forbidden: The caller may not.
        """
        guard.allow(self.caller.actor, action, resource, before=before, after=after, evidence=evidence)
        return self.note(
            Deed(
                actor=self.caller.actor,
                action=action,
                resource=resource,
                reason=self.caller.reason,
                before=before,
                after=after,
                request_id=self.caller.request_id,
            )
        )

    def note(self, deed: Deed) -> int:
        """Enters a deed without asking anybody."""
        seq = self.end.seq + 1
        entry = enter(deed, seq=seq, time_us=self.now_us, previous=self.end.hash)
        self.entries.append(entry)
        self.end = self.end._replace(seq=seq, hash=entry.hash)
        return seq


class Registry:
    """A store with its journal."""

    def __init__(self, store: Store, clock: Clock, *, instance: str, min_bake_us: int = MIN_BAKE_US) -> None:
        """Founds the registry if it is new.

        Args:
            store: Where the rows are.
            clock: Says the time.
            instance: The name that a new registry gets; one that is there keeps its own.
            min_bake_us: How long a revision must have been live before a rollback leads to it by itself.
        """
        self._store = store
        self._clock = clock
        self.min_bake_us = min_bake_us
        self._listeners: list[Listener] = []
        with store.changing() as connection:
            journal.found(connection, instance)

    def listen(self, listener: Listener) -> None:
        """Calls somebody with the entries of every change once it is kept."""
        self._listeners.append(listener)

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent view."""
        return self._store.reading()

    def back_up(self, to: Path) -> None:
        """Writes a copy of one moment into a new file, while changes go on.

        Raises:
            AlreadyThere: There is such a file.
        """
        self._store.back_up(to)

    def now_us(self) -> int:
        """The time."""
        return self._clock.now_us()

    def change(self, caller: Caller, work: Callable[[Change], Receipt]) -> Receipt:
        """Makes one change, or none of it.

        A request that comes again is answered with the receipt of the first time. A refusal is entered into the journal
        by itself.

        Raises:
            InputRefused: The request id stands for another request.
            RegistryError: Whatever `work` refuses.
        """
        try:
            with self._store.changing() as connection:
                change = self._begin(connection, caller)
                known = _answered(connection, caller)
                if known is not None:
                    return known.receipt
                receipt = work(change)
                if caller.request_id:
                    answered = Answered(caller.method, caller.body, receipt)
                    requests.keep(
                        connection,
                        caller.actor.name,
                        caller.request_id,
                        answered,
                        now_us=change.now_us,
                        expire_us=change.now_us + REMEMBER_US,
                    )
                _finish(change)
        except _REFUSALS as refusal:
            self._enter_refusal(caller, refusal)
            raise
        self._tell(change)
        return receipt

    def permit(self, caller: Caller, action: str, resource: str) -> None:
        """Asks the guard before work that takes long and changes nothing by itself; a refusal is entered.

        Raises:
            Forbidden: The caller may not.
        """
        try:
            guard.allow(caller.actor, action, resource, before=None, after=None)
        except Forbidden as refusal:
            self._enter_refusal(caller, refusal)
            raise

    def _begin(self, connection: Connection, caller: Caller) -> Change:
        end = journal.end(connection)
        return Change(connection, caller, end._replace(time_us=max(end.time_us, self._clock.now_us())))

    def _enter_refusal(self, caller: Caller, refusal: RegistryError) -> None:
        with self._store.changing() as connection:
            change = self._begin(connection, caller)
            change.note(
                Deed(
                    actor=caller.actor,
                    action=caller.method,
                    resource=refusal.metadata.get("resource") or caller.resource,
                    outcome=Outcome.REFUSED,
                    reason=f"{refusal.reason}: {refusal.message}",
                    request_id=caller.request_id,
                )
            )
            _finish(change)
        self._tell(change)

    def _tell(self, change: Change) -> None:
        if change.entries:
            for listener in self._listeners:
                listener(change.entries)


def _answered(connection: Connection, caller: Caller) -> Answered | None:
    if not caller.request_id:
        return None
    known = requests.find(connection, caller.actor.name, caller.request_id)
    if known is not None and (known.method, known.body) != (caller.method, caller.body):
        raise InputRefused(
            f"The request id {caller.request_id} was used for another {known.method}: make a new one for a new request.",
            reason="REQUEST_ID_REUSED",
            request_id=caller.request_id,
        )
    return known


def _finish(change: Change) -> None:
    if change.entries:
        journal.append(change.connection, change.entries)
        journal.move_end(change.connection, change.end)


def check_etag(etag: str, seq: int, resource: str) -> None:
    """Whether a thing is still what its caller has seen; any etag will do where none is said.

    Raises:
        ChangeConflict: Somebody changed it.
    """
    if etag and etag != str(seq):
        raise ChangeConflict(
            f"{resource} has the etag {seq}, not {etag}: somebody changed it. Look again.",
            reason="ETAG_STALE",
            resource=resource,
            etag=str(seq),
        )
