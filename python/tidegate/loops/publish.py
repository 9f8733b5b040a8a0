"""Publishes what the registry says to the gateway in this process, after every change and at once."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tidegate.core.journal import Entry
from tidegate.core.names import RouteName
from tidegate.core.publications import Publication
from tidegate.core.serving import Serving, ServingState
from tidegate.errors import TidegateError
from tidegate.gateway import Gateway
from tidegate.gateway.agent import Agent

LOOK_S = 0.1
"""How often a gateway that loads is asked how far it is."""


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
    """One thread that publishes, and says how far the gateway is."""

    def __init__(
        self,
        gateway: Gateway,
        agent: Agent,
        publication: Callable[[], Publication],
        report: Callable[[str, str], None],
    ) -> None:
        """Does nothing until :meth:`start`.

        Args:
            gateway: Who serves.
            agent: Keeps its folder.
            publication: What is to be served now.
            report: Told of what goes wrong: an event and its reason.
        """
        self._gateway = gateway
        self._agent = agent
        self._publication = publication
        self._report = report
        self._state = threading.Condition()
        self._is_due = True
        self._is_over = False
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
        published: Publication | None = None
        while True:
            with self._state:
                # What loads is looked after until it is done; what is new goes first.
                is_loading = bool(self._converged.pending)
                self._state.wait_for(lambda: self._is_due or self._is_over, LOOK_S if is_loading else None)
                if self._is_over:
                    return
                is_due, self._is_due = self._is_due, False
            try:
                if is_due:
                    publication = self._publication()
                    self._gateway.apply(self._agent.prepare(publication))
                    self._agent.obeyed(publication)
                    published = publication
                self._follow(published)
            except TidegateError as error:
                self._report("publish_failed", str(error))
                self._note(replace(self._converged, error=str(error)))

    def _follow(self, published: Publication | None) -> None:
        if published is None:
            return
        progress = self._gateway.progress()
        self._note(
            Converged(
                epoch=published.epoch,
                pending=progress.pending,
                refused=progress.refused,
                given_up=progress.given_up,
                error=None,
            )
        )
        if not progress.pending:
            self._agent.prune(published)

    def _note(self, converged: Converged) -> None:
        with self._state:
            self._converged = converged
            self._state.notify_all()
