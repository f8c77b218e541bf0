"""A server's answer to the upgrade: a connection, or a failure with a name."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha1

from checkwire.model.errors import ConnectError
from checkwire.wire.options import ConnectOptions
from checkwire.wire.session.connection import Connection
from checkwire.wire.upgrade.handshake import upgrade
from checkwire.wire.url import parse_url
from fuzz.choices import Choices, cut
from fuzz.memory import MemoryPipe, dialled, run
from fuzz.targets.frames import Outcome, Told, hear

__all__ = ["target"]

_ADDRESS = parse_url("ws://host/path?query")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_END = re.compile(rb"\r?\n\r?\n")
_OPTIONS = (
    ConnectOptions(),
    ConnectOptions(compression=False),
    ConnectOptions(subprotocols=("one", "two")),
)


def target(data: bytes) -> None:
    """Options, then where to cut, then the answer, in whose head ``%s`` is the accept key."""
    choices = Choices(data)
    options, places = choices.pick(_OPTIONS), choices.cuts()
    answer = choices.rest()
    whole, parts = (run(_outcome(answer, options, how)) for how in ([len(answer)], places))
    if b"HTTP/1." in answer[1:]:
        # After an open WebSocket: it is recognised if it comes in one read.
        return
    assert whole == parts, (whole, parts)


async def _outcome(answer: bytes, options: ConnectOptions, places: Sequence[int]) -> Outcome | str:
    def respond(request: bytes) -> list[bytes]:
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        if not key:
            return []  # What is sent once it is open.
        accept = b64encode(sha1(key + _GUID).digest())
        end = _END.search(answer)
        size = end.end() if end else len(answer)
        return cut(answer[:size].replace(b"%s", accept) + answer[size:], places)

    told = Told()
    pipe = MemoryPipe(answer=respond, timeline=told.timeline)
    try:
        upgraded = await upgrade(dialled(pipe), _ADDRESS, options, told, 1)
    except ConnectError as error:
        assert error.failure.code.startswith(("upgrade.", "tls.")), error.failure
        assert error.failure.message
        return error.failure.code
    connection = Connection("ws://host/path?query", dialled(pipe), upgraded, options, told, 1)
    return await hear(connection, told, options.limits.message)
