"""API tokens and sessions: only their hashes are kept, so whoever reads the database has none.

A token is 256 random bits, so one round of SHA-256 is as good as many: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from checkwire.model.run_id import run_id_at
from checkwire.store.records import TokenRecord
from checkwire.store.tables import sessions, tokens

__all__ = [
    "create",
    "end_session",
    "find",
    "find_session",
    "list_tokens",
    "revoke",
    "start_session",
    "used",
]

_TOKEN = re.compile(r"cw_([0-9A-Z]{26})_[A-Za-z0-9_-]{43}")
_NOBODY = hashlib.sha256(b"nobody's").digest()


async def create(
    tx: AsyncConnection,
    name: str,
    scopes: Collection[str],
    now_ns: int,
    expires_ns: int | None = None,
) -> tuple[TokenRecord, str]:
    """Make a token.

    Args:
        tx: a transaction that writes.
        name: for people.
        scopes: what it allows. No scope has a blank in its name.
        now_ns: the time.
        expires_ns: from when on it is no longer accepted.

    Returns:
        The token's record, and the token: it is shown this once.
    """
    record = TokenRecord(
        id=run_id_at(now_ns, os.urandom(10)),
        name=name,
        scopes=tuple(scopes),
        created_ns=now_ns,
        expires_ns=expires_ns,
    )
    token = f"cw_{record.id}_{secrets.token_urlsafe(32)}"
    await tx.execute(
        insert(tokens).values(
            id=record.id,
            name=name,
            hash=_hash(token),
            scopes=" ".join(scopes),
            created_ns=now_ns,
            expires_ns=expires_ns,
        )
    )
    return record, token


async def find(tx: AsyncConnection, token_text: str, now_ns: int) -> TokenRecord | None:
    """The record of a token; ``None`` if it is not one, is revoked, or has expired.

    It takes as long for a token that is wrong as for one that is right.
    """
    shape = _TOKEN.fullmatch(token_text)
    row = None
    if shape is not None:
        query = select(tokens).where(tokens.c.id == shape[1])
        row = (await tx.execute(query)).one_or_none()
    same = hmac.compare_digest(_hash(token_text), row.hash if row is not None else _NOBODY)
    return _valid(row, now_ns) if row is not None and same else None


async def used(tx: AsyncConnection, token_id: str, now_ns: int) -> None:
    """Note when a token was used. For a transaction that writes; once in a while is enough."""
    await tx.execute(update(tokens).where(tokens.c.id == token_id).values(used_ns=now_ns))


async def list_tokens(tx: AsyncConnection) -> list[TokenRecord]:
    """All tokens, also those that are revoked or have expired, the oldest first."""
    query = select(tokens).order_by(tokens.c.created_ns, tokens.c.id)
    return [_record(row) for row in await tx.execute(query)]


async def revoke(tx: AsyncConnection, token_id: str, now_ns: int) -> bool:
    """Revoke a token, and end its sessions; says whether there was one that was valid."""
    revoked = await tx.execute(
        update(tokens)
        .where(tokens.c.id == token_id, tokens.c.revoked_ns.is_(None))
        .values(revoked_ns=now_ns)
    )
    await tx.execute(delete(sessions).where(sessions.c.token_id == token_id))
    return bool(revoked.rowcount)


async def start_session(tx: AsyncConnection, token_id: str, now_ns: int, expires_ns: int) -> str:
    """Start a session of whoever has a token.

    Returns:
        The value for the cookie: it is told this once.
    """
    cookie = secrets.token_urlsafe(32)
    await tx.execute(
        insert(sessions).values(
            hash=_hash(cookie), token_id=token_id, created_ns=now_ns, expires_ns=expires_ns
        )
    )
    await tx.execute(delete(sessions).where(sessions.c.expires_ns <= now_ns))
    return cookie


async def find_session(tx: AsyncConnection, cookie_text: str, now_ns: int) -> TokenRecord | None:
    """The token of a session; ``None`` if it is not one, or it or its token is no longer valid."""
    query = (
        select(tokens)
        .join(sessions, sessions.c.token_id == tokens.c.id)
        # The hash of what is 256 random bits tells nothing by how long it takes to be looked up.
        .where(sessions.c.hash == _hash(cookie_text), sessions.c.expires_ns > now_ns)
    )
    row = (await tx.execute(query)).one_or_none()
    return _valid(row, now_ns) if row is not None else None


async def end_session(tx: AsyncConnection, cookie_text: str) -> None:
    """End a session, if it is one."""
    await tx.execute(delete(sessions).where(sessions.c.hash == _hash(cookie_text)))


def _valid(row: Row[Any], now_ns: int) -> TokenRecord | None:
    record = _record(row)
    if record.revoked_ns is not None:
        return None
    if record.expires_ns is not None and record.expires_ns <= now_ns:
        return None
    return record


def _record(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        created_ns=row.created_ns,
        expires_ns=row.expires_ns,
        used_ns=row.used_ns,
        revoked_ns=row.revoked_ns,
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
