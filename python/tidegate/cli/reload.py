"""Reads a gateway's document again, because its file has changed or somebody asks, while the gateway serves on."""

import threading
from pathlib import Path
from typing import Protocol

import typer

from tidegate.config import Document, load
from tidegate.core.watch import Fingerprint, Watch
from tidegate.errors import DocumentRefused


class Applies(Protocol):
    """What takes documents: a gateway."""

    def apply(self, document: Document) -> None:
        """Begins to serve another document."""


class Reloader:
    """One for each document that is served; everything but the reading itself happens where it is called."""

    def __init__(self, path: Path) -> None:
        """Looks at the file for the first time: what is written from now on is news."""
        self._path = path
        self._watch = Watch(read=_fingerprint(path))
        self._is_asked = False
        self._is_due = False
        self._reader: threading.Thread | None = None
        self._told = ""

    def ask(self) -> None:
        """Has the file read at the next turn, changed or not; may be called from a signal handler."""
        self._is_asked = True

    def look(self) -> None:
        """Has the file read at the next turn if it has changed and was the same at the last look."""
        self._watch, is_due = self._watch.look(_fingerprint(self._path))
        self._is_due = self._is_due or is_due

    def turn(self, gateway: Applies) -> None:
        """Begins to read if there is a reason to, and nobody reads yet.

        In a thread of its own: a large document takes seconds, in which signals must be heard.
        """
        if self.is_reading or not (self._is_due or self._is_asked):
            return
        is_asked, self._is_asked, self._is_due = self._is_asked, False, False
        self._reader = threading.Thread(target=self._read, args=(gateway, is_asked), daemon=True)
        self._reader.start()

    @property
    def is_reading(self) -> bool:
        """Whether a document is on its way to the gateway."""
        return self._reader is not None and self._reader.is_alive()

    def _read(self, gateway: Applies, is_asked: bool) -> None:
        """Applies the document, or says everything that is wrong with it: once, unless somebody asks again."""
        refusal = ""
        try:
            gateway.apply(load(self._path))
        except DocumentRefused as refused:
            refusal = str(refused)
        if refusal and (is_asked or refusal != self._told):
            typer.echo(refusal, err=True)
        self._told = refusal


def _fingerprint(path: Path) -> Fingerprint | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return Fingerprint(device=found.st_dev, inode=found.st_ino, mtime_ns=found.st_mtime_ns, size=found.st_size)
