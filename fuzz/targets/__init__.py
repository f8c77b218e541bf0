"""The targets: each a module with a function ``target`` that is given any bytes.

It raises if something is not as it must be: an exception that is not documented, a result that
depends on how the same bytes are cut, a secret that is shown.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Final

__all__ = ["NAMES", "load"]

NAMES: Final = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Callable[[bytes], None]:
    """The target of that name."""
    target: Callable[[bytes], None] = import_module(f"{__name__}.{name}").target
    return target
