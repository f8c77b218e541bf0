"""Secrets of projects, sealed at rest: the key is not in the database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.errors import CheckwireError
from checkwire.store.ownership import give_to_owner_of
from checkwire.store.tables import secrets
from checkwire.store.upsert import insert_into

__all__ = [
    "KEY_VARIABLE",
    "SecretBox",
    "SecretRecord",
    "delete_secret",
    "list_secrets",
    "secret_values",
    "set_secret",
]

KEY_VARIABLE = "CHECKWIRE_SECRET_KEY"
"""Keys from the environment instead of the file, commas between: the first one seals."""


class SecretRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, without its value."""

    project: str
    name: str
    updated_ns: int


class SecretBox:
    """Seals and opens, with the keys of a file, or of the variable ``CHECKWIRE_SECRET_KEY``.

    A file has one key a line. The first one seals; what was sealed with the others can still be
    opened, so a new key is put before the old ones.

    Args:
        key_file: is made, with a key in it, when something is sealed and there is none. What is
            sealed already it could not open, so nothing else makes one.
        environ: the environment, if not this process's.
    """

    def __init__(self, key_file: Path, *, environ: dict[str, str] | None = None) -> None:
        self._file = key_file
        self._environ = os.environ if environ is None else environ
        self._keys: MultiFernet | None = None

    def seal(self, project: str, name: str, value: str) -> bytes:
        """Seal a value. It can be opened as the value of this name only.

        Raises:
            CheckwireError: there is no key.
        """
        whole = msgspec.msgpack.encode((project, name, value))
        if self.lacks_key:
            self._make_file()
        return self._fernet().encrypt(whole)

    def open(self, project: str, name: str, sealed: bytes) -> str:
        """The value.

        Raises:
            CheckwireError: there is no key, or it was sealed with another one.
        """
        if self.lacks_key:
            raise self.missing(f"the secret {name} of {project}")
        try:
            whole = self._fernet().decrypt(sealed)
        except InvalidToken:
            raise CheckwireError(
                f"the secret {name} of {project} was sealed with another key than that of "
                f"{self._source()}: restore that key, or set the secret anew"
            ) from None
        named = msgspec.msgpack.decode(whole, type=tuple[str, str, str])
        if named[:2] != (project, name):
            raise CheckwireError(
                f"the secret {name} of {project} is that of another name in the database: set it "
                "anew"
            )
        return named[2]

    @property
    def lacks_key(self) -> bool:
        """Whether there is no key at all.

        Raises:
            CheckwireError: that cannot be told.
        """
        if self._keys is not None or self._environ.get(KEY_VARIABLE):
            return False
        try:
            return not self._file.exists()
        except OSError as error:
            raise self._unusable(error) from None

    def missing(self, sealed: str) -> CheckwireError:
        """What to say where there is no key, and something was sealed with one."""
        return CheckwireError(
            f"the file with the key to the secrets is missing: {self._file}. With it was sealed "
            f"{sealed}: put that file back, or its content into {KEY_VARIABLE}. If it is lost, so "
            "is what it sealed: remove that with checkwire secret rm, and set it anew"
        )

    def _unusable(self, error: OSError) -> CheckwireError:
        return CheckwireError(
            f"the key of the secrets, {self._file}, cannot be read or made "
            f"({error.strerror}): correct that, or set {KEY_VARIABLE}"
        )

    def _fernet(self) -> MultiFernet:
        if self._keys is None:
            given = self._environ.get(KEY_VARIABLE, "").replace(",", "\n").split()
            try:
                self._keys = MultiFernet([Fernet(key) for key in given or self._of_file()])
            except ValueError:
                raise CheckwireError(
                    f"{self._source()} holds no key: it must be 32 bytes in URL-safe base64, as "
                    "made by `openssl rand -base64 32 | tr +/ -_`"
                ) from None
        return self._keys

    def _source(self) -> str:
        return KEY_VARIABLE if self._environ.get(KEY_VARIABLE) else str(self._file)

    def _of_file(self) -> Sequence[str]:
        try:
            return self._file.read_text().split()
        except OSError as error:
            raise self._unusable(error) from None

    def _make_file(self) -> None:
        try:
            self._made()
        except OSError as error:
            raise self._unusable(error) from None

    def _made(self) -> None:
        """Whole or not at all, and never over another process's: that one's secrets need it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        made = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        made.unlink(missing_ok=True)
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                give_to_owner_of(self._file.parent, descriptor)
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(made, self._file)
            except FileExistsError:
                return
        finally:
            made.unlink(missing_ok=True)


async def set_secret(
    tx: AsyncConnection, box: SecretBox, *, project: str, name: str, value: str, now_ns: int
) -> None:
    """Seal and keep a secret, instead of the one of that name if there is one.

    Raises:
        CheckwireError: there is no key, and others were sealed with one: it must not be replaced.
    """
    if box.lacks_key:
        for other in await list_secrets(tx):
            if (other.project, other.name) != (project, name):
                raise box.missing(f"the secret {other.name} of {other.project}")
    values = {"sealed": box.seal(project, name, value), "updated_ns": now_ns}
    statement = insert_into(tx, secrets).values(project_key=project, name=name, **values)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["project_key", "name"], set_=values)
    )


async def delete_secret(tx: AsyncConnection, *, project: str, name: str) -> bool:
    """Forget a secret; says whether there was one."""
    deleted = await tx.execute(
        delete(secrets).where(secrets.c.project_key == project, secrets.c.name == name)
    )
    return bool(deleted.rowcount)


async def list_secrets(tx: AsyncConnection, project: str | None = None) -> list[SecretRecord]:
    """Which secrets there are, of a project or of all; not their values."""
    query = select(secrets.c.project_key, secrets.c.name, secrets.c.updated_ns)
    if project is not None:
        query = query.where(secrets.c.project_key == project)
    return [
        SecretRecord(project=row.project_key, name=row.name, updated_ns=row.updated_ns)
        for row in await tx.execute(query.order_by(secrets.c.project_key, secrets.c.name))
    ]


async def secret_values(tx: AsyncConnection, box: SecretBox, project: str) -> dict[str, str]:
    """The secrets of a project, opened.

    Raises:
        CheckwireError: one was sealed with another key.
    """
    query = select(secrets.c.name, secrets.c.sealed).where(secrets.c.project_key == project)
    rows = await tx.execute(query.order_by(secrets.c.name))
    return {row.name: box.open(project, row.name, row.sealed) for row in rows}
