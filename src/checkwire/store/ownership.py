"""Whose the files of a server's data are, when root works on them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["give_to_owner_of", "open_own"]


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


def open_own(path: Path) -> int:
    """Open a file to read and write; one that is not there is made, and is its folder's owner's.

    Nobody else may read what is made: what checks send and receive is nobody else's business.

    Returns:
        The descriptor.

    Raises:
        OSError: it cannot be made or opened.
    """
    flags, mode = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    try:
        descriptor = os.open(path, flags | os.O_EXCL, mode)
    except FileExistsError:  # or a link, maybe to what is not there
        return os.open(path, flags, mode)
    try:
        give_to_owner_of(path.parent, descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
