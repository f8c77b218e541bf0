"""A proxy's answers: a tunnel, or a failure with a name."""

from __future__ import annotations

import asyncio

from checkwire.model.errors import ConnectError
from checkwire.wire.dial.proxies import parse_proxy
from checkwire.wire.dial.tunnel import open_tunnel
from checkwire.wire.observer import Observer
from fuzz.choices import Choices, cut
from fuzz.memory import MemoryPipe, run

__all__ = ["target"]

_PROXIES = tuple(
    parse_proxy(url)
    for url in (
        "http://proxy:3128",
        "http://user:password@proxy:3128",
        "socks5://proxy",
        "socks5://user:password@proxy",
    )
)
_PLACES = (("host", 443), ("192.0.2.1", 80), ("2001:db8::1", 80), ("h" * 255, 65535))


def target(data: bytes) -> None:
    """Proxy and place, then where to cut, then all that the proxy says."""
    choices = Choices(data)
    proxy, place, places = choices.pick(_PROXIES), choices.pick(_PLACES), choices.cuts()
    said = choices.rest()

    async def outcome(chunks: list[bytes]) -> str:
        pipe = MemoryPipe(chunks)
        try:
            deadline = asyncio.get_running_loop().time() + 5
            await open_tunnel(pipe, proxy, proxy.place, *place, Observer(pipe.timeline), deadline)
        except ConnectError as error:
            assert error.failure.code.startswith("proxy."), error.failure
            return error.failure.code
        except EOFError:
            return "ended"
        assert pipe.sink is None
        return "open"

    outcomes = {run(outcome([said] if said else [])), run(outcome(cut(said, places)))}
    # What follows the proxy's answer in the same read is refused; in a later one it is data.
    assert len(outcomes) == 1 or outcomes <= {"open", "proxy.protocol"}, outcomes
