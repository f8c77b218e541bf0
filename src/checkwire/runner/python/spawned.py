"""What ``multiprocessing`` imports first in a process that a check spawns.

Such a process is a fresh interpreter: it has no check files, and is told what to call by the name
of a module below ``checkwire_project``. It imports the module named by ``__main__.__spec__`` of its
parent before (as Python itself does for ``python -m``); the zygote has that name this module, which
lets the check files be found. It starts in its parent's folder, the project's.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec

from checkwire.project.imports import NAMESPACE, ProjectImports

__all__ = ["let_spawned_processes_find_checks"]


def let_spawned_processes_find_checks() -> None:
    """From now on processes that ``multiprocessing`` spawns import this module first."""
    sys.modules["__main__"].__spec__ = ModuleSpec(__name__, None)


if __name__ == "__mp_main__" and NAMESPACE not in sys.modules:
    ProjectImports(os.getcwd()).install()  # noqa: PTH109
