"""Nothing is left behind by any request, however it ends."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire.wire import poll
from support.pki import Pki


def _sockets_open() -> set[str]:
    """The sockets and epoll sets of this process. Each has a number of its own."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            target = str(fd.readlink())
        except OSError:
            continue  # The descriptor of this very listing.
        if target.startswith("socket:") or "eventpoll" in target:
            found.add(f"{fd.name} {target}")
    return found


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No socket, epoll set, thread or poller, and nothing had to be collected for that."""
    gc.disable()
    before = _sockets_open(), set(threading.enumerate())
    yield
    try:
        assert _sockets_open() <= before[0]
    finally:
        gc.enable()
    assert {t for t in threading.enumerate() if not t.name.startswith("dns ")} <= before[1]
    assert not poll._pollers


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))
