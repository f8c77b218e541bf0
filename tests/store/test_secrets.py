"""Secrets: sealed in the database, opened with a key that is not in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from checkwire.model.errors import CheckwireError
from checkwire.store.database import Store
from checkwire.store.secrets import (
    KEY_VARIABLE,
    SecretBox,
    delete_secret,
    list_secrets,
    secret_values,
    set_secret,
)
from checkwire.store.tables import secrets
from support.stored import START, WithStore

VALUE = "hunter2 – ü"


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "keys" / "secret.key", environ={})


def test_secrets_are_kept_sealed(with_store: WithStore, box: SecretBox) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            for name in ("B", "A"):
                await set_secret(tx, box, project="p", name=name, value="old", now_ns=START)
            await set_secret(tx, box, project="p", name="A", value=VALUE, now_ns=START + 1)
            await set_secret(tx, box, project="q", name="A", value="", now_ns=START)
        async with store.reading() as tx:
            assert await secret_values(tx, box, "p") == {"A": VALUE, "B": "old"}
            assert await secret_values(tx, box, "q") == {"A": ""}
            assert await secret_values(tx, box, "none") == {}
            listed = [(entry.project, entry.name) for entry in await list_secrets(tx)]
            assert listed == [("p", "A"), ("p", "B"), ("q", "A")]
            assert [entry.name for entry in await list_secrets(tx, "q")] == ["A"]
            sealed = (await tx.execute(select(secrets.c.sealed))).scalars().all()
        assert all(VALUE.encode() not in value for value in sealed)
        async with store.writing() as tx:
            assert await delete_secret(tx, project="p", name="A")
            assert not await delete_secret(tx, project="p", name="A")
            assert await secret_values(tx, box, "p") == {"B": "old"}

    with_store(work)


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path, box: SecretBox) -> None:
    sealed = box.seal("p", "A", VALUE)
    file = tmp_path / "keys" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
    assert SecretBox(file, environ={}).open("p", "A", sealed) == VALUE


def test_no_key_is_made_while_there_is_something_that_it_could_not_open(
    tmp_path: Path, with_store: WithStore, box: SecretBox
) -> None:
    async def work(store: Store) -> None:
        file = tmp_path / "keys" / "secret.key"
        async with store.writing() as tx:
            await set_secret(tx, box, project="p", name="A", value=VALUE, now_ns=START)
        file.unlink()
        without = SecretBox(file, environ={})
        missing = rf"is missing: {file}\. With it was sealed the secret A of p: put that file back"
        async with store.writing() as tx:
            with pytest.raises(CheckwireError, match=missing):
                await secret_values(tx, without, "p")
            with pytest.raises(CheckwireError, match=missing):
                await set_secret(tx, without, project="q", name="A", value="x", now_ns=START)
            assert not file.exists()
            await set_secret(tx, without, project="p", name="A", value="new", now_ns=START)
            assert await secret_values(tx, without, "p") == {"A": "new"}

    with_store(work)


def test_a_new_key_is_put_before_the_old_ones(tmp_path: Path, box: SecretBox) -> None:
    old = box.seal("p", "A", VALUE)
    file = tmp_path / "keys" / "secret.key"
    file.write_text(f"{Fernet.generate_key().decode()}\n{file.read_text()}")
    both = SecretBox(file, environ={})
    assert both.open("p", "A", old) == VALUE
    with pytest.raises(CheckwireError, match="sealed with another key"):
        box.open("p", "A", both.seal("p", "A", VALUE))


def test_the_environment_can_hold_the_key(tmp_path: Path) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    file = tmp_path / "never made"
    box = SecretBox(file, environ={KEY_VARIABLE: ",".join(keys)})
    sealed = box.seal("p", "A", VALUE)
    assert SecretBox(file, environ={KEY_VARIABLE: keys[0]}).open("p", "A", sealed) == VALUE
    with pytest.raises(CheckwireError, match="sealed with another key"):
        SecretBox(file, environ={KEY_VARIABLE: keys[1]}).open("p", "A", sealed)
    assert not file.exists()


def test_a_sealed_value_is_good_for_its_own_name_only(
    with_store: WithStore, box: SecretBox
) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            await set_secret(tx, box, project="p", name="A", value=VALUE, now_ns=START)
            await tx.execute(update(secrets).values(project_key="q"))
            with pytest.raises(CheckwireError, match="is that of another name"):
                await secret_values(tx, box, "q")

    with_store(work)


@pytest.mark.parametrize("content", ["", "short", "ü" * 44, "\xff"])
def test_a_file_without_a_key_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret.key"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(CheckwireError, match=r"secret\.key"):
        SecretBox(file, environ={}).seal("p", "A", VALUE)
    with pytest.raises(CheckwireError, match="CHECKWIRE_SECRET_KEY holds no key"):
        SecretBox(file, environ={KEY_VARIABLE: content or "x"}).seal("p", "A", VALUE)


def test_a_place_where_no_key_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckwireError, match="cannot be read or made"):
        SecretBox(tmp_path / "file" / "key", environ={}).seal("p", "A", VALUE)


def test_two_processes_make_one_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    read, write = os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            os.write(write, SecretBox(file, environ={}).seal("p", "A", VALUE) + b"\n")
            os._exit(0)
        children.append(child)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        sealed = told.read().split()
    for child in children:
        os.waitpid(child, 0)
    box = SecretBox(file, environ={})
    assert [box.open("p", "A", value) for value in sealed] == [VALUE] * 4
