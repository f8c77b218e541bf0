"""Notices on their way out of a real outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from checkwire.alerting.deliverer import Deliverer
from checkwire.model.alerts import Channel, WebhookChannel
from checkwire.store.records import OutboxEntry
from support.loops import PATIENCE
from support.watched import Watched

__all__ = ["Delivery", "delivering", "hook"]


def hook(url: str, name: str = "hook", **options: Any) -> dict[str, Channel]:
    """One webhook."""
    return {name: WebhookChannel(name=name, url=url, **options)}


class Delivery:
    """A deliverer at work.

    Attributes:
        channels: of the project; ``None`` if it is not loaded.
        secrets: of the project.
        stopping: what ends it.
    """

    def __init__(
        self, scene: Watched, channels: Mapping[str, Channel] | None, secrets: dict[str, str]
    ) -> None:
        self.scene = scene
        self.channels = channels
        self.secrets = secrets
        self.stopping = asyncio.Event()
        self._started_ns = time.monotonic_ns()
        self._passed_ns = 0
        self.deliverer: Deliverer

    def now_ns(self) -> int:
        """The time since the last notice was written, as it is on the deliverer's clock."""
        passed_ns = self._passed_ns + time.monotonic_ns() - self._started_ns
        return self.scene.now_ns + passed_ns

    def pass_time(self, seconds: float) -> None:
        """Put the clock forward."""
        self._passed_ns += round(seconds * 1e9)
        self.deliverer.wake()

    async def runs(self, story: str, **options: Any) -> None:
        """Runs that may open and close incidents."""
        await self.scene.runs(story, **options)
        self.deliverer.wake()

    async def until(self, condition: Callable[[list[OutboxEntry]], object]) -> list[OutboxEntry]:
        """Wait until something is so in the outbox."""
        async with asyncio.timeout(PATIENCE):
            while not condition(told := await self.scene.told()):  # noqa: ASYNC110 - a database's doing
                await asyncio.sleep(0.005)
        return told

    async def delivered(self, count: int = 1) -> list[OutboxEntry]:
        """Wait until so many notices are delivered."""
        return await self.until(lambda told: sum(e.delivered_ns is not None for e in told) >= count)

    async def failed(self, tries: int = 1) -> OutboxEntry:
        """Wait until the first notice has failed so many times."""
        told = await self.until(lambda told: told and told[0].tries == tries and told[0].error)
        assert told[0].delivered_ns is None
        return told[0]

    async def given_up(self) -> OutboxEntry:
        """Wait until the first notice is given up."""
        told = await self.until(lambda told: told and told[0].error and not told[0].next_try_ns)
        assert told[0].delivered_ns is None
        return told[0]


@asynccontextmanager
async def delivering(
    scene: Watched,
    channels: Mapping[str, Channel] | None,
    secrets: dict[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Delivery]:
    """A deliverer that runs while this is entered."""
    delivery = Delivery(scene, channels, secrets or {})

    async def read_secrets(project: str) -> Mapping[str, str]:
        assert project == "orders"
        return delivery.secrets

    delivery.deliverer = Deliverer(
        scene.store,
        lambda project: delivery.channels if project == "orders" else None,
        read_secrets,
        clock=delivery.now_ns,
        **{"timeout": 5.0, **options},
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(delivery.deliverer.run(delivery.stopping))
        try:
            yield delivery
        finally:
            delivery.stopping.set()
