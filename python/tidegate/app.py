"""The composition root: a registry, its admin API and a gateway in one process, with everything in one folder.

tidegate-data/
  registry.db        rows
  artifacts/         bytes, an OCI image layout
  gateway/           the gateway's own: fetched versions, what it remembers
  owner.token        of the principal `owner`, for its user alone
  lock               held while a process uses the folder
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.api import AdminServer, TlsFiles
from tidegate.blobs import Blobs, open_blobs
from tidegate.clock import SystemClock
from tidegate.config import load
from tidegate.core.documents import fill_in
from tidegate.core.journal import Actor, Kind
from tidegate.core.names import DEFAULT
from tidegate.core.revisions import MIN_BAKE_US
from tidegate.errors import DocumentRefused, DocumentViolation, Missing, RegistryUnavailable
from tidegate.gateway import Gateway
from tidegate.gateway.agent import OBEYED, Agent
from tidegate.loops.changes import Changes
from tidegate.loops.deliver import Deliveries, Outbox
from tidegate.loops.publish import Publisher
from tidegate.loops.transitions import Transitions
from tidegate.services import backup, tokens
from tidegate.services.backup import BYTES, ROWS, Progress
from tidegate.services.publications import Publications
from tidegate.services.registry import Caller, Registry
from tidegate.sinks import LOG, Sink, open_sink
from tidegate.stores import Store, open_store

OWNER = "owner"
TOKEN_FILE = "owner.token"  # noqa: S105  # the file's name
_LOG = logging.getLogger("tidegate.app")
_OF_THE_REGISTRY = ("routes", "versions", "monitors", "repository", "state_dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `tidegate up` is told."""

    folder: Path
    admin: str = "127.0.0.1:8003"
    config: Path | None = None
    """A gateway document that says how the gateway listens and runs, and nothing that the registry says."""
    tls: TlsFiles | None = None
    events: tuple[str, ...] | None = None
    """Addresses of sinks that are told of every change, and of drift; those of `config` where nothing is said."""
    adopt: bool = False
    """Whether the gateway may obey another registry than before."""
    min_bake_s: int = MIN_BAKE_US // 1_000_000
    """How long a revision must have been live before a rollback leads to it by itself."""


class App:
    """Serves from its creation until :meth:`close`."""

    def __init__(self, settings: Settings) -> None:
        """Opens the folder, starts the gateway with what the registry says, and answers the admin API.

        Raises:
            RegistryError: The folder is in use, damaged, or from the future; or an address is taken.
            DocumentRefused: The gateway's settings break rules.
            GatewayNotStarted: The gateway cannot serve.
        """
        with ExitStack() as stack:
            folder = settings.folder
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold(folder))
            self.registry, store, blobs = open_registry(folder, min_bake_us=settings.min_bake_s * 1_000_000)
            stack.callback(store.close)
            _make_owner(self.registry, folder)
            fields = _gateway_settings(settings)
            sinks = _open_sinks(settings, fields["sinks"], stack)
            own = folder / "gateway"
            if settings.adopt:
                (own / OBEYED).unlink(missing_ok=True)
            agent = Agent(fields, own, blobs.open, self._report)
            publications = Publications(self.registry, DEFAULT, DEFAULT)
            first = publications.newest()
            agent.prepare(first)
            self.gateway = Gateway(agent.document(first))
            self.publisher = Publisher(self.gateway, agent, publications.newest, first, self.gateway.warn)
            self.registry.listen(self.publisher.notice)
            for address, sink in sinks.items():
                self._deliver(address, sink, stack)
            self.admin = AdminServer(
                self.registry,
                blobs,
                SystemClock(),
                address=settings.admin,
                tls=settings.tls,
                follow=self.publisher.follow,
            )
            self.publisher.start()
            stack.callback(self.publisher.stop)
            self.admin.start()
            stack.callback(self.admin.stop)
            self._open = stack.pop_all()

    def close(self) -> None:
        """Ends the admin API and gives the folder up; the gateway ends by :meth:`Gateway.drain`."""
        self._open.close()

    def _deliver(self, address: str, sink: Sink, stack: ExitStack) -> None:
        """Tells a sink of every change, and of drift."""
        changes = Changes(self.registry, sink)
        outboxes: list[Outbox] = [changes]
        if address != LOG:
            # Drift is in the gateway's log already, at the level that it deserves.
            outboxes.append(Transitions(self.gateway, address, sink))
        deliveries = Deliveries(sink, outboxes, self.gateway.warn)
        self.registry.listen(changes.notice)
        self.registry.listen(lambda _entries: deliveries.wake())
        deliveries.start()
        stack.callback(deliveries.stop)

    def _report(self, event: str, reason: str) -> None:
        _LOG.warning("%s: %s", event, reason)


