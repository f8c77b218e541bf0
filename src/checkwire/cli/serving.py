"""From the options of ``checkwire serve`` to a running server, and to its end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import click
import structlog

from checkwire.cli.beginning import Beginning
from checkwire.cli.places import (
    data_folder,
    database_file,
    database_url,
    require_database_url,
    secrets_key,
)
from checkwire.cli.testing.services import Services
from checkwire.cli.whereabouts import listening_at, url_of
from checkwire.model.errors import UsageError
from checkwire.model.places import host_and_port
from checkwire.project.config import Project, load_project
from checkwire.runner.descriptors import DescriptorLimit
from checkwire.runner.python.messages import Connecting
from checkwire.server.app import create_app
from checkwire.server.auth import Auth, first_token
from checkwire.server.claim import Claim
from checkwire.server.logs import configure_logs
from checkwire.server.service.host import ProjectHost
from checkwire.server.service.loading import require_different
from checkwire.server.service.service import Service
from checkwire.server.service.stored_secrets import StoredSecrets
from checkwire.server.web import WebServer, listen
from checkwire.store.claim import claimed
from checkwire.store.database import Store
from checkwire.store.retention import Retention
from checkwire.store.secrets import SecretBox

__all__ = ["Serving"]

_log = structlog.get_logger("checkwire")


class Serving(NamedTuple):
    """The options, see :mod:`checkwire.cli.serve`."""

    folders: Sequence[Path]
    data: Path | None
    database: str | None
    host: str
    port: int
    workers: int | None
    patience: float
    retention: Retention
    base_url: str | None
    allowed_hosts: Sequence[str]
    auth: bool | None
    services: bool
    log_format: Literal["auto", "text", "json"]
    log_level: str

    async def run(self) -> int:
        """Serve until a signal comes; returns the exit status.

        Raises:
            CheckwireError: it cannot start.
        """
        for folder in self.folders:
            if not folder.exists():
                raise UsageError(f"there is no folder {folder}")
        projects = [load_project(folder) for folder in self.folders]
        configure_logs(self.log_format, self.log_level)
        data = data_folder(self.data, projects[0])
        url = database_url(self.database, data)
        require_database_url(url)
        async with contextlib.AsyncExitStack() as stack:
            # What can be known to be in the way at once is told before anything is started.
            sock = stack.enter_context(contextlib.closing(self._listen(projects)))
            beginning = stack.enter_context(Beginning(data, database_file(url)))
            store = await self._open(url, beginning, stack)
            if self.services:
                for project in projects:
                    await stack.enter_async_context(_services(project))
            secrets = StoredSecrets(store, SecretBox(secrets_key(data)))
            hosts = [
                ProjectHost(Path(project.root), connecting=Connecting(), stored_secrets=secrets)
                for project in projects
            ]
            for host in hosts:
                stack.push_async_callback(host.close)
                await host.first()
            require_different([host.version for host in hosts])
            for host in hosts:
                host.warn()
            slots = min(
                self.workers or max(32, 16 * (os.cpu_count() or 1)), DescriptorLimit().attempts
            )
            service = Service(
                store,
                hosts,
                slots=slots,
                patience=self.patience,
                retention=self.retention,
                base_url=self.base_url or projects[0].server or _own_url(sock),
            )
            await service.start()
            auth = Auth(
                store,
                self._needs_token(sock),
                hosts=self.allowed_hosts,
                forwarded=self.auth is False,
            )
            if auth.required and (token := await first_token(store, time.time_ns())):
                click.echo(f"The first token, shown only now: {token}", err=True)
            beginning.succeeded()
            if beginning.made is not None:
                _log.info(f"Made the database {beginning.made}")
            stack.enter_context(listening_at(url_of(*sock.getsockname()[:2]), data))
            await self._serve(service, auth, hosts, sock)
        return 0

    def _listen(self, projects: Sequence[Project]) -> socket.socket:
        """The server's socket; where that cannot be had, it may be a service's of a project."""
        for project in projects if self.port else ():
            for service in project.services:
                if service.ready is None or service.ready[1] != self.port:
                    continue
                what = (
                    f'port {self.port} is that of the [[service]] "{service.name}" of {project.id}'
                )
                if self.services:
                    raise UsageError(f"{what}: take another one with --port")
                try:
                    return listen(self.host, self.port)
                except UsageError as error:
                    raise UsageError(f"{error} ({what})") from None
        return listen(self.host, self.port)

    async def _open(
        self, url: str, beginning: Beginning, stack: contextlib.AsyncExitStack
    ) -> Store:
        """The database, which is this server's alone."""
        if (file := database_file(url)) is not None:
            stack.enter_context(Claim(file))
            beginning.claimed()
        store = await Store.open(url)
        stack.push_async_callback(store.close)
        if file is None:
            await stack.enter_async_context(claimed(store, _say_waiting))
        return store

    def _needs_token(self, sock: socket.socket) -> bool:
        """Whoever is on this machine is trusted; nobody else is."""
        if self.auth is not None:
            return self.auth
        return not ipaddress.ip_address(sock.getsockname()[0]).is_loopback

    async def _serve(
        self, service: Service, auth: Auth, hosts: Sequence[ProjectHost], sock: socket.socket
    ) -> None:
        web = WebServer(create_app(service, auth, service.metrics))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stop)
        loop.add_signal_handler(signal.SIGHUP, service.renew)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(service.run())
                serving = group.create_task(web.serve([sock]))
                self._greet(hosts, sock, str(service.store.address))
                await service.stopped.wait()
                web.stop()
                await asyncio.wait((running, serving))
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
        _log.info("stopped")

    def _greet(self, hosts: Sequence[ProjectHost], sock: socket.socket, database: str) -> None:
        address = sock.getsockname()
        url = f"http://{host_and_port(address[0], address[1])}"
        for host in hosts:
            version = host.version
            scheduled = sum(definition.is_scheduled for definition in version.definitions.values())
            _log.info(
                "project loaded",
                project=host.key,
                checks=len(version.definitions),
                scheduled=scheduled,
                folder=version.project.root,
            )
            for failure in version.failures:
                place = failure.location
                _log.error(
                    failure.message,
                    project=host.key,
                    code=failure.code,
                    **({} if place is None else {"at": f"{place.path}:{place.line}"}),
                )
            if not scheduled:
                _log.warning("no check has every= or cron=: none will run by itself")
        _log.info("serving", url=url, database=database)
        click.echo(url)


def _own_url(sock: socket.socket) -> str | None:
    """Where it listens; ``None`` if that is at every address of this machine."""
    host, port = sock.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        return None
    return f"http://{host_and_port(host, port)}"


def _say_waiting() -> None:
    _log.warning("another server holds the database still: waiting for its end")


@contextlib.asynccontextmanager
async def _services(project: Project) -> AsyncIterator[None]:
    """The project's services run, and are started again when they end."""
    if not project.services:
        yield
        return
    async with Services(project, {**project.env, **os.environ}) as services:
        for sentence in services.used:
            _log.warning(sentence, project=project.id)
        _log.info("services started", project=project.id, services=len(project.services))

        def tell(why: str) -> None:
            _log.error("a service has ended", project=project.id, why=why)

        keeping = asyncio.create_task(services.keep(tell))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
