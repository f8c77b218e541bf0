"""Messages and descriptors over a stream socket between the runner and its zygote.

A message is four bytes of length, then MessagePack. Descriptors travel beside the message they
belong to (``SCM_RIGHTS``, unix(7)) and are queued in their order, for a read may return the end of
one message and the beginning of the next.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import msgspec

__all__ = ["MessageReader", "Unpacker", "ancillary", "pack", "send_all"]

_LENGTH: Final = 4
_CHUNK: Final = 64 * 1024
_MAX_FDS: Final = 16

M = TypeVar("M")

_encoder = msgspec.msgpack.Encoder()


def pack(message: msgspec.Struct) -> bytes:
    """The bytes of a message, its length included."""
    body = _encoder.encode(message)
    return len(body).to_bytes(_LENGTH) + body


def ancillary(fds: Iterable[int]) -> list[tuple[int, int, bytes]]:
    """What ``sendmsg`` takes to pass these descriptors along."""
    passed = array.array("i", fds).tobytes()
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)] if passed else []


def send_all(sock: socket.socket, data: bytes, fds: Iterable[int] = ()) -> None:
    """Send over a blocking socket, the descriptors with the first byte."""
    sent = sock.sendmsg([data], ancillary(fds))
    if sent < len(data):
        sock.sendall(memoryview(data)[sent:])


class Unpacker(Generic[M]):
    """Makes messages of the bytes of a stream.

    Args:
        kind: of the messages.
    """

    def __init__(self, kind: object) -> None:
        self._decoder: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[M]:
        """The messages that are complete with these bytes.

        Raises:
            ValueError: if what came is not a message.
        """
        self._buffer += data
        messages = []
        while len(self._buffer) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._buffer[:_LENGTH])
            if len(self._buffer) < end:
                break
            messages.append(self._decoder.decode(self._buffer[_LENGTH:end]))
            del self._buffer[:end]
        return messages


class MessageReader(Generic[M]):
    """The receiving end.

    Attributes:
        fds: descriptors received and not yet taken, in order. They are closed on exec.
    """

    def __init__(self, sock: socket.socket, kind: object) -> None:
        self.fds: deque[int] = deque()
        self._socket = sock
        self._unpacker: Unpacker[M] = Unpacker(kind)

    def read(self) -> list[M] | None:
        """Receive once; the messages that are complete now, or ``None`` at the end of the stream.

        Raises:
            BlockingIOError: if nothing has come, and the socket does not block.
            OSError: if the other end is gone.
            ValueError: if what came is not a message.
        """
        data, ancillary_data, _, _ = self._socket.recvmsg(
            _CHUNK, socket.CMSG_SPACE(_MAX_FDS * array.array("i").itemsize), _CLOEXEC
        )
        for level, kind, passed in ancillary_data:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(passed[: len(passed) - len(passed) % fds.itemsize])
                for fd in () if _CLOEXEC else fds:  # macOS has no such flag
                    os.set_inheritable(fd, False)
                self.fds.extend(fds)
        if not data:
            return None
        return self._unpacker.feed(data)

    def read_one(self) -> M:
        """Wait for one message, however many reads it takes. None may follow it unasked.

        Raises:
            ConnectionResetError: the stream ended before.
            OSError, ValueError: as :meth:`read` does.
        """
        while not (messages := self.read()):
            if messages is None:
                raise ConnectionResetError("the other end is gone")
        (message,) = messages
        return message

    def close_fds(self) -> None:
        """Close the descriptors that nobody took."""
        while self.fds:
            os.close(self.fds.popleft())


_CLOEXEC: Final[int] = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
