"""Killed between any two steps: no notice is lost, no incident doubled, and keys stay the same."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

import pytest

from checkwire.store.outbox import key_of
from support.httpserver import HttpServer, SeenRequest, reply
from support.loops import run
from support.mailserver import MailBox
from support.mortal import INCIDENTS
from support.rawserver import Peer
from support.watched import watched

EVENTS: tuple[Literal["opened"], Literal["closed"]] = ("opened", "closed")

pytestmark = pytest.mark.timeout(120)


class Hook(HttpServer):
    """A webhook at which, once, somebody dies.

    Attributes:
        victim: whom to kill.
        on_request: called with the first request, before it is answered.
        after_answer: called when a client has its answer.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.victim = 0
        self.on_request: Callable[[], None] | None = None
        self.after_answer: Callable[[], None] | None = None

    def kill(self) -> None:
        os.kill(self.victim, signal.SIGKILL)

    def _answer(self, _: SeenRequest) -> bytes:
        if self.on_request is not None:
            call, self.on_request = self.on_request, None
            call()
        return reply("200 OK", b"", "Connection: close")

    def _converse(self, peer: Peer) -> None:
        # The client throws the connection away: it has the answer, or is dead.
        with contextlib.suppress(OSError):
            super()._converse(peer)
        if self.after_answer is not None:
            call, self.after_answer = self.after_answer, None
            call()


class Scene:
    """Processes, one after another, on one database, with one webhook and one mailbox."""

    def __init__(self, url: str, hook: Hook, box: MailBox) -> None:
        self.url = url
        self.hook = hook
        self.box = box

    async def process(self, point: str = "") -> asyncio.subprocess.Process:
        """The next one, when it is ready."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "support.mortal", self.url, self.hook.url, str(self.box.port), point),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        self.hook.victim = child.pid
        return child

    async def dies(self, child: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(30):
            assert await child.wait() == -signal.SIGKILL

    async def finishes(self) -> None:
        """One that nobody kills; then all must be well."""
        child = await self.process()
        async with asyncio.timeout(30):
            assert await child.wait() == 0
        await self._all_is_well()

    async def _all_is_well(self) -> None:
        async with watched(self.url) as scene:
            incidents = await scene.incidents()
            told = await scene.told()
        assert len(incidents) == INCIDENTS
        assert all(incident.closed_ns for incident in incidents)
        expected = {
            key_of(incident.id, event, channel)
            for incident in incidents
            for event in EVENTS
            for channel in ("hook", "mail")
        }
        assert {entry.id for entry in told} == expected
        assert all(entry.delivered_ns and not entry.error for entry in told)
        bodies = defaultdict(set)
        for request in self.hook.seen:
            bodies[request.header("Idempotency-Key")].add(request.body)
        assert dict(bodies) == {e.id: {e.payload} for e in told if e.channel == "hook"}
        letters = defaultdict(set)
        for mail in self.box.seen:
            letters[mail.message["X-Checkwire-Idempotency-Key"]].add(mail.message["Message-ID"])
        assert dict(letters) == {
            e.id: {f"<{e.id}@example.org>"} for e in told if e.channel == "mail"
        }


@contextlib.asynccontextmanager
async def setting(url: str) -> AsyncIterator[Scene]:
    with Hook() as hook:
        async with MailBox() as box:
            yield Scene(url, hook, box)


@pytest.mark.parametrize("point", ["inserted", "decided", "committed"])
def test_killed_around_the_transaction(url: str, point: str) -> None:
    async def story() -> None:
        async with setting(url) as scene:
            await scene.dies(await scene.process(point))
            await scene.finishes()

    run(story())


def test_killed_when_the_webhook_has_the_request(url: str) -> None:
    async def story() -> None:
        async with setting(url) as scene:
            child = await scene.process()
            scene.hook.on_request = scene.hook.kill
            await scene.dies(child)
            await scene.finishes()
            # The one whose answer nobody heard came again.
            keys = [request.header("Idempotency-Key") for request in scene.hook.seen]
            assert len(keys) > len(set(keys))

    run(story())


def test_killed_when_it_has_the_answer_and_has_not_marked_it(
    sqlite_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with setting(sqlite_url) as scene:
            lock: list[sqlite3.Connection] = []

            def hold() -> None:
                """Let nobody write: so that it cannot mark what it hears now."""
                connection = sqlite3.connect(
                    tmp_path / "checkwire.db", isolation_level=None, check_same_thread=False
                )
                connection.execute("BEGIN IMMEDIATE")
                lock.append(connection)
                scene.hook.after_answer = scene.hook.kill

            child = await scene.process()
            scene.hook.on_request = hold
            await scene.dies(child)
            lock[0].close()
            await scene.finishes()
            keys = [request.header("Idempotency-Key") for request in scene.hook.seen]
            assert len(keys) > len(set(keys))

    run(story())


@pytest.mark.parametrize("point", ["data", "goodbye"])
def test_killed_while_it_sends_mail(sqlite_url: str, point: str) -> None:
    async def story() -> None:
        async with setting(sqlite_url) as scene:
            child = await scene.process()

            def kill() -> str | None:
                scene.box.on_data = lambda: None
                scene.box.on_quit = lambda: None
                scene.hook.kill()
                return None

            if point == "data":
                scene.box.on_data = kill
            else:
                scene.box.on_quit = kill  # type: ignore[assignment]
            await scene.dies(child)
            await scene.finishes()
            ids = [mail.message["Message-ID"] for mail in scene.box.seen]
            assert len(ids) > len(set(ids))

    run(story())


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment(url: str, seed: int) -> None:
    chance = random.Random(seed)

    async def story() -> None:
        async with setting(url) as scene:
            for _ in range(4):
                child = await scene.process()
                await asyncio.sleep(chance.uniform(0.0, 0.4))
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
            await scene.finishes()

    run(story())
