"""The environment of the zygote and of its children."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final

from checkwire.runner.python.launch import TOKEN

__all__ = ["Variables", "from_bytes", "set_environ", "to_bytes"]

Variables = dict[bytes, bytes]
"""Variables as they are sent: their bytes, since those of an environment need not be text."""

_CODING: Final = ("utf-8", "surrogateescape")
"""What is no text Python has as lone surrogates (PEP 383)."""


def to_bytes(variables: Mapping[str, str]) -> Variables:
    """Variables in the form in which they can be sent."""
    return {name.encode(*_CODING): value.encode(*_CODING) for name, value in variables.items()}


def from_bytes(variables: Variables) -> dict[str, str]:
    """The same as Python has them."""
    return {name.decode(*_CODING): value.decode(*_CODING) for name, value in variables.items()}


def set_environ(environ: Variables) -> None:
    """Make this the whole environment. The mark by which strays are known stays in it."""
    zone = os.environ.get("TZ")
    wanted = from_bytes(environ) | {TOKEN: os.environ.get(TOKEN, "")}
    # Only what differs: each is a call into the C library, and mostly it is the same as before.
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if os.environ.get("TZ") != zone:
        time.tzset()
