"""Plays the cases of the Autobahn Testsuite with Checkwire's client, where that suite runs.

``python -m compliance.autobahn ws://127.0.0.1:9001`` while its fuzzing server listens there; see
README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from checkwire.model.errors import ConnectionClosed
from checkwire.wire.opening import open_connection
from checkwire.wire.options import ConnectOptions, Limits
from compliance.run import TARGETS

__all__ = ["main"]

_PATIENCE: Final = 480.0
"""Seconds that the suite gives its longest cases."""
_OPTIONS: Final = ConnectOptions(proxy=None, limits=Limits(message=None))
_FINE: Final = ("OK", "NON-STRICT", "INFORMATIONAL")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play them all; 1 if any failed."""
    loops = {target.name: target.loop for target in TARGETS if not target.tls}
    parser = argparse.ArgumentParser(prog="python -m compliance.autobahn", description=__doc__)
    parser.add_argument("url", help="of the fuzzing server")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=loops[options.loop]) as runner:
        behaviours = runner.run(_all(options.url.rstrip("/"), f"checkwire-{options.loop}"))
    print(", ".join(f"{count} {name}" for name, count in behaviours.most_common()))
    return 0 if set(behaviours) <= set(_FINE) else 1


async def _all(server: str, agent: str) -> Counter[str]:
    behaviours: Counter[str] = Counter()
    (count,) = await _messages(f"{server}/getCaseCount")
    for number in range(1, int(count) + 1):
        await _echo(f"{server}/runCase?case={number}&agent={agent}")
        (info,) = await _messages(f"{server}/getCaseInfo?case={number}")
        (status,) = await _messages(f"{server}/getCaseStatus?case={number}&agent={agent}")
        behaviour = json.loads(status)["behavior"]
        behaviours[behaviour] += 1
        if behaviour != "OK":
            print(json.loads(info)["id"], behaviour, flush=True)
    await _messages(f"{server}/updateReports?agent={agent}")
    return behaviours


async def _messages(url: str) -> list[str | bytes]:
    connection = await open_connection(url, _OPTIONS)
    messages = []
    try:
        while True:
            messages.append((await connection.receive(_PATIENCE)).data)
    except ConnectionClosed:
        await connection.wait_closed()
    return messages


async def _echo(url: str) -> None:
    connection = await open_connection(url, _OPTIONS)
    try:
        while True:
            connection.send((await connection.receive(_PATIENCE)).data)
            await connection.drain()
    except ConnectionClosed:
        await connection.wait_closed()


if __name__ == "__main__":
    sys.exit(main())
