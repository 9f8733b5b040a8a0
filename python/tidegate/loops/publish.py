"""Publishes what the registry says to the gateway in this process, after every change and at once."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tidegate.core.journal import Entry
from tidegate.core.names import RouteName
from tidegate.core.publications import Amendment, Publication, amendment_of, parts_of
from tidegate.core.routes import versions_of
from tidegate.core.serving import Serving, ServingState
from tidegate.errors import DocumentRefused, RegistryUnavailable, TidegateError
from tidegate.gateway import Gateway
from tidegate.gateway.agent import Agent
from tidegate.gateway.reports import Progress

LOOK_S = 0.1
"""How often a gateway that loads is asked how far it is."""
RETRY_S = 2.0
"""How soon something is tried again that could not be read or written: disks get room, locks end. Then twice as late each
time, since what is tried may be gigabytes."""
MOST_RETRY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Converged:
    """How far the gateway is with what was published."""

    epoch: int
    """The newest publication that it has taken up."""
    pending: Mapping[str, str]
    """Routes that wait for versions to load, with what they wait for."""
    refused: Mapping[str, str]
    """Routes that are not served as published, with the reasons."""
    given_up: Mapping[str, str]
    """Of watched routes what their monitors give up."""
    error: str | None
    """Why the newest publication was not given to the gateway; None if it was."""


class Publisher:
    """One thread that publishes, and says how far the gateway is.

    A publication is complete; what is sent of it is what has changed.
    """

    def __init__(
        self,
        gateway: Gateway,
        agent: Agent,
        publication: Callable[[], Publication],
        published: Publication,
        report: Callable[[str, str], None],
    ) -> None:
        """Does nothing until :meth:`start`.

        Args:
            gateway: Who serves.
            agent: Keeps its folder.
            publication: What is to be served now.
            published: What the gateway was started with.
            report: Told of what goes wrong: an event and its reason.
        """
        self._gateway = gateway
        self._agent = agent
        self._publication = publication
        self._published = published
        self._report = report
        self._state = threading.Condition()
        self._is_due = True
        self._is_over = False
        self._is_cluttered = True
        """Whether the folder may hold versions that are not published any more."""
        self._unfit: dict[str, str] = {}
        """Routes that this gateway could not take up, with the reasons."""
        self._retry_s = RETRY_S
        self._retry_at: float | None = None
        self._converged = Converged(epoch=0, pending={}, refused={}, given_up={}, error=None)
        self._thread = threading.Thread(target=self._run, name="tidegate-publish", daemon=True)

    def start(self) -> None:
        """Publishes what there is, and from now on every change."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what is under way."""
        with self._state:
            self._is_over = True
            self._state.notify_all()
        self._thread.join()

    def notice(self, _entries: Sequence[Entry]) -> None:
        """There is something new to publish."""
        with self._state:
            self._is_due = True
            self._state.notify_all()

    def follow(self, name: RouteName, seq: int, timeout_s: float) -> Serving:
        """Waits until a route is served, or refused, as it is since a journal entry; other routes are not waited for."""
        now = self._wait(name.route, seq, timeout_s)
        if now.error is not None:
            return Serving(state=ServingState.REFUSED, reason=now.error)
        if now.epoch < seq:
            return Serving(state=ServingState.PENDING, reason="it is not published yet")
        if reason := now.refused.get(name.route):
            return Serving(state=ServingState.REFUSED, reason=reason)
        if reason := now.pending.get(name.route):
            return Serving(state=ServingState.PENDING, reason=reason)
        return Serving(state=ServingState.SERVED, given_up=now.given_up.get(name.route, ""))

    def _wait(self, route: str, epoch: int, timeout_s: float) -> Converged:

        def is_settled() -> bool:
            now = self._converged
            return self._is_over or (now.epoch >= epoch and route not in now.pending) or now.error is not None

        with self._state:
            self._state.wait_for(is_settled, timeout_s)
            return self._converged

    def _run(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._is_due or self._is_over, self._pause_s())
                if self._is_over:
                    return
                is_late = self._retry_at is not None and time.monotonic() >= self._retry_at
                is_due, self._is_due = self._is_due or is_late, False
            try:
                self._note(self._publish(is_late=is_late) if is_due else self._gateway.progress())
            except Exception as error:  # noqa: BLE001  # without this thread no change would be served any more
                self._retry_later(is_needed=True)
                said = str(error) if isinstance(error, TidegateError) else f"{type(error).__name__}: {error}"
                if self._converged.error != said:
                    self._report("publish_failed", said)
                self._say(replace(self._converged, error=said))

    def _pause_s(self) -> float | None:
        # What loads is looked after until it is done; what is new goes first.
        if self._converged.pending:
            return LOOK_S
        return None if self._retry_at is None else max(self._retry_at - time.monotonic(), 0.0)

    def _retry_later(self, *, is_needed: bool) -> None:
        self._retry_at = time.monotonic() + self._retry_s if is_needed else None
        self._retry_s = min(2 * self._retry_s, MOST_RETRY_S) if is_needed else RETRY_S

    def _publish(self, *, is_late: bool) -> Progress:
        publication = self._publication()
        amendment = amendment_of(self._published, publication)
        if is_late:
            amendment = amendment.with_again(publication, self._agent.absent)
        self._agent.prepare(publication, amendment.versions)
        progress = self._amend(amendment)
        self._agent.obeyed(publication)
        self._published = publication
        self._is_cluttered |= None in amendment.versions.values()
        is_short = any(isinstance(why, RegistryUnavailable) for why in self._agent.absent.values())
        self._retry_later(is_needed=is_short)
        return progress

    def _amend(self, amendment: Amendment) -> Progress:
        """Has the gateway serve what it can of an amendment: what a part of it breaks, the others do not wait for."""
        for name in amendment.routes:
            self._unfit.pop(name, None)
        try:
            return self._gateway.amend(parts_of(amendment))
        except DocumentRefused:
            for part in amendment.parts():
                try:
                    self._gateway.amend(parts_of(part))
                except DocumentRefused as error:
                    self._report("publish_failed", str(error))
                    self._unfit |= dict.fromkeys(part.routes, str(error))
            return self._gateway.progress()

    def _absent(self, route: str) -> str:
        """Why versions of a route could not be fetched: what the gateway misses then is no news."""
        routes = self._published.routes
        named = versions_of(routes[route]) if self._agent.absent and route in routes else ()
        reasons = (f"{version}: {self._agent.absent[version]}" for version in named if version in self._agent.absent)
        return "; ".join(sorted(reasons))

    def _note(self, progress: Progress) -> None:
        refused = {route: self._absent(route) or reason for route, reason in progress.refused.items()}
        self._say(
            Converged(
                epoch=self._published.epoch,
                pending=progress.pending,
                refused={**refused, **self._unfit},
                given_up=progress.given_up,
                error=None,
            )
        )
        if self._is_cluttered and not progress.pending:
            self._agent.prune(self._published)
            self._is_cluttered = False

    def _say(self, converged: Converged) -> None:
        with self._state:
            self._converged = converged
            self._state.notify_all()
