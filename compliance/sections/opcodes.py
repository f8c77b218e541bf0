"""4: the reserved opcodes (RFC 6455 section 5.2)."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.case import Case, bad
from compliance.frames import Frame, continuation, ping, text

_DATA = (3, 4, 5, 6, 7)
_CONTROL = (11, 12, 13, 14, 15)


def _of(part: int, opcodes: tuple[int, ...]) -> Iterator[Case]:
    """Alone; with a payload; after a message, empty or not; in the middle of one."""
    first, second, third, fourth, fifth = opcodes
    rule = "6455 §5.2"
    yield bad(f"4.{part}.1", f"opcode {first}", rule, Frame(first))
    yield bad(f"4.{part}.2", f"opcode {second} with a payload", rule, Frame(second, b"reserved"))
    yield bad(f"4.{part}.3", f"opcode {third} after a message, then a Ping", rule,
              text("before"), Frame(third), ping(b"after"), receives=("before",))  # fmt: skip
    yield bad(f"4.{part}.4", f"the same with opcode {fourth} and a payload", rule,
              text("before"), Frame(fourth, b"reserved"), ping(b"after"),
              receives=("before",))  # fmt: skip
    yield bad(f"4.{part}.5", f"opcode {fifth} in the middle of a message", rule,
              text("Hel", fin=False), Frame(fifth, b"reserved"), continuation("lo"))  # fmt: skip
    for n, opcode in enumerate(opcodes, 6):
        yield bad(f"4.{part}.{n}", f"opcode {opcode}, not final", rule, Frame(opcode, fin=False))


CASES: list[Case] = [*_of(1, _DATA), *_of(2, _CONTROL)]
