"""What a check in a sandbox can see of the machine's files: what it needs to run, and no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from checkwire.runner.python.sandbox.refusal import NoSandbox

__all__ = ["PRIVATE", "View", "view_of"]

PRIVATE: Final = ("/tmp", "/var/tmp", "/dev/shm")
"""Folders that are each sandbox's own: empty at first, and gone with it."""

_PROGRAMS: Final = ("bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "usr")
_SHOWN: Final = frozenset((*_PROGRAMS, "dev", "etc", "proc", "sys"))
"""What stays of the root folder. Of ``dev``, ``etc``, ``proc`` and ``sys`` only :data:`_READABLE`
can be opened; all else, such as ``home``, ``run`` and ``var``, is an empty folder."""

_READABLE: Final = (
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/proc",
    "/sys/devices/system/cpu",
)
"""Names, certificates, time zones, and how the machine is made."""

_DATA: Final = ".checkwire"
"""Where a server of the project, and the command line, keep what is theirs."""

_WHERE_CERTIFICATES_ARE: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class View(NamedTuple):
    """Files and folders, absolute paths.

    Attributes:
        root: the project's folder.
        readable: what can be read and executed.
        kept: of these, what lies in hidden folders, and has to be put back in its place.
        hidden: folders of the root folder that are empty.
        secret: folders in the project that are empty: a server's data.
    """

    root: str
    readable: tuple[str, ...]
    kept: tuple[str, ...]
    hidden: tuple[str, ...]
    secret: tuple[str, ...]


def view_of(root: str, more: Iterable[str] = (), env: Mapping[str, str] = os.environ) -> View:
    """What checks of a project need: it, the interpreter with its libraries, and programs.

    Call it when everything is imported: what was loaded from elsewhere is seen too.

    Args:
        root: the project's folder, absolute.
        more: other files and folders that they read.
        env: their environment, which may say where certificates are.

    Raises:
        NoSandbox: the project is where there can be none.
    """
    certificates = (env.get(name, "") for name in _WHERE_CERTIFICATES_ARE)
    needed = [root, *_interpreter(), *more, *(p for p in certificates if os.path.isabs(p))]
    needed += [os.path.realpath(path) for path in needed]
    # Where that is a link to, or it would be gone with /run. Those who write it replace the file.
    resolver = os.path.realpath("/etc/resolv.conf")
    if not resolver.startswith("/etc/"):
        needed.append(os.path.dirname(resolver))
    for path in (root, os.path.realpath(root)):
        if path in ("/", *PRIVATE):
            raise NoSandbox(
                f"no private folders: the project's folder is {path} itself; move the project to "
                "one of its own"
            )
    everywhere = ("/", *PRIVATE)
    needed = [path for path in dict.fromkeys(needed) if path not in everywhere]
    hidden = tuple(
        entry.path
        for entry in os.scandir("/")
        if entry.name not in _SHOWN and entry.is_dir(follow_symlinks=False)
    )
    readable = [
        p for p in (*(f"/{name}" for name in _PROGRAMS), *_READABLE, *needed) if os.path.exists(p)
    ]
    kept = [p for p in needed if os.path.exists(p) and _is_below(p, (*hidden, *PRIVATE))]
    secret = {f"{path}/{_DATA}" for path in (root, os.path.realpath(root))}
    return View(
        root=root,
        readable=_topmost(readable),
        kept=_topmost(kept),
        hidden=tuple(sorted(hidden)),
        secret=tuple(sorted(path for path in secret if os.path.isdir(path))),
    )


def _interpreter() -> list[str]:
    """Where Python, its libraries, and what they have loaded are."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path]
    found += (sys.executable, *_mapped())
    return [os.path.normpath(path) for path in found if os.path.isabs(path)]


def _mapped() -> set[str]:
    """Files of which this process has code in memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    fields = (line.split(maxsplit=5) for line in lines)
    return {f[5] for f in fields if len(f) == 6 and "x" in f[1] and f[5].startswith("/")}


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _topmost(paths: Iterable[str]) -> tuple[str, ...]:
    """Those that do not lie in another one."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not _is_below(path, found):
            found.append(path)
    return tuple(found)
