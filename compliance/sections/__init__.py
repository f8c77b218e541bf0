"""The cases, section by section. The numbers are those of the Autobahn Testsuite."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from compliance.case import Case

__all__ = ["CASES", "TITLES"]

_SECTIONS: Final = {
    0: ("Opening handshake", "handshake"),
    1: ("Framing", "framing"),
    2: ("Pings and pongs", "pings"),
    3: ("Reserved bits", "reserved_bits"),
    4: ("Opcodes", "opcodes"),
    5: ("Fragmentation", "fragmentation"),
    6: ("UTF-8 handling", "utf8"),
    7: ("Close handling", "closing"),
    9: ("Limits", "limits"),
    10: ("Miscellaneous", "miscellaneous"),
    12: ("Compression: payloads", "compressed_payloads"),
    13: ("Compression: parameters", "compression_parameters"),
}

TITLES: Final = {number: title for number, (title, _) in _SECTIONS.items()}


def _collect() -> tuple[Case, ...]:
    cases: list[Case] = []
    for number, (_, module) in _SECTIONS.items():
        cases += import_module(f"compliance.sections.{module}").CASES
        assert cases[-1].section == number
    assert len({case.id for case in cases}) == len(cases), "two cases have the same number"
    return tuple(cases)


CASES: Final = _collect()
