"""Quantiles that can be merged: one sketch for each phase.

Apache DataSketches' REQ, tuned for high ranks: of the kinds that were measured it is the one whose
p99 holds on heavy tails (`docs/storage.md`). Up to some dozens of values it is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from datasketches import req_floats_sketch as Sketch  # noqa: N812

from checkwire.store.tables import PHASES

__all__ = ["Sketch", "merged", "new_sketch", "pack", "sketch_of", "unpack", "unpack_phase"]

_decode = msgspec.msgpack.Decoder(dict[int, bytes]).decode
_encode = msgspec.msgpack.Encoder().encode


def new_sketch() -> Sketch:
    """An empty one."""
    return Sketch(12, True)


def sketch_of(values: Iterable[int]) -> Sketch:
    """A sketch of values."""
    sketch = new_sketch()
    for value in values:
        sketch.update(value)
    return sketch


def pack(sketches: Mapping[str, Sketch]) -> bytes:
    """Sketches by phase, as bytes: a MessagePack map from the phase's place in ``PHASES``."""
    return _encode(
        {
            number: sketches[phase].serialize()
            for number, phase in enumerate(PHASES)
            if phase in sketches
        }
    )


def unpack(data: bytes) -> dict[str, Sketch]:
    """The sketches by phase. Phases that this version does not know are left out."""
    return {
        PHASES[number]: Sketch.deserialize(sketch)
        for number, sketch in _decode(data).items()
        if number < len(PHASES)
    }


def unpack_phase(data: bytes, phase: str) -> Sketch | None:
    """The sketch of one phase, if it was measured at all."""
    found = _decode(data).get(PHASES.index(phase))
    return None if found is None else Sketch.deserialize(found)


def merged(packed: Iterable[bytes]) -> dict[str, Sketch]:
    """Many packed maps as one."""
    whole: dict[str, Sketch] = {}
    for data in packed:
        for phase, sketch in unpack(data).items():
            if phase in whole:
                whole[phase].merge(sketch)
            else:
                whole[phase] = sketch
    return whole
