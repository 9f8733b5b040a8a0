"""Stand-ins for a running gateway: its HTTP port and its admin socket, each saying what a test has put there."""

import http.server
import json
import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Script:
    """What is answered, and what was asked."""

    body: bytes = b"{}"
    status: int = 200
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Method, path and body of each request."""
    is_deaf: bool = False
    """Answers before it has read the request."""
    patience: threading.Event | None = None
    """Nothing is answered until this is set."""

    def says(self, document: Any, status: int = 200) -> None:
        """Answers with this from now on; bytes as they are."""
        self.body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.status = status


class _Conversation(http.server.BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        script: Script = self.server.script
        length = 0 if script.is_deaf else int(self.headers.get("content-length", 0))
        script.asked.append((self.command, self.path, self.rfile.read(length)))
        if script.patience is not None:
            script.patience.wait(30)
        self.send_response(script.status)
        self.send_header("content-length", str(len(script.body)))
        self.end_headers()
        self.wfile.write(script.body)

    def do_POST(self) -> None:
        self.do_GET()

    def address_string(self) -> str:
        return "test"

    def log_message(self, *_arguments: Any) -> None:
        """Tests are quiet."""


class _TcpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def http_port() -> Iterator[tuple[str, Script]]:
    """A gateway's HTTP port: its address, and what it says."""
    with _TcpServer(("127.0.0.1", 0), _Conversation) as server, _serving(server) as script:
        yield f"127.0.0.1:{server.server_port}", script


@contextmanager
def admin_socket(state_dir: Path) -> Iterator[Script]:
    """A gateway's admin socket in its state folder."""
    state_dir.mkdir(parents=True, exist_ok=True)
    folder = os.open(state_dir, os.O_RDONLY)
    try:
        with _UnixServer(f"/proc/self/fd/{folder}/admin.sock", _Conversation) as server, _serving(server) as script:
            yield script
    finally:
        os.close(folder)


@contextmanager
def _serving(server: Any) -> Iterator[Script]:
    server.script = Script()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.script
    finally:
        if server.script.patience is not None:
            server.script.patience.set()
        server.shutdown()
        thread.join()
