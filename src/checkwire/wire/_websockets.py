"""Imports ``websockets`` without what it imports in vain.

Its ``version`` module imports ``importlib.metadata``, and with it ``email``, ``zipfile`` and more:
a tenth of the time in which a check starts. Only its development versions use that.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_UNUSED = "importlib.metadata"


def _import_websockets() -> None:
    if "websockets" in sys.modules or _UNUSED in sys.modules:
        return
    placeholder = sys.modules[_UNUSED] = ModuleType(_UNUSED)
    try:
        import_module("websockets")
    except AttributeError:
        # A development version: it imports what it needs when it is imported again.
        for name in [n for n in sys.modules if n.partition(".")[0] == "websockets"]:
            del sys.modules[name]
    finally:
        if sys.modules.get(_UNUSED) is placeholder:
            del sys.modules[_UNUSED]


_import_websockets()
