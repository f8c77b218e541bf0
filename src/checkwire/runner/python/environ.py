"""The environment of the zygote and of its children."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from checkwire.runner.python.launch import TOKEN

__all__ = ["set_environ"]


def set_environ(environ: Mapping[str, str]) -> None:
    """Make this the whole environment. The mark by which strays are known stays in it."""
    zone = os.environ.get("TZ")
    token = os.environ.get(TOKEN, "")
    os.environ.clear()
    os.environ.update(environ)
    os.environ[TOKEN] = token
    if os.environ.get("TZ") != zone:
        time.tzset()
