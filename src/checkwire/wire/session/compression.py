"""permessage-deflate (RFC 7692), with what the library's lacks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

__all__ = ["DeflateFactory"]

_DATA = (Opcode.TEXT, Opcode.BINARY)
_TAIL = b"\x00\x00\xff\xff"
_FINAL_BLOCKS = 16
"""Streams that may end within one frame. Each is a decompressor of its own, and costs one."""
_LEAST_WINDOW = "client_max_window_bits", "8"


class DeflateFactory(ClientPerMessageDeflateFactory):
    """Offers what browsers offer."""

    def __init__(self) -> None:
        # memLevel 5 spares memory at little cost in size.
        super().__init__(client_max_window_bits=True, compress_settings={"memLevel": 5})

    def process_response_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> PerMessageDeflate:
        """Also agrees to a window of 256 bytes, which servers short of memory ask for.

        zlib does not offer it. But with a window of 512 bytes it looks back 250 at most, since it
        keeps the 262 of ``MIN_LOOKAHEAD`` (deflate.h) for what lies ahead: that fits.
        """
        feasible = [(name, "9") if (name, value) == _LEAST_WINDOW else (name, value)
                    for name, value in params]  # fmt: skip
        agreed = super().process_response_params(feasible, accepted_extensions)
        return _Deflate(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            agreed.compress_settings,
        )


class _Deflate(PerMessageDeflate):
    """Reads on behind a block that says that it is the last one (RFC 7692 section 7.2.3.4).

    Such blocks are allowed. The library's decompressor is at its end with the first of them, and
    makes an empty message of all that comes later.
    """

    decoder: Any

    def __init__(self, fresh: bool, *args: Any) -> None:
        super().__init__(False, *args)
        self._fresh = fresh
        """Whether each message has a decompressor of its own; looked after here."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        if self._fresh and frame.rsv1 and frame.opcode in _DATA:
            self.decoder = self._decompressor()
        decoded = super().decode(frame, max_size=max_size)
        if self.decoder is None:
            return decoded
        if self.decoder.eof:
            decoded = self._read_on(decoded, max_size)
        if self._fresh and frame.fin and decoded is not frame:
            self.decoder = None  # So that it takes no memory until the next message.
        return decoded

    def _decompressor(self) -> Any:
        return zlib.decompressobj(wbits=-self.remote_max_window_bits)

    def _read_on(self, frame: Frame, max_size: int | None) -> Frame:
        data = bytearray(frame.data)
        for _ in range(_FINAL_BLOCKS):
            rest = self.decoder.unused_data
            self.decoder = self._decompressor()
            if rest in (b"", _TAIL):
                break
            room = 0 if max_size is None else max(max_size - len(data), 1)
            try:
                data += self.decoder.decompress(rest, room)
            except zlib.error as error:
                raise ProtocolError("decompression failed") from error
            if max_size is not None and (len(data) > max_size or self.decoder.unconsumed_tail):
                raise PayloadTooBig(None, max_size)
            if not self.decoder.eof:
                break
        else:
            raise ProtocolError("decompression failed")
        return Frame(frame.opcode, data, frame.fin, frame.rsv1, frame.rsv2, frame.rsv3)
