"""What all tests of the wire share, above all: nothing is left behind by any of them."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire.wire import poll
from checkwire.wire.kernel.stamps import keep_stamping
from support.loops import LOOPS, Run, run
from support.pki import Pki


def sockets_open() -> set[str]:
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


@pytest.fixture(scope="session", autouse=True)
def _stamping() -> Iterator[None]:
    """The kernel stamps packets all the time, not from a moment after somebody asked for it."""
    keeper = keep_stamping()
    assert keeper is not None
    with keeper:
        yield


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No socket, epoll set, thread or poller remains, and no object had to be collected for it."""
    gc.disable()
    before = sockets_open(), set(threading.enumerate())
    yield
    try:
        assert sockets_open() <= before[0]
    finally:
        gc.enable()
    threads = {t for t in threading.enumerate() if not t.name.startswith("dns ")}
    assert threads <= before[1]
    assert not poll._pollers


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(params=sorted(LOOPS))
def on_each_loop(request: pytest.FixtureRequest) -> Run[object]:
    """Runs a coroutine; the test runs once for each event loop."""
    return functools.partial(run, loop=request.param)
