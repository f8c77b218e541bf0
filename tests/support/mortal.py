"""A small server that ingests runs, decides and delivers, until it is done or killed.

``python -m support.mortal URL HOOK MAIL POINT``: the database's URL, the webhook's, the mail
server's port, and at which point of its third incident's opening to die, if at any.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping

from checkwire.alerting.decide import decide
from checkwire.alerting.deliverer import Deliverer
from checkwire.model.alerts import EmailChannel, MailServer
from checkwire.store import outbox
from checkwire.store.runs import insert_runs
from support.delivering import hook
from support.watched import EPOCH_NS, MINUTE_NS, definition, watched

__all__ = ["DEADLY_STEP", "INCIDENTS", "STORY"]

INCIDENTS = 8
STORY = "+--+" * INCIDENTS
DEADLY_STEP = 10
"""The step that opens the third incident."""


def die() -> None:
    """By our own hand, and at once: nothing is written, closed or said any more."""
    os.kill(os.getpid(), signal.SIGKILL)


async def serve(url: str, hook_url: str, mail_port: int, point: str) -> None:
    channels = hook(hook_url) | {
        "mail": EmailChannel(
            name="mail",
            to=("oncall@example.org",),
            sender="checkwire@example.org",
            server=MailServer(host="127.0.0.1", port=mail_port),
        )
    }

    async def secrets(_: str) -> Mapping[str, str]:
        return {}

    stopping = asyncio.Event()
    async with watched(url, definition(), channels=("hook", "mail")) as scene:
        deliverer = Deliverer(scene.store, lambda _: channels, secrets, timeout=1.0, lease=0.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(deliverer.run(stopping))
            print("ready", flush=True)
            # From the beginning, whatever the one before had done: that is what idempotent means.
            for step, sign in enumerate(STORY):
                deadly = step == DEADLY_STEP
                run = scene.run(sign, "local", EPOCH_NS + step * MINUTE_NS, "updates")
                async with scene.store.writing() as tx:
                    now_ns = time.time_ns()
                    inserted = await insert_runs(tx, [run], now_ns)
                    if deadly and inserted and point == "inserted":
                        die()
                    await decide(tx, inserted, scene.policies, now_ns)
                    if deadly and inserted and point == "decided":
                        die()
                if deadly and inserted and point == "committed":
                    die()
                deliverer.wake()
                await asyncio.sleep(0.005)
            pending = 1
            while pending:
                await asyncio.sleep(0.02)
                async with scene.store.reading() as tx:
                    pending = await outbox.pending(tx)
            stopping.set()


if __name__ == "__main__":
    url, hook_url, mail_port, point = sys.argv[1:]
    asyncio.run(serve(url, hook_url, int(mail_port), point))
