"""Commands that pages advise: whether they do what they say."""

from __future__ import annotations

import re
import shlex
from html import unescape
from pathlib import Path

from support.program import Result, checkwire, project

__all__ = ["advised"]


def advised(page: str, folder: Path) -> Result:
    """What becomes of the command that a page advises, in the folder of a new project."""
    (command,) = re.findall(r"<(?:code|pre)[^>]*>checkwire ([^<]+)</", page)
    return checkwire(*shlex.split(unescape(command)), cwd=project(folder))
