"""Whose the files of a server's data are, when root works on them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["give_to_owner_of"]


def give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Give what was just made in a folder to that folder's owner and group, if root made it.

    Otherwise the server, which is another user, could not read what an administrator made beside
    it. By its descriptor, and only what is new: whoever owns the folder could put a link to
    another file in its place.

    Args:
        folder: in which it was made.
        descriptor: of the file or folder, which this process has made.
    """
    if os.geteuid() != 0:
        return
    theirs, its = folder.stat(), os.fstat(descriptor)
    if (theirs.st_uid, theirs.st_gid) != (its.st_uid, its.st_gid):
        with suppress(OSError):  # as on a file system that knows no owners
            os.fchown(descriptor, theirs.st_uid, theirs.st_gid)
