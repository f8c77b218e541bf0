"""What else is installed: Node, a trust store, the extras."""

from __future__ import annotations

import shutil
import subprocess
from importlib import metadata

from checkwire.cli.diagnosis.finding import Finding

__all__ = ["EXTRAS", "extras_findings", "node_finding", "trust_finding"]

_NODE = 22
"""The first major version whose WebSocket is not experimental."""
_NODE_IS_FOR = (
    f"only checks in JavaScript need one, {_NODE} or later, and this version does not run these"
)
_PATIENCE = 20.0
EXTRAS = {
    "server": (
        "checkwire serve, and what works on its database",
        (
            "aiosmtplib",
            "aiosqlite",
            "alembic",
            "datasketches",
            "fastapi",
            "jinja2",
            "numpy",
            "prometheus-client",
            "pydantic",
            "python-multipart",
            "sqlalchemy",
            "starlette",
            "structlog",
            "tzdata",
            "uvicorn",
            "zstandard",
        ),
    ),
    "postgresql": ("a server's data in PostgreSQL", ("psycopg",)),
    "uvloop": ("a faster event loop", ("uvloop",)),
}
"""What each is for, and what it installs, as pyproject.toml has it."""


def node_finding() -> Finding:
    """Which Node there is. Nothing needs one yet, so that none is no fault."""
    subject = "node"
    path = shutil.which("node")
    if path is None:
        return Finding(subject, "unknown", f"not found; {_NODE_IS_FOR}")
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = getattr(error, "strerror", None) or "it does not tell its version"
        return Finding(subject, "unknown", f"{path} does not run: {why}; {_NODE_IS_FOR}")
    version = done.stdout.strip().removeprefix("v")
    major = version.partition(".")[0]
    if not major.isdecimal() or int(major) < _NODE:
        return Finding(subject, "unknown", f"{version}, {path}; {_NODE_IS_FOR}")
    return Finding(subject, "good", f"{version}, {path}")


def trust_finding() -> Finding:
    """Whether certificates of public servers can be verified."""
    import ssl
    from pathlib import Path

    from checkwire.wire.tls.contexts import TlsOptions, tls_context

    subject = "trust store"
    fact = ssl.OPENSSL_VERSION
    context = tls_context(TlsOptions())
    stats = getattr(context, "cert_store_stats", None)
    count = stats()["x509_ca"] if stats is not None else 0
    if count:
        return Finding(subject, "good", f"{count:,} authorities; {fact}")
    folder = ssl.get_default_verify_paths().capath
    if stats is None or (folder is not None and any(Path(folder).glob("*.0"))):
        return Finding(subject, "good", f"the system's; {fact}")
    return Finding(
        subject,
        "bad",
        f"no authority is trusted: every wss:// check would fail; {fact}",
        "Install your system's package ca-certificates",
    )


def extras_findings() -> list[Finding]:
    """Which of the optional parts are installed."""
    found = []
    for extra, (purpose, names) in EXTRAS.items():
        subject, how = f"extra {extra}", f"pip install 'checkwire[{extra}]'"
        missing = [name for name in names if not _is_installed(name)]
        if not missing:
            found.append(Finding(subject, "good", "installed"))
        elif len(missing) < len(names):
            fact = f"not whole: {', '.join(missing)} missing"
            found.append(Finding(subject, "note", fact, how))
        else:
            fact = f"not installed; it is for {purpose}"
            found.append(Finding(subject, "unknown", fact, how))
    return found


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
