"""The other side of the connection: it plays a case's script, and notes all that it hears."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from compliance import frames
from compliance.case import EMPTY, Case, Cut, Dialogue, Message, Piece, Step
from compliance.deflate import Inflater
from compliance.frames import Frame, ReadFrame, read_frame

__all__ = ["PATIENCE", "Heard", "Peer"]

PATIENCE: Final = 10.0
"""Seconds after which what should have come is missed."""
_OCTETS: Final = 4096
"""What is longer is not cut into its octets: that would show nothing new, and take long."""
_TURNS: Final = 3
"""Turns of the event loop in which what was sent is read: uvloop sends in the next one only."""


@dataclass
class Heard:
    """What the endpoint under test sent.

    Attributes:
        messages, pongs, pings: in order; the Pongs of ``Step.SYNC`` left out.
        closes: the codes of its Close frames.
        broken: the rules it broke.
        frames: how many frames that was.
        keys: the masking keys of them.
        ended: whether it, or the network, ended the connection.
    """

    messages: list[Message] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    frames: int = 0
    keys: set[bytes] = field(default_factory=set)
    ended: bool = False


class Peer:
    """One connection to the endpoint under test, past the opening handshake."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_client: bool,
        extension: str = "",
    ) -> None:
        self.heard = Heard()
        self._reader = reader
        self._writer = writer
        self._is_client = is_client
        self._inflater = Inflater(extension) if extension else None
        self._changed = asyncio.Event()
        self._awaited_pings = 0
        self._syncs = 0
        self._synced: list[bytes] = []
        self._parts: list[ReadFrame] = []

    async def play(self, case: Case, dialogue: Dialogue, cut: Cut | int) -> None:
        """Play the script, and wait until the endpoint has closed.

        Raises:
            TimeoutError: the endpoint does not do what is waited for.
        """
        listening = asyncio.ensure_future(self._listen())
        try:
            await self._perform(dialogue.sends, cut)
            if not case.scripted:
                heard, wanted = self.heard, len(dialogue.receives) + len(case.sent)
                await self._until(
                    lambda: len(heard.messages) >= wanted and len(heard.pongs) >= len(case.pongs)
                )
                await self._write(frames.close(1000).wire(from_client=self._is_client))
            await self._until(lambda: self.heard.closes)
            if self._is_client:
                await self._until(lambda: self.heard.ended)
            elif case.clean:
                await self._see_tcp_left_to_us()
        except ConnectionError:
            pass  # It has had enough; what it said before shows whether it may.
        finally:
            self._writer.close()
            await asyncio.gather(listening, return_exceptions=True)

    async def _perform(self, script: tuple[Piece, ...], cut: Cut | int) -> None:
        run: list[bytes] = []
        for piece in script:
            if isinstance(piece, Step):
                await self._say(run, cut)
                run = []
                await self._wait(piece)
            elif isinstance(piece, Frame):
                run.append(piece.wire(from_client=self._is_client))
            else:
                run.append(piece)
        await self._say(run, cut)

    async def _wait(self, step: Step) -> None:
        match step:
            case Step.SYNC:
                self._syncs += 1
                await self._write(frames.ping(_sync(self._syncs)).wire(from_client=self._is_client))
                await self._until(lambda: len(self._synced) == self._syncs)
            case Step.AWAIT_PING:
                self._awaited_pings += 1
                await self._until(lambda: len(self.heard.pings) >= self._awaited_pings)
            case Step.AWAIT_CLOSE:
                await self._until(lambda: self.heard.closes)
            case Step.AWAIT_END:
                await self._until(lambda: self.heard.ended)
            case Step.END if self._writer.can_write_eof():
                self._writer.write_eof()
            case Step.END:
                self._writer.close()  # TLS

    async def _see_tcp_left_to_us(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if self.heard.ended:
            self.heard.broken.append("ended TCP, which is for the server to do (section 7.1.1)")

    async def _say(self, run: list[bytes], cut: Cut | int) -> None:
        for piece in _cut(run, cut):
            await self._write(piece)

    async def _write(self, data: bytes) -> None:
        if self.heard.ended:
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition() and not self.heard.ended:
                self._changed.clear()
                await self._changed.wait()

    async def _listen(self) -> None:
        pending = bytearray()
        try:
            while data := await self._reader.read(65536):
                pending += data
                while (frame := read_frame(pending, from_client=not self._is_client)) is not None:
                    del pending[: frame.size]
                    self._hear(frame)
                self._changed.set()
        except OSError:
            pass
        finally:
            self.heard.ended = True
            self._changed.set()

    def _hear(self, frame: ReadFrame) -> None:
        heard = self.heard
        heard.broken += frame.broken
        heard.frames += 1
        heard.keys.add(frame.key)
        if heard.closes and frame.opcode not in (frames.PING, frames.PONG):
            heard.broken.append(f"opcode {frame.opcode} after a Close frame (section 5.5.1)")
        match frame.opcode:
            case frames.PONG if frame.payload in map(_sync, range(1, self._syncs + 1)):
                self._synced.append(frame.payload)
            case frames.PONG:
                heard.pongs.append(frame.payload)
            case frames.PING:
                heard.pings.append(frame.payload)
            case frames.CLOSE:
                heard.closes.append(int.from_bytes(frame.payload[:2], "big") or EMPTY)
            case _:
                self._assemble(frame)

    def _assemble(self, frame: ReadFrame) -> None:
        if bool(self._parts) != (frame.opcode == frames.CONTINUATION):
            self.heard.broken.append(f"opcode {frame.opcode} in the wrong place (section 5.4)")
        if frame.rsv not in (0, 4) or (frame.rsv and (self._parts or self._inflater is None)):
            self.heard.broken.append(f"reserved bits {frame.rsv}")
        self._parts.append(frame)
        if not frame.fin:
            return
        parts, self._parts = self._parts, []
        payload = b"".join(part.payload for part in parts)
        try:
            if parts[0].rsv and self._inflater is not None:
                payload = self._inflater.inflate(payload)
            self.heard.messages.append(
                payload.decode() if parts[0].opcode == frames.TEXT else payload
            )
        except (zlib.error, UnicodeDecodeError) as error:
            self.heard.broken.append(f"a message that cannot be read: {error}")


def _sync(number: int) -> bytes:
    return f"synchronous {number}".encode()


def _cut(run: Iterable[bytes], cut: Cut | int) -> Iterator[bytes]:
    whole = b"".join(run)
    if cut is Cut.FRAMES:
        yield from run
    elif cut is Cut.WHOLE or (cut is Cut.OCTETS and len(whole) > _OCTETS):
        if whole:
            yield whole
    else:
        size = 1 if cut is Cut.OCTETS else int(cut.value if isinstance(cut, Cut) else cut)
        for start in range(0, len(whole), size):
            yield whole[start : start + size]
