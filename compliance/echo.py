"""``checkwire echo`` under test: a scripted client plays the cases that are for servers too."""

from __future__ import annotations

import asyncio

from checkwire.echo import EchoServer
from compliance.case import Case, Cut, Dialogue
from compliance.differences import Check, differences
from compliance.handshake import REQUEST, accept_key
from compliance.peer import PATIENCE, Heard, Peer

__all__ = ["play"]


async def play(case: Case, cut: Cut | int) -> list[str]:
    """Play the case once; returns what was not as it must be."""
    dialogue = case.build()
    heard = Heard()
    problems: list[str] = []
    async with EchoServer(greeting=False) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        try:
            writer.write(REQUEST)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if accept_key() not in head or not head.startswith("HTTP/1.1 101 "):
                problems.append(f"the server answered {head!r}")
            peer = Peer(reader, writer, is_client=True)
            heard = peer.heard
            await peer.play(case, dialogue, cut)
        except TimeoutError:
            problems.append(f"the server did not answer within {PATIENCE:g} s")
        finally:
            writer.close()
    return problems + _judge(case, dialogue, heard)


def _judge(case: Case, dialogue: Dialogue, heard: Heard) -> list[str]:
    closes = case.closes if case.echo_closes is None else case.echo_closes
    checks: list[Check] = [
        ("rules broken by the server", heard.broken, []),
        ("messages echoed", heard.messages, list(dialogue.receives)),
        ("pongs", heard.pongs, list(case.pongs)),
        ("close codes", heard.closes, [] if closes is None else [closes]),
        ("TCP ended by the server", heard.ended, True),
    ]
    return differences(checks)