def open_registry(folder: Path, *, min_bake_us: int = MIN_BAKE_US) -> tuple[Registry, Store, Blobs]:
    """The registry in a folder that this process holds."""
    store, blobs = _open(folder)
    registry = Registry(store, SystemClock(), instance=secrets.token_hex(8), min_bake_us=min_bake_us)
    return registry, store, blobs


def back_up(folder: Path, to: Path, tell: Progress) -> int:
    """Copies the registry in a folder, which may be in use, into another; returns how many blobs it has.

    Raises:
        RegistryError: There is no registry, or no room, or the other folder is not empty.
    """
    if not (folder / ROWS).is_file():
        raise Missing(f"{folder} has no registry: name its folder with --data.", reason="REGISTRY_MISSING")
    store, blobs = _open(folder)
    try:
        return backup.back_up(store, blobs, to, open_rows=_open_rows, open_bytes=_open_bytes, tell=tell)
    finally:
        store.close()


def restore(saved: Path, folder: Path) -> int:
    """Makes the registry of a folder from a backup, and returns its incarnation.

    Raises:
        RegistryError: It is no backup, or the folder is in use, or has a registry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    caller = Caller(actor=Actor(name=OWNER, kind=Kind.PERSON), reason=f"from {saved.name}", method="registry.restore")
    with hold(folder):
        return backup.restore(saved, folder, _open_rows, caller, SystemClock())


def _open(folder: Path) -> tuple[Store, Blobs]:
    return _open_rows(folder), _open_bytes(folder)


def _open_rows(folder: Path) -> Store:
    return open_store(f"sqlite:{folder / ROWS}")


def _open_bytes(folder: Path) -> Blobs:
    return open_blobs(f"folder:{folder / BYTES}")


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps every other process out of the folder; the kernel lets go of it however this one ends.

    Raises:
        RegistryUnavailable: Another process has it.
    """
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise RegistryUnavailable(
                f"{folder} is in use by process {holder}: end it, or name another folder with --data.",
                reason="FOLDER_IN_USE",
                folder=str(folder),
                process=holder,
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _make_owner(registry: Registry, folder: Path) -> None:
    """Makes the owner of a new registry; one whose token is lost gets none by a restart."""
    path = folder / TOKEN_FILE
    if any(principal.name == OWNER for principal in tokens.list_principals(registry)):
        return
    caller = Caller(actor=Actor(name=OWNER, kind=Kind.PERSON), reason="first start", method="tokens.create")
    # The file first: a process that is killed in between makes both anew, and nobody has an owner without a token.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        token = tokens.new_token()
        file.write(f"{token}\n")
        file.flush()
        os.fsync(file.fileno())
    tokens.create(registry, caller, OWNER, Kind.PERSON, token=token)


def _gateway_settings(settings: Settings) -> dict[str, Any]:
    """The settings of the gateway, without what the registry says."""
    fields = fill_in({}) if settings.config is None else load(settings.config).fields
    said = [name for name in ("routes", "versions", "monitors") if fields[name]]
    if said:
        reason = "is for the registry to say: apply it with `tidegate import` or `tidegate routes apply`"
        raise DocumentRefused(str(settings.config), tuple(DocumentViolation(name, reason) for name in said))
    own = {name: value for name, value in fields.items() if name not in _OF_THE_REGISTRY}
    if settings.events is not None:
        # The gateway reads them too: whether its log is among them, and for whom drift has to wait.
        own["sinks"] = fill_in({"sinks": list(settings.events)})["sinks"]
    return {**own, "repository": "models", "state_dir": "state"}


def _open_sinks(settings: Settings, addresses: Sequence[str], stack: ExitStack) -> dict[str, Sink]:
    """The sinks by their addresses; relative paths start where the addresses were written."""
    base = Path() if settings.events is not None or settings.config is None else settings.config.parent
    sinks = {}
    for address in addresses:
        sinks[address] = open_sink(address, base)
        stack.callback(sinks[address].close)
    return sinks
