"""Secrets in the database: set, listed by name, removed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from checkwire.cli.administration.opening import find_place, with_store
from checkwire.cli.administration.whose import whose_secrets
from checkwire.cli.places import make_data_folder
from checkwire.cli.reporters.columns import columns
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.instants import date
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.model.errors import CheckwireError, UsageError

if TYPE_CHECKING:
    from checkwire.store.database import Store
    from checkwire.store.secrets import SecretRecord

__all__ = ["list_secrets", "remove_secrets", "set_secret"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_LARGEST = 64 * 1024


def set_secret(name: str, project: str | None, data: Path | None, database: str | None) -> None:
    """Ask for a value, or read it from standard input, and keep it.

    Raises:
        CheckwireError: the name, the project or the value will not do, or the database cannot be
            used.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "a secret's name is a letter, then letters, digits, _, . or -: its value is asked for, "
            "and is no part of the command"
        )
    place = find_place(data, database)
    whose = whose_secrets(place, project, create=True)
    value = _ask(name)

    async def work(store: Store) -> None:
        from checkwire.store.secrets import SecretBox, set_secret

        make_data_folder(place.data)
        box = SecretBox(place.key)
        async with store.writing() as tx:
            await set_secret(tx, box, project=whose, name=name, value=value, now_ns=time.time_ns())

    with_store(place, work, create=True)
    click.echo(f"{name} of {whose} is set.", err=True)


def list_secrets(
    project: str | None, data: Path | None, database: str | None, *, as_json: bool
) -> None:
    """Write the names of a project's secrets."""
    place = find_place(data, database)
    whose = whose_secrets(place, project)
    found = with_store(place, lambda store: _found(store, whose))
    if as_json:
        document = {"project": whose, "secrets": [msgspec.to_builtins(one) for one in found]}
        click.echo(format_document(document), nl=False)
        return
    if not found:
        click.echo(f"{whose} has no secrets here. checkwire secret set sets one.")
        return
    rows = [[Text("name", "dim"), Text("set", "dim")]]
    rows += [[Text(one.name), Text(date(one.updated_ns))] for one in found]
    Console(Output()).lines(columns(rows))


def remove_secrets(
    names: Sequence[str], project: str | None, data: Path | None, database: str | None
) -> None:
    """Remove secrets by name: all of them, or none if one is not there.

    Raises:
        CheckwireError: there is no such secret.
    """
    place = find_place(data, database)
    whose = whose_secrets(place, project)

    async def work(store: Store) -> None:
        from checkwire.store.secrets import delete_secret

        async with store.writing() as tx:
            for name in names:
                if not await delete_secret(tx, project=whose, name=name):
                    raise CheckwireError(
                        f"{whose} has no secret {name} here: checkwire secret list names them"
                    )

    with_store(place, work)
    for name in names:
        click.echo(f"{name} of {whose} is removed.", err=True)


async def _found(store: Store, project: str) -> list[SecretRecord]:
    from checkwire.store.secrets import list_secrets

    async with store.reading() as tx:
        return await list_secrets(tx, project)


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        value: str = click.prompt(f"Value of {name}", hide_input=True, err=True)
    else:
        data = sys.stdin.buffer.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise UsageError(f"the value of {name} is too large: at most {_LARGEST:,} bytes")
        try:
            value = data.decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError(
                f"the value of {name} is not UTF-8 text: encode it, as Base64"
            ) from None
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError(f"no value was given for {name}: it is asked for, or read from stdin")
    if "\0" in value:
        raise UsageError(f"the value of {name} holds a NUL character: encode it, as Base64")
    return value
