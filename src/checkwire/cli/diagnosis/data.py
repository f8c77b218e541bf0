"""Where a server keeps its data: whether it can."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from checkwire.cli.diagnosis.finding import Finding
from checkwire.cli.reporters.figures import counted, size
from checkwire.model.errors import CheckwireError
from checkwire.project.config import Project
from checkwire.project.secrets import muted_channels, read_secrets

__all__ = ["channels_finding", "database_finding", "folder_findings", "secrets_finding"]

_LITTLE, _TOO_LITTLE = 1 << 30, 100 << 20


def folder_findings(data: Path) -> list[Finding]:
    """Whether the folder can be written, or made; and how much room there is."""
    there = data
    while not there.exists():
        there = there.parent
    return [_writable(data, there), _room(there)]


def database_finding(url: str) -> Finding:
    """Whether the database can be reached, and is of this version; nothing is changed in it."""
    subject = "database"
    try:
        from checkwire.store.address import parse_address
        from checkwire.store.inspection import revision_at
        from checkwire.store.schema import HEAD, REVISIONS
    except ImportError:
        how = "pip install 'checkwire[server]'"
        return Finding(subject, "unknown", "cannot tell without the extra server", how)
    try:
        address = parse_address(url)
        if address.path is not None and not address.path.exists():
            return Finding(subject, "unknown", f"{address} is not there; checkwire serve makes it")
        revision = revision_at(url)
    except (ValueError, CheckwireError) as error:
        return Finding(subject, "bad", str(error))
    if revision is None:
        return Finding(subject, "note", f"{address} is reachable, and has no tables of Checkwire")
    fact = f"{address}, revision {revision}"
    if revision == HEAD:
        return Finding(subject, "good", fact)
    if revision in REVISIONS:
        how = "checkwire serve brings it there when it starts, or checkwire db migrate now"
        return Finding(subject, "note", f"{fact}; this version's is {HEAD}", how)
    how = "Install that version, or restore a backup of before"
    return Finding(subject, "bad", f"{fact}, is a newer version's; this one's is {HEAD}", how)


def secrets_finding(url: str, key: Path) -> Finding:
    """Whether the key opens the secrets in the database: if not, a server does not start.

    Args:
        url: of the database.
        key: the file with the key; none is made.
    """
    subject = "secrets"
    try:
        from checkwire.store.inspection import revision_at, sealed_at
        from checkwire.store.schema import HEAD
        from checkwire.store.secrets import KEY_VARIABLE, SecretBox
    except ImportError:
        return Finding(subject, "unknown", "cannot tell without the extra server")
    try:
        if revision_at(url) != HEAD:
            return Finding(subject, "unknown", "cannot tell without tables of this version")
        found = sealed_at(url)
    except CheckwireError:
        return Finding(subject, "unknown", "cannot tell without a database")
    if not found:
        return Finding(subject, "good", "the database holds none")
    source = KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else str(key)
    if source != KEY_VARIABLE and not key.exists():
        fact = f"the key to {counted(len(found), 'secret')}, {key}, is not there"
        how = f"Restore it, or set {KEY_VARIABLE}; or set the secrets anew"
        return Finding(subject, "bad", fact, how)
    box = SecretBox(key)
    try:
        for secret in found:
            box.open(*secret)
    except CheckwireError as error:
        return Finding(subject, "bad", str(error))
    return Finding(subject, "good", f"{counted(len(found), 'secret')}, which {source} opens")


def channels_finding(project: Project, url: str) -> Finding:
    """Whether the project's channels have all secrets that they need.

    Args:
        project: of this folder.
        url: of the database, where its server keeps secrets.
    """
    subject = "channels"
    if not project.alerts.channels:
        how = "Declare one in checkwire.toml: [channels.NAME]"
        return Finding(subject, "unknown", "none: nobody is told of incidents", how)
    absent = read_secrets(project, {**project.env, **os.environ}, served=True).absent
    kept = _kept_for(project.id, url) if absent else set()
    absent = {name: why for name, why in absent.items() if name not in kept}
    if muted := muted_channels(project, absent):
        how = "A server that was started with another environment may know better"
        return Finding(subject, "note", "; ".join(muted), how)
    names = ", ".join(project.alerts.channels)
    return Finding(subject, "good", f"{names}: with all secrets that they need")


def _kept_for(project: str, url: str) -> set[str]:
    """The names of the secrets that the server keeps for a project, as far as they can be had."""
    try:
        from checkwire.store.inspection import revision_at, sealed_at
        from checkwire.store.schema import HEAD

        if revision_at(url) != HEAD:
            return set()
        return {secret.name for secret in sealed_at(url) if secret.project == project}
    except (ImportError, CheckwireError):
        return set()


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
