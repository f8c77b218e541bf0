"""Transcripts at rest: MessagePack of a :class:`~checkwire.model.attempt.Run`, compressed.

How one is compressed is said beside it (``codec``), so that another way can be taken later on, such
as one with a trained dictionary, while what is there stays readable.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import zstandard

from checkwire.model.attempt import Run
from checkwire.store.errors import DatabaseError

__all__ = ["Transcript", "decode", "encode"]

_PLAIN = 1
"""zstd without a dictionary."""

_LEVEL = 3
_LARGEST = 1 << 30

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Run)


class Transcript(NamedTuple):
    """A run as it is stored; ``size`` is its bytes before compression."""

    codec: int
    size: int
    data: bytes


def encode(run: Run) -> Transcript:
    """Compress a run."""
    whole = _encoder.encode(run)
    # A compressor serves one thread at a time, and making one costs little.
    data = zstandard.ZstdCompressor(level=_LEVEL).compress(whole)
    return Transcript(_PLAIN, len(whole), data)


def decode(stored: Transcript) -> Run:
    """The run again.

    Raises:
        DatabaseError: it is damaged, or was written in a way that this version does not know.
    """
    if stored.codec != _PLAIN:
        raise DatabaseError(
            f"a transcript is stored in form {stored.codec}, which this version of Checkwire does "
            "not know: install the version that wrote it"
        )
    try:
        if not 0 <= stored.size <= _LARGEST:
            raise ValueError
        whole = zstandard.ZstdDecompressor().decompress(stored.data, max_output_size=stored.size)
        if len(whole) != stored.size:
            raise ValueError
        return _decoder.decode(whole)
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        raise DatabaseError(
            "a transcript is damaged: `checkwire db check` tells what else is"
        ) from error
