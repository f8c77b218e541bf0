"""Where a server keeps its data: whether it can."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from checkwire.cli.diagnosis.finding import Finding
from checkwire.cli.reporters.figures import size

__all__ = ["folder_findings"]

_LITTLE, _TOO_LITTLE = 1 << 30, 100 << 20


def folder_findings(data: Path) -> list[Finding]:
    """Whether the folder can be written, or made; and how much room there is."""
    there = data
    while not there.exists():
        there = there.parent
    return [_writable(data, there), _room(there)]


def _writable(data: Path, there: Path) -> Finding:
    subject = "data folder"
    if not there.is_dir():
        return Finding(subject, "bad", f"{there} is no folder", "Name another one with --data")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        how = f"Give {_user()} the right to write it, or name another one with --data"
        return Finding(subject, "bad", f"{there} cannot be written: {error.strerror}", how)
    if there != data:
        return Finding(subject, "good", f"{data} can be made; checkwire serve does")
    return Finding(subject, "good", str(data))


def _room(there: Path) -> Finding:
    subject = "disk space"
    try:
        free = shutil.disk_usage(there).free
        inodes = os.statvfs(there)
    except OSError as error:
        return Finding(subject, "unknown", f"cannot tell: {error.strerror}")
    fact = f"{_large(free)} free in {there}"
    # File systems that make inodes as they need them have none in total.
    if inodes.f_files and inodes.f_favail < 1000:
        fact = f"room for {inodes.f_favail:,} more files in {there}"
        return Finding(subject, "bad" if inodes.f_favail < 10 else "note", fact, "Remove some")
    if free < _LITTLE:
        how = "Make room, or name another folder with --data"
        return Finding(subject, "bad" if free < _TOO_LITTLE else "note", fact, how)
    return Finding(subject, "good", fact)


def _large(count: int) -> str:
    return f"{count / (1 << 30):,.1f} GiB" if count >= 1 << 30 else size(count)


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
