"""Tokens in the database: made, listed, revoked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from checkwire.cli.administration.opening import find_place, with_store
from checkwire.cli.reporters.columns import columns
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.instants import ago, date
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.model.errors import UsageError

if TYPE_CHECKING:
    from checkwire.store.database import Store
    from checkwire.store.records import TokenRecord

__all__ = ["create_token", "list_tokens", "revoke_tokens"]

_LONGEST_NAME = 100
_SHOWN_NAME = 16


def create_token(
    name: str,
    scopes: Sequence[str],
    expires: float | None,
    data: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Make a token, and write it to standard output, and nothing else there.

    Raises:
        CheckwireError: the name will not do, or the database cannot be used.
    """
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"a token's name is a few words in one line, up to {_LONGEST_NAME} letters"
        )
    wanted = tuple(dict.fromkeys(scopes)) or ("read",)
    now_ns = time.time_ns()
    expires_ns = None if expires is None else now_ns + round(expires * 1e9)

    async def work(store: Store) -> tuple[TokenRecord, str]:
        from checkwire.store import tokens

        async with store.writing() as tx:
            return await tokens.create(tx, name.strip(), wanted, now_ns, expires_ns)

    record, token = with_store(find_place(data, database), work, create=True)
    if as_json:
        click.echo(format_document({**_document(record), "token": token}), nl=False)
        return
    until = "it does not expire" if expires_ns is None else f"it expires {date(expires_ns)}"
    click.echo(f"{record.name} ({record.id}) may {_may(record)}; {until}.", err=True)
    click.echo("The token is shown this once:", err=True)
    click.echo(token)


def list_tokens(
    data: Path | None, database: str | None, *, everything: bool, as_json: bool
) -> None:
    """Write the tokens, or rather what is known of them."""
    now_ns = time.time_ns()
    records = [
        record
        for record in with_store(find_place(data, database), _all)
        if everything or _opens(record, now_ns)
    ]
    if as_json:
        document = {"tokens": [_document(record) for record in records]}
        click.echo(format_document(document), nl=False)
        return
    if not records:
        none = "There is no token" if everything else "There is no token that opens anything"
        click.echo(f"{none}. checkwire token create NAME makes one.")
        return
    heading = [Text(word, "dim") for word in ("name", "may", "used", "expires", "id")]
    rows = [heading, *(_row(record, now_ns) for record in records)]
    Console(Output()).lines(columns(rows))


def revoke_tokens(ids: Sequence[str], data: Path | None, database: str | None) -> None:
    """Revoke tokens by ids, beginnings of these, or names: all, or none if one is not known.

    Raises:
        UsageError: there is no such token.
    """
    now_ns = time.time_ns()

    async def work(store: Store) -> list[TokenRecord]:
        from checkwire.store import tokens

        async with store.writing() as tx:
            known = await tokens.list_tokens(tx)
            meant = [_meant(id_, known) for id_ in dict.fromkeys(ids)]
            for record in meant:
                await tokens.revoke(tx, record.id, now_ns)
            return meant

    for record in with_store(find_place(data, database), work):
        if record.revoked_ns is not None:
            click.echo(f"{record.name} ({record.id}) was revoked {ago(record.revoked_ns, now_ns)}.")
        else:
            click.echo(f"{record.name} ({record.id}) opens nothing any more.")


def _meant(text: str, known: Sequence[TokenRecord]) -> TokenRecord:
    found = [record for record in known if record.id.startswith(text.upper())]
    if len(found) == 1 and text:
        return found[0]
    named = [record for record in known if record.name == text]
    named = [record for record in named if record.revoked_ns is None] or named[:1]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(record.id for record in named)
        raise UsageError(f"several tokens are named {text}: write the id of one, {ids}")
    if found:
        raise UsageError(f"several tokens have an id that begins with {text}: write more of it")
    # What is no id may be the token itself, which is not to be shown once more.
    what = f" {text}" if len(text) <= 26 and text.isalnum() else " of that id"
    raise UsageError(f"there is no token{what}: checkwire token list tells their ids")


async def _all(store: Store) -> list[TokenRecord]:
    from checkwire.store import tokens

    async with store.reading() as tx:
        return list(await tokens.list_tokens(tx))


def _opens(record: TokenRecord, now_ns: int) -> bool:
    expired = record.expires_ns is not None and record.expires_ns <= now_ns
    return record.revoked_ns is None and not expired


def _row(record: TokenRecord, now_ns: int) -> list[Text]:
    style = "" if _opens(record, now_ns) else "dim"
    used = "never" if record.used_ns is None else ago(record.used_ns, now_ns)
    if record.revoked_ns is not None:
        end = f"revoked {ago(record.revoked_ns, now_ns)}"
    elif record.expires_ns is None:
        end = "never"
    else:
        end = date(record.expires_ns).partition(" ")[0]
    name = Text(record.name, style).cut(_SHOWN_NAME)
    return [name, *(Text(text, style) for text in (_may(record), used, end, record.id))]


def _may(record: TokenRecord) -> str:
    return ", ".join(record.scopes)


def _document(record: TokenRecord) -> dict[str, object]:
    document: dict[str, object] = msgspec.to_builtins(record)
    return document
