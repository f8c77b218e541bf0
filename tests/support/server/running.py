"""The small server, running: uvicorn in a thread, on a port of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import uvicorn
from fastapi import FastAPI

from checkwire.store.database import Store
from support.server.monitor import SmallMonitor

__all__ = ["Reply", "Running", "SseEvent", "Stream", "serving"]

T = TypeVar("T")
PATIENCE = 20.0


class Reply(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """Of the problem that it is."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        document = self.json
        assert document["status"] == self.status
        return str(document["type"]).removeprefix("urn:checkwire:problem:")

    @property
    def fields(self) -> list[str]:
        """The fields at fault, as the problem has them."""
        return [error["field"] for error in self.json["errors"]]


class SseEvent(NamedTuple):
    id: str
    kind: str
    data: Any


class Stream:
    """A stream of server-sent events."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self.response = connection.getresponse()

    def __iter__(self) -> Iterator[SseEvent]:
        fields: dict[str, str] = {}
        while line := self.response.readline():
            text = line.decode().rstrip("\n")
            if text:
                name, _, value = text.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield SseEvent(fields["id"], fields["event"], json.loads(fields["data"]))
                fields = {}
            else:
                fields = {}

    def take(self, count: int) -> list[SseEvent]:
        events = iter(self)
        return [next(events) for _ in range(count)]

    def close(self) -> None:
        self.response.close()
        self._connection.close()


class Running:
    """The server as its clients see it, and its inside as tests need it."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self.store = store
        self.monitor = SmallMonitor(store)
        self.port = 0
        self._loop = loop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call it in the server's loop."""

        async def work() -> T:
            return function(*args, **kwargs)

        return self.do(work())

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """Send a request; a body that is no bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes | Iterator):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent, encode_chunked=isinstance(body, Iterator))
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=_names(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self.ask("POST", path, headers=_names(headers), body=body)

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[Stream]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path, headers=_names(headers))
        stream = Stream(connection)
        try:
            yield stream
        finally:
            stream.close()


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def serving(
    database: str,
    build: Callable[[Running], FastAPI],
    prepare: Callable[[Running], Coroutine[Any, Any, None]] | None = None,
) -> Iterator[Running]:
    """Serve an application, made in the server's loop, on the database at a URL."""
    ready = threading.Event()
    out: list[Running] = []
    failed: list[BaseException] = []
    servers: list[uvicorn.Server] = []

    async def work() -> None:
        store = await Store.open(database)
        try:
            running = Running(store, asyncio.get_running_loop())
            if prepare is not None:
                await prepare(running)
            listener = socket.create_server(("127.0.0.1", 0))
            running.port = listener.getsockname()[1]
            # It waits for streams for as long as they take: so a test notices if they do not end.
            config = uvicorn.Config(build(running), lifespan="off", log_config=None)
            server = uvicorn.Server(config)
            servers.append(server)
            serve = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serve.done():  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.005)
            out.append(running)
            ready.set()
            await serve
        finally:
            await store.close()

    def thread() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    background = threading.Thread(target=thread, name="server")
    background.start()
    assert ready.wait(PATIENCE)
    if failed:
        background.join()
        raise failed[0]
    running = out[0]
    try:
        yield running
    finally:
        running.call(running.monitor.stopped.set)
        servers[0].should_exit = True
        background.join(PATIENCE)
        assert not background.is_alive(), "the server does not stop"
    if failed:
        raise failed[0]
