"""A project with some checks and a history, served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter

from checkwire.model.attempt import Run
from checkwire.model.due import check_uid
from checkwire.model.failures import Failure
from checkwire.server.api import create_app
from checkwire.server.auth import Auth
from checkwire.server.monitor import ProjectStatus
from checkwire.store import tokens
from support import samples
from support.server.running import Running, serving
from support.story import check

__all__ = ["BOOKS", "HISTORY", "LOGIN", "NOW_NS", "ROOM", "TEA", "shop", "token"]

MINUTE_NS = 60 * 1_000_000_000
NOW_NS = 1_795_363_620 * 1_000_000_000  # 2026-11-22 16:07:00 UTC

_CHECKS = [
    check("books", tags=("orders", "fast"), locations=("eu", "us"), every=60.0),
    check("login", "checks/auth.py", tags=("auth",), locations=("eu",), every=300.0),
    check("room", "checks/chat.py", locations=("eu",)),
]
BOOKS, LOGIN, ROOM = (check_uid("shop", one.id) for one in _CHECKS)
TEA = check_uid("tea", check("tea").id)

HISTORY: Sequence[tuple[str, str, int, Run]] = [
    (BOOKS, "eu", 1, samples.passed()),
    (BOOKS, "us", 1, samples.passed()),
    (LOGIN, "eu", 2, samples.expired()),
    (BOOKS, "eu", 3, samples.flaky()),
    (LOGIN, "eu", 4, samples.expired()),
    (BOOKS, "us", 5, samples.failed()),
    (ROOM, "eu", 6, samples.degraded()),
    (BOOKS, "eu", 7, samples.passed()),
]
"""Check, location, minutes before now at which it was due, and what came of it."""


async def fill(running: Running) -> None:
    """Two projects, three checks and one, eight runs."""
    await running.monitor.add_project(_project("shop", 3), _CHECKS)
    failure = Failure(code="script.syntax", message="checks/x.py is not valid Python.")
    broken = msgspec.structs.replace(
        _project("tea", 1), error="checks/x.py is broken", load_failures=(failure,)
    )
    await running.monitor.add_project(broken, [check("tea", every=10.0)])
    for uid, location, minutes, run in reversed(HISTORY):
        await running.monitor.store_run(uid, run, NOW_NS - minutes * MINUTE_NS, location)


def _project(key: str, checks: int) -> ProjectStatus:
    return ProjectStatus(
        key=key,
        name=key.title(),
        root=f"/srv/{key}",
        loaded_ns=NOW_NS,
        digest="9f86d081",
        checks=checks,
    )


@contextmanager
def shop(
    folder: Path, *, required: bool = False, pages: Sequence[APIRouter] = (), **auth: Any
) -> Iterator[Running]:
    """The shop, served. Without ``required`` anybody on this machine may do anything."""
    with serving(
        folder,
        lambda running: create_app(running.monitor, Auth(running.store, required, **auth), pages),
        fill,
    ) as running:
        yield running


def token(running: Running, *scopes: str, name: str = "test", expires_ns: int | None = None) -> str:
    """A new token."""

    async def made() -> str:
        async with running.store.writing() as tx:
            return (await tokens.create(tx, name, scopes, NOW_NS, expires_ns))[1]

    return running.do(made())
