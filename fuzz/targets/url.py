"""URLs as people write them: what they point to, or why they point nowhere."""

from __future__ import annotations

import asyncio

from checkwire.model.errors import ConnectError, FailureError, UsageError
from checkwire.wire.dial.proxies import environment_proxy, parse_proxy
from checkwire.wire.dial.tunnel import open_tunnel
from checkwire.wire.observer import Observer
from checkwire.wire.options import ConnectOptions
from checkwire.wire.upgrade.handshake import upgrade
from checkwire.wire.url import Address, parse_url
from fuzz.choices import Choices
from fuzz.memory import MemoryPipe, dialled, run

__all__ = ["target"]

_STARTS = ("", "ws://", "wss://", "ws://host", "ws://user:pw@host", "ws://[", "ws://host:80/")


def target(data: bytes) -> None:
    """How it begins, then the rest of the URL; then again as a proxy's, and as exceptions."""
    choices = Choices(data)
    url = choices.pick(_STARTS) + choices.rest().decode("utf-8", "surrogateescape")
    try:
        address = parse_url(url)
    except FailureError as error:
        assert error.failure.code == "check.bad_url"
        assert error.failure.message
    else:
        _is_sound(address)
        run(_asked(address))
        _look_at_exceptions(address, url)
    try:
        proxy = parse_proxy(url)
    except FailureError as error:
        assert error.failure.code == "check.bad_url"
    else:
        run(_tunnelled(proxy))


def _is_sound(address: Address) -> None:
    assert address.host
    assert address.host.isascii()
    assert not set(address.host) & set(' /?#@\\"<>^`{|}\t\r\n\0')
    assert 0 < address.port < 65536
    assert address.target.isascii()
    assert address.target.isprintable()
    assert " " not in address.target
    assert address.target.startswith("/")
    # Put together again, it is the same.
    again = parse_url(f"{address.scheme}://{address.netloc}{address.target}")
    assert again == address._replace(user=None, password=None), (again, address)


async def _asked(address: Address) -> None:
    pipe = MemoryPipe(answer=lambda _: ())
    try:
        await upgrade(dialled(pipe), address, ConnectOptions(), Observer(), 1)
    except UsageError:
        assert not pipe.sent
        return
    except FailureError as error:
        assert error.failure.code == "upgrade.closed"
    head = bytes(pipe.sent)
    assert head.endswith(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    assert all(b"\n" not in line and b"\r" not in line for line in lines)
    assert lines[0] == f"GET {address.target} HTTP/1.1".encode()


async def _tunnelled(proxy: Address) -> None:
    pipe = MemoryPipe(answer=lambda _: ())
    try:
        deadline = asyncio.get_running_loop().time() + 5
        await open_tunnel(pipe, proxy, proxy.place, "host", 80, Observer(pipe.timeline), deadline)
    except EOFError:
        return
    except ConnectError as error:
        assert error.failure.code == "proxy.auth_required"
        return
    raise AssertionError("a tunnel, though the proxy said nothing")


def _look_at_exceptions(address: Address, no_proxy: str) -> None:
    environ = {"all_proxy": "http://proxy", "no_proxy": no_proxy}
    assert environment_proxy(address, environ) in (None, "http://proxy")
    if not set(address.host) & set(",*%"):  # Which mean something there; zones have a case.
        for entry in (address.host, address.netloc, "*"):
            assert environment_proxy(address, {**environ, "no_proxy": entry}) is None
