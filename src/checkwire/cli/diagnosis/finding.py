"""What was found out about one thing."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Finding", "State"]

State = Literal["good", "note", "unknown", "bad"]
"""``note``: works, but worth a look. ``unknown``: not there, or cannot be told. ``bad``: Checkwire
cannot do its work."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact about this machine.

    Attributes:
        subject: what it is about, in a word or two.
        state: how that is.
        fact: what was found.
        advice: what to do about it, if anything.
    """

    subject: str
    state: State
    fact: str
    advice: str = ""
