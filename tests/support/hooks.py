"""A server that takes webhooks, or does not."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Hook", "alerting", "hooking"]


class Hook:
    """What came in, and how it is answered.

    Attributes:
        url: of it.
        status: of all answers.
        got: keys and bodies, in order.
    """

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.got: list[tuple[str, dict[str, Any]]] = []

    @property
    def events(self) -> list[str]:
        """What was told, in order."""
        return [notice["event"] for _, notice in self.got]


@contextmanager
def hooking() -> Iterator[Hook]:
    """One that answers as its ``status`` says."""
    hook = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


def alerting(folder: Path, hook: Hook, more: str = "") -> Path:
    """Have the project tell this webhook; ``more`` is added to its settings."""
    with (folder / "checkwire.toml").open("a") as settings:
        settings.write(f'[channels.hook]\nkind = "webhook"\nurl = "{hook.url}"\n{more}')
    return folder
