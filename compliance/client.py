"""Checkwire's client under test: a scripted server plays the cases, and the client echoes."""

from __future__ import annotations

import asyncio
import atexit
import functools
import ssl
import tempfile
from pathlib import Path
from typing import NamedTuple

from checkwire.model.errors import ConnectError, ConnectionClosed
from checkwire.model.events import ConnectionClosed as Closed
from checkwire.model.events import Event
from checkwire.model.failures import Failure, Severity
from checkwire.wire.observer import Observer
from checkwire.wire.opening import open_connection
from checkwire.wire.options import ConnectOptions, Limits, Timeouts
from checkwire.wire.session.connection import Connection
from checkwire.wire.tls.contexts import TlsOptions
from compliance.case import Case, CloseBy, Cut, Dialogue, Message, PingBy
from compliance.differences import Check, differences
from compliance.handshake import answer, flaws
from compliance.peer import PATIENCE, Heard, Peer

__all__ = ["Certificate", "certificate", "play"]


class Certificate(NamedTuple):
    """The server's TLS context, and the file of the authority that the client trusts."""

    context: ssl.SSLContext
    authority: str


@functools.cache
def certificate() -> Certificate:
    """One for all cases."""
    from checkwire.echo.certificate import make_certificate

    made = make_certificate()
    folder = tempfile.TemporaryDirectory(prefix="checkwire-compliance-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "ca.pem"
    path.write_bytes(made.authority)
    return Certificate(made.context, str(path))


class _Told(Observer):
    """What the client tells of the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []
        self.closed: list[Closed] = []

    def take(self, event: Event) -> None:
        if isinstance(event, Closed):
            self.closed.append(event)

    def failed(
        self, failure: Failure, severity: Severity = "failed", *, at_ns: int | None = None
    ) -> None:
        if severity == "failed":
            self.failures.append(failure.code)


async def play(case: Case, cut: Cut | int, *, tls: bool = False) -> list[str]:
    """Play the case once; returns what was not as it must be."""
    dialogue = case.build()
    told = _Told()
    problems: list[str] = []
    heard, met = Heard(), False
    server_done = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard, met
        if met:  # The client looks for the cause of a failure; what it finds is not judged.
            writer.close()
            return
        met = True
        try:
            problems.extend(flaws(await answer(reader, writer, case), case))
            if case.failure.startswith("upgrade."):
                await reader.read()
                return
            peer = Peer(reader, writer, is_client=False, extension=case.extension)
            heard = peer.heard
            await peer.play(case, dialogue, cut)
        except TimeoutError:
            problems.append(f"the client did not answer within {PATIENCE:g} s")
        except OSError as error:
            problems.append(f"the client broke the connection: {error}")
        finally:
            writer.close()
            server_done.set_result(None)

    context = certificate().context if tls else None
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        port = server.sockets[0].getsockname()[1]
        url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/"
        async with asyncio.timeout(3 * PATIENCE):
            messages = await _use(url, case, dialogue, told)
            await server_done
    except TimeoutError:
        problems.append("the connection did not end")
        messages = []
    finally:
        server.close()
    problems += _judge(case, dialogue, told, messages)
    problems += _judge_heard(case, dialogue, heard)
    return problems


async def _use(url: str, case: Case, dialogue: Dialogue, told: _Told) -> list[Message]:
    options = ConnectOptions(
        proxy=None,
        subprotocols=case.subprotocols,
        tls=TlsOptions(ca=certificate().authority if url.startswith("wss") else None),
        timeouts=Timeouts(close=case.patience),
        limits=Limits(message=case.limit),
    )
    try:
        connection = await open_connection(url, options, told)
    except ConnectError:
        return []
    try:
        after = len(dialogue.receives) if case.after is None else case.after
        return await _echo(connection, case, after)
    finally:
        connection.abort()


async def _echo(connection: Connection, case: Case, after: int) -> list[Message]:
    messages: list[Message] = []
    try:
        if not after:
            await _act(connection, case)
        while True:
            message = (await connection.receive()).data
            messages.append(message)
            connection.send(message)
            await connection.drain()
            if len(messages) == after:
                await _act(connection, case)
    except ConnectionClosed:
        # What came is there to be taken, though it can no longer be echoed.
        messages += await _rest(connection)
    await connection.wait_closed()
    return messages


async def _rest(connection: Connection) -> list[Message]:
    rest: list[Message] = []
    try:
        while True:
            rest.append((await connection.receive()).data)
    except ConnectionClosed:
        return rest


async def _act(connection: Connection, case: Case) -> None:
    for action in case.does:
        match action:
            case CloseBy(code, reason):
                await connection.close(code, reason)
            case PingBy(payload):
                await connection.ping(payload)
            case _:
                connection.send(action)
                await connection.drain()


def _judge(case: Case, dialogue: Dialogue, told: _Told, messages: list[Message]) -> list[str]:
    checks: list[Check] = [
        ("failures", told.failures, [case.failure] if case.failure else []),
        ("events of the end", len(told.closed), 1),
    ]
    if not case.failure.startswith("upgrade.") and told.closed:
        closed = told.closed[0]
        checks += [
            ("messages received", messages, list(dialogue.receives)),
            ("close code sent", closed.sent_code, case.closes),
            ("clean", closed.clean, case.clean),
        ]
    return differences(checks)


def _judge_heard(case: Case, dialogue: Dialogue, heard: Heard) -> list[str]:
    if case.failure.startswith("upgrade."):
        return differences([("frames after a failed handshake", heard, Heard())])
    echoes = [*dialogue.receives, *case.sent]
    if case.scripted:
        # Where the connection ends at once, not all that came can still be echoed.
        echoes = echoes[: len(heard.messages)]
    pings = [action.payload for action in case.does if isinstance(action, PingBy)]
    closes = [] if case.closes is None else [case.closes]
    checks: list[Check] = [
        ("rules broken by the client", heard.broken, []),
        ("messages echoed", heard.messages, echoes),
        ("pongs", heard.pongs, list(case.pongs)),
        ("pings", heard.pings, pings),
        ("close codes", heard.closes, closes),
        # Section 5.3: keys are new for each frame, and cannot be told beforehand.
        ("masking keys are new", len(heard.keys) > heard.frames // 2, heard.frames > 0),
    ]
    return differences(checks)
