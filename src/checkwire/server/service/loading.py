"""Loading a version of a project: its settings, its checks, a runner that has imported them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import UsageError
from checkwire.model.failures import Failure
from checkwire.project.config import Project, load_project
from checkwire.project.discovery import discover
from checkwire.project.secrets import muted_channels, read_secrets
from checkwire.runner.python.messages import Connecting
from checkwire.runner.runner import Collected, Runner
from checkwire.server.service.stored_secrets import SecretsSeen, StoredSecrets

__all__ = ["ProjectVersion", "load_version", "require_different"]


class ProjectVersion:
    """A project as it was loaded at one time, ready to run its checks.

    Attributes:
        project: its settings.
        secrets: their values, by name.
        secrets_seen: which of them the server keeps.
        runner: has imported the check files.
        definitions: of the checks, by id.
        failures: why some checks, or whole files, are not among them.
        muted: sentences about channels that cannot be told anything: a secret has no value.
        warnings: sentences about what is probably not meant; these are among them.
        loaded_ns: when.
        digest: of settings and definitions.
    """

    def __init__(
        self,
        project: Project,
        runner: Runner,
        collected: Collected,
        secrets: dict[str, str],
        secrets_seen: SecretsSeen,
        now_ns: int,
        muted: tuple[str, ...] = (),
    ) -> None:
        self.project = project
        self.secrets = secrets
        self.secrets_seen = secrets_seen
        self.runner = runner
        self.definitions: dict[str, CheckDefinition] = {d.id: d for d in collected.definitions}
        self.failures: tuple[Failure, ...] = (*collected.failures.values(), *collected.left_out)
        self.muted = muted
        self.warnings = (*collected.warnings, *muted, *_nobody_is_told(project))
        self.loaded_ns = now_ns
        encoded = msgspec.json.encode((project, collected.definitions))
        self.digest = hashlib.blake2b(encoded, digest_size=8).hexdigest()

    async def close(self) -> None:
        """End the processes of this version."""
        await self.runner.close()


async def load_version(
    folder: Path,
    *,
    now_ns: int,
    stored_secrets: StoredSecrets,
    connecting: Connecting,
    env: Mapping[str, str] | None = None,
    importing: AbstractAsyncContextManager[object] | None = None,
) -> ProjectVersion:
    """Read the settings in a folder, and import the check files.

    Args:
        folder: the project's, or one in it.
        now_ns: the time (Unix epoch).
        stored_secrets: those that the server keeps; they go before the project's own.
        connecting: options for every connection.
        env: variables that go before the environment and the project's own.
        importing: the check files are imported in it; it may end that by a cancellation. By
            default nothing does.

    Raises:
        DefinitionError: the settings are not as they must be.
        UsageError: there is no check file.
        EngineError: no process can be started.
    """
    project = load_project(folder)
    everything = {**project.env, **os.environ, **(env or {})}
    variables = {name: value for name, value in everything.items() if _is_text(name + value)}
    secrets = read_secrets(project, variables, served=True)
    stored, seen = await stored_secrets.read(project.id)
    absent = {name: why for name, why in secrets.absent.items() if name not in stored}
    values = {**secrets.values, **stored}
    runner = Runner(
        project,
        env=variables,
        secrets=values,
        absent=absent,
        connecting=connecting,
    )
    try:
        async with importing or nullcontext():
            collected = await runner.collect(discover(project, cwd=Path(project.root)))
    except BaseException:
        await runner.close()
        raise
    runner.expect(1)
    return ProjectVersion(
        project, runner, collected, values, seen, now_ns, muted=muted_channels(project, absent)
    )


def _nobody_is_told(project: Project) -> Iterator[str]:
    if project.alerts.channels:
        return
    how = "alerts.channels names none" if project.channels else "declare a channel, [channels.NAME]"
    yield f"nobody is told of incidents in {project.id}: {how}"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_different(versions: list[ProjectVersion]) -> None:
    """Refuse projects of the same id: their histories would become one.

    Raises:
        UsageError: it names both folders.
    """
    seen: dict[str, str] = {}
    for version in versions:
        project = version.project
        if project.id in seen:
            raise UsageError(
                f'{seen[project.id]} and {project.root} both have the id "{project.id}": '
                "give one of them another [project] id"
            )
        seen[project.id] = project.root
