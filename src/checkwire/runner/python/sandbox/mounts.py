"""The file system of a sandbox: that of the machine, with most of it covered."""

from __future__ import annotations

import os
from typing import Final

from checkwire.runner.python.sandbox import kernel
from checkwire.runner.python.sandbox.view import PRIVATE, View

__all__ = ["PrivateFolders", "cover"]

_SIZE: Final = "size=256m,nr_inodes=16k,mode=0755"
"""Of all that a sandbox can write, which lies in memory."""


def cover(view: View) -> None:
    """In a mount namespace of its own, cover what is not to be seen, and put back what is.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.seal_mounts()
    kept = {path: kernel.clone_tree(path) for path in view.kept}
    files = {path for path in view.kept if not os.path.isdir(path)}
    private = [path for path in PRIVATE if os.path.isdir(path)]
    # While it is being made, all that is new lies in /tmp.
    base, *_ = PRIVATE
    kernel.mount("tmpfs", base, _SIZE, executable=True)
    own = {path: f"{base}/own-{number}" for number, path in enumerate(private)}
    covers = {path: f"{base}/cover-{path[1:]}" for path in view.hidden if path != base}
    places = own | covers
    for folder in places.values():
        os.mkdir(folder)
    for path in (*view.kept, *private):
        _make_place(path, places, is_file=path in files)
    os.mkdir(f"{base}/empty")
    empty = {path: kernel.clone_tree(f"{base}/empty") for path in view.secret}
    for folder in own.values():
        os.chmod(folder, 0o1777)
    for path, folder in covers.items():
        kernel.bind(folder, path)
    for path in reversed(private):  # /tmp last
        kernel.bind(own[path], path)
    for path, fd in (*kept.items(), *empty.items()):
        kernel.attach(fd, path)
        os.close(fd)
    try:
        kernel.mount("proc", "/proc")
    except PermissionError:
        # A container that hides a part of it from us lets us have none that is whole.
        kernel.mount("tmpfs", "/proc", "size=4k,mode=0555")


def _make_place(path: str, places: dict[str, str], *, is_file: bool) -> None:
    """Make what a path that is to be attached lies on, in the folder that will cover it."""
    for covered in sorted(places, key=len, reverse=True):
        if path.startswith(f"{covered}/"):
            place = places[covered] + path.removeprefix(covered)
            os.makedirs(os.path.dirname(place) if is_file else place, 0o755, exist_ok=True)
            if is_file:
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))
            return


class PrivateFolders:
    """Remembers what is in the private folders before anybody has used them."""

    def __init__(self) -> None:
        self._before = {}
        for top in PRIVATE:
            device = os.stat(top).st_dev if os.path.isdir(top) else 0
            for folder, folders, files in os.walk(top):
                self._before[folder] = {*folders, *files}
                # What was put back there is another file system, and read-only.
                folders[:] = [
                    name for name in folders if os.lstat(f"{folder}/{name}").st_dev == device
                ]

    def are_as_before(self) -> bool:
        """Whether nobody has left anything in them."""
        try:
            return all(set(os.listdir(folder)) == had for folder, had in self._before.items())
        except OSError:
            return False
