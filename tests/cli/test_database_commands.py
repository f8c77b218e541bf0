"""``checkwire token``, ``secret`` and ``db``: on the database, beside a running server or not."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from checkwire.server.claim import Claim
from checkwire.store.database import Store
from checkwire.store.registry import remove_projects_but, sync_project
from checkwire.store.secrets import SecretBox, secret_values
from support.asking import SECOND_NS, watching
from support.postgresql import PostgreSQL
from support.program import checkwire, project
from support.typing_in import type_in


def values(root: Path, key: str = "test") -> dict[str, str]:
    """What the server gives to checks."""

    async def work() -> dict[str, str]:
        store = await Store.open(f"sqlite:///{root}/.checkwire/checkwire.db")
        try:
            async with store.reading() as tx:
                box = SecretBox(root / ".checkwire" / "secrets.key", environ={})
                return await secret_values(tx, box, key)
        finally:
            await store.close()

    return asyncio.run(work())


def watches(root: Path, *keys: str) -> None:
    """A server has watched these projects, and watches them still."""

    async def work() -> None:
        store = await Store.open(f"sqlite:///{root}/.checkwire/checkwire.db")
        try:
            async with store.writing() as tx:
                for key in keys:
                    await sync_project(tx, key=key, name=key, root="/", definitions=(), now_ns=1)
                await remove_projects_but(tx, keys, 2)
        finally:
            await store.close()

    asyncio.run(work())


def test_a_token_is_written_alone_so_that_a_shell_can_take_it(tmp_path: Path) -> None:
    result = checkwire("token", "create", "ci", cwd=project(tmp_path))
    assert result.status == 0
    assert re.fullmatch(r"cw_[0-9A-Z]{26}_[\w-]{43}\n", result.out)
    assert f"Made the database {tmp_path}/.checkwire/checkwire.db" in result.err
    assert "may read; it does not expire" in result.err
    data = tmp_path / ".checkwire"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert (data / ".gitignore").read_text() == "*\n"


def test_tokens_are_listed_without_themselves_and_revoked(tmp_path: Path) -> None:
    root = project(tmp_path)
    token = checkwire("token", "create", "ci", "--scope", "trigger", cwd=root).out.strip()
    admin = json.loads(
        checkwire("token", "create", "ops", "--scope", "admin", "--expires", "30d", "--json",
                  cwd=root).out
    )  # fmt: skip
    days = (admin["expires_ns"] - time.time_ns()) / 86_400e9
    assert 29.9 < days <= 30
    listed = checkwire("token", "list", cwd=root, COLUMNS="80")
    assert token not in listed.out
    assert re.search(r"^  ci +trigger +never +never +01", listed.out, re.MULTILINE)
    assert all(len(line) <= 80 for line in listed.out.splitlines())
    ids = [
        one["id"]
        for one in json.loads(checkwire("token", "list", "--json", cwd=root).out)["tokens"]
    ]
    assert admin["id"] in ids
    revoked = checkwire("token", "revoke", *ids, cwd=root)
    assert revoked.status == 0, revoked.err
    assert "There is no token that opens anything" in checkwire("token", "list", cwd=root).out
    assert checkwire("token", "list", "--all", cwd=root).out.count("revoked") == 2


def test_a_token_is_revoked_by_a_name_that_no_other_has(tmp_path: Path) -> None:
    root = project(tmp_path)
    for name in ("ro", "ci", "ci"):
        assert checkwire("token", "create", name, cwd=root).status == 0
    revoked = checkwire("token", "revoke", "ro", cwd=root)
    assert (revoked.status, revoked.err) == (0, "")
    assert re.fullmatch(r"ro \(\w{26}\) opens nothing any more\.\n", revoked.out)
    several = checkwire("token", "revoke", "ci", cwd=root)
    assert several.status == 2
    ids = re.findall(r"\b01\w{24}\b", several.err)
    assert len(set(ids)) == 2
    assert checkwire("token", "revoke", ids[0], cwd=root).status == 0
    assert ids[1] in checkwire("token", "revoke", "ci", cwd=root).out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["create", "x", "--scope", "write"], "'write' is not one of"),
        (["create", "x", "--expires", "soon"], '"soon" is not a duration: write 12h, 30d'),
        (["create", "x", "--expires", "0s"], "such a token would open nothing at all"),
        (["create", "a\nb"], "a token's name is a few words in one line"),
        (["revoke", "zzz"], "there is no token zzz"),
        (["revoke", "cw_01M8A4PQXDD1YNCA8DVJNXCXHG_xyz"], "there is no token of that id"),
        (["revoke", "0"], "several tokens have an id that begins with 0"),
        (["revok", "x"], "No such command 'revok'. Did you mean 'revoke'?"),
    ],
)
def test_what_is_wrong_with_tokens(tmp_path: Path, arguments: list[str], error: str) -> None:
    root = project(tmp_path)
    for name in "ab":
        assert checkwire("token", "create", name, cwd=root).status == 0
    result = checkwire("token", *arguments, cwd=root)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("checkwire: error: ")
    assert error in result.err


def test_a_token_that_is_made_opens_a_running_server_and_a_revoked_one_does_not(
    tmp_path: Path,
) -> None:
    with watching(tmp_path, required=True) as watched:
        database = ("--database", f"sqlite:///{watched.server.store.address}")
        token = watched.ask("token", "create", "ci", *database).out.strip()
        assert watched.ask("runs", CHECKWIRE_TOKEN=token).status == 0
        assert watched.ask("token", "revoke", token[3:29], *database).status == 0
        result = watched.ask("runs", CHECKWIRE_TOKEN=token)
        assert result.status == 2
        assert "does not know the token of CHECKWIRE_TOKEN" in result.err


def test_a_secret_is_read_from_standard_input_sealed_and_named(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert checkwire("secret", "set", "API_KEY", cwd=root, given="hunter2\n").status == 0
    watches(root, "test", "other")
    words = ("secret", "set", "PEM", "--project", "other")
    assert checkwire(*words, cwd=root, given="two\nlines\n\n").status == 0
    assert values(root) == {"API_KEY": "hunter2"}
    assert values(root, "other") == {"PEM": "two\nlines\n"}
    data = root / ".checkwire"
    assert stat.S_IMODE((data / "secrets.key").stat().st_mode) == 0o600
    assert b"hunter2" not in b"".join(file.read_bytes() for file in data.iterdir())
    listed = checkwire("secret", "list", cwd=root)
    assert "API_KEY" in listed.out
    assert "PEM" not in listed.out
    document = json.loads(checkwire("secret", "list", "--json", cwd=root).out)
    assert [secret["name"] for secret in document["secrets"]] == ["API_KEY"]
    assert "hunter2" not in listed.out + json.dumps(document)


def test_outside_of_a_project_a_secret_is_of_the_one_that_the_server_watches(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = ("--data", str(tmp_path / ".checkwire"))
    watches(tmp_path, "gone", "shop")
    watches(tmp_path, "shop")
    result = checkwire("secret", "set", "A", *place, cwd=elsewhere, given="x")
    assert (result.status, result.err) == (0, "A of shop is set.\n")
    assert values(tmp_path, "shop") == {"A": "x"}
    watches(tmp_path, "shop", "bank")
    for words in (["set", "B"], ["list"], ["rm", "A"]):
        result = checkwire("secret", *words, *place, cwd=elsewhere, given="x")
        assert (result.status, result.out) == (2, "")
        assert "the server watches several (bank, shop): name one with --project" in result.err
    assert " A " in checkwire("secret", "list", "--project", "shop", *place, cwd=elsewhere).out


def test_a_project_that_nobody_knows_has_no_secrets(tmp_path: Path) -> None:
    root = project(tmp_path)
    result = checkwire("secret", "set", "A", "--project", "shop", cwd=root, given="x")
    assert (result.status, result.out) == (2, "")
    assert 'no project "shop" is known here: run this in its folder' in result.err
    assert not (root / ".checkwire").exists()
    named = ("--project", "test")  # before the server has started first
    assert checkwire("secret", "set", "A", *named, cwd=root, given="x").status == 0
    watches(root, "shop")
    assert checkwire("secret", "set", "B", cwd=root, given="x").err == "B of test is set.\n"
    for words in (["set", "B"], ["list"], ["rm", "A"]):
        result = checkwire("secret", *words, "--project", "shpo", cwd=root, given="x")
        assert (result.status, result.out) == (2, "")
        assert 'no project "shpo" is known here; did you mean "shop"?' in result.err


def test_a_secret_is_asked_for_unseen(tmp_path: Path) -> None:
    root = project(tmp_path)
    result = type_in(
        "secret", "set", "API_KEY", prompt="Value of API_KEY: ", answer="hunter2", cwd=root
    )
    assert result.status == 0, result.out
    assert "hunter2" not in result.out
    assert values(root) == {"API_KEY": "hunter2"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_in_a_folder_is_its_owners(tmp_path: Path) -> None:
    root = project(tmp_path)
    os.chown(root, 4321, 1234)
    assert checkwire("secret", "set", "A", cwd=root, given="x").status == 0
    data = root / ".checkwire"
    with sqlite3.connect(data / "checkwire.db") as held:  # so that the log stays
        held.execute("SELECT count(*) FROM secrets")
        assert checkwire("token", "create", "ci", cwd=root).status == 0
        with Claim(data / "checkwire.db"):
            made = {file.name: file.stat() for file in (data, *data.iterdir())}
    assert {"secrets.key", "checkwire.db", "checkwire.db-wal", ".gitignore"} < made.keys()
    assert {(status.st_uid, status.st_gid) for status in made.values()} == {(4321, 1234)}


def test_secrets_are_removed_all_or_none(tmp_path: Path) -> None:
    root = project(tmp_path)
    checkwire("secret", "set", "A", cwd=root, given="x")
    result = checkwire("secret", "rm", "A", "B", cwd=root)
    assert (result.status, result.out) == (2, "")
    assert "test has no secret B here: checkwire secret list names them" in result.err
    assert values(root) == {"A": "x"}
    assert checkwire("secret", "rm", "A", cwd=root).status == 0
    assert values(root) == {}


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("A", b"", "no value was given for A"),
        ("A", b"\n", "no value was given for A"),
        ("A", b"\xff", "the value of A is not UTF-8 text"),
        ("A", b"a\0b", "the value of A holds a NUL character"),
        ("A", b"x" * 70_000, "the value of A is too large"),
        ("KEY=hunter2", b"x", "a secret's name is a letter"),
    ],
)
def test_what_cannot_be_a_secret(tmp_path: Path, name: str, text: bytes, error: str) -> None:
    result = checkwire("secret", "set", name, cwd=project(tmp_path), given=text)
    assert (result.status, result.out) == (2, "")
    assert error in result.err
    assert "hunter2" not in result.err
    assert not (tmp_path / ".checkwire").exists()


def test_a_backup_is_made_while_the_server_writes(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        database = ("--database", f"sqlite:///{watched.server.store.address}")
        target = tmp_path / "backup.db"
        document = watched.told("db", "backup", str(target), *database)
        assert document == {"file": str(target), "size": target.stat().st_size}
        watched.store("feed", watched.runs["private-fills"], 9000 * SECOND_NS)
        with sqlite3.connect(target) as copy:
            (count,) = copy.execute("SELECT count(*) FROM runs").fetchone()
        assert count == len(watched.runs)
        again = watched.ask("db", "backup", str(target), *database)
        assert (again.status, again.out) == (2, "")
        assert f"{target} is there already" in again.err
        # And the copy is one that works.
        assert watched.told("db", "check", "--database", f"sqlite:///{target}")["problems"] == []
        assert watched.ask("db", "check", *database).out.split()[-2:] == ["is", "whole"]


def test_a_damaged_database_is_told_with_status_1(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert checkwire("token", "create", "x", cwd=root).status == 0
    with sqlite3.connect(root / ".checkwire" / "checkwire.db") as database:
        database.execute(
            "INSERT INTO incidents (id, check_id, opened_ns, opened_by, began_ns, closed_ns)"
            " VALUES ('x', 1, 9, 'r', 1, 5)"
        )
    result = checkwire("db", "check", cwd=root)
    assert result.status == 1
    assert result.out.startswith("  ✕ ")
    assert json.loads(checkwire("db", "check", "--json", cwd=root).out)["problems"] != []


def test_what_is_too_old_is_removed(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        database = ("--database", f"sqlite:///{watched.server.store.address}")
        told = watched.ask("db", "prune", *database).out
        assert "nothing to remove: runs go by whole days (UTC) that are rolled up" in told
        day = 86_400 * SECOND_NS
        watched.store("feed", watched.runs["ticker-subscribe"], 31 * day)
        assert watched.told("db", "prune", *database)["pruned"]["transcripts"] == 1


@pytest.mark.parametrize(
    ("command", "level", "age"),
    [
        (["db", "prune"], "runs", "1m"),
        (["db", "prune"], "passed-transcripts", "23h"),
        (["serve"], "incidents", "0s"),
    ],
)
def test_nothing_is_kept_for_less_than_a_day(
    tmp_path: Path, command: list[str], level: str, age: str
) -> None:
    result = checkwire(*command, "--keep", f"{level}={age}", cwd=project(tmp_path))
    assert (result.status, result.out) == (2, "")
    assert f"{level}: {age} is too short" in result.err
    assert "write 1d or more" in result.err


def test_an_age_that_is_none_is_told_with_one_that_is(tmp_path: Path) -> None:
    result = checkwire("db", "prune", "--keep", "runs=abc", cwd=project(tmp_path))
    assert (result.status, result.out) == (2, "")
    assert 'runs: "abc" is no age: write 7d, 90d or 400d' in result.err


def test_migrating_says_from_where_to_where(tmp_path: Path) -> None:
    root = project(tmp_path)
    missing = checkwire("db", "migrate", cwd=root)
    assert missing.status == 2
    assert "there is no database" in missing.err
    checkwire("token", "create", "x", cwd=root)
    current = checkwire("db", "migrate", cwd=root)
    assert re.search(r"checkwire\.db is up to date, at revision \d+\.$", current.out.strip())
    with sqlite3.connect(root / ".checkwire" / "checkwire.db") as database:
        database.execute("UPDATE checkwire_schema SET version_num = '9999'")
    newer = checkwire("db", "migrate", cwd=root)
    assert (newer.status, newer.out) == (2, "")
    assert "newer version of Checkwire" in newer.err
    doctor = json.loads(checkwire("doctor", "--json", cwd=root).out)
    (found,) = (one for one in doctor["findings"] if one["subject"] == "database")
    assert found["state"] == "bad"
    assert "revision 9999" in found["fact"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "list"],
        ["token", "revoke", "x"],
        ["secret", "list"],
        ["secret", "rm", "x"],
        ["db", "backup", "b.db"],
        ["db", "check"],
        ["db", "prune"],
        ["db", "migrate"],
    ],
)
def test_where_there_is_no_database_none_is_made(tmp_path: Path, arguments: list[str]) -> None:
    result = checkwire(*arguments, cwd=project(tmp_path))
    assert (result.status, result.out) == (2, "")
    assert re.fullmatch(r"checkwire: error: there is no database [^\n]+\n", result.err)
    assert "name the server's folder with --data DIR" in result.err
    assert not (tmp_path / ".checkwire").exists()


@pytest.mark.parametrize("arguments", [["token", "create", "ci"], ["secret", "set", "A"]])
def test_outside_of_a_project_a_database_is_made_only_where_one_was_named(
    tmp_path: Path, arguments: list[str]
) -> None:
    result = checkwire(*arguments, cwd=tmp_path, given="x")
    assert (result.status, result.out) == (2, "")
    assert f"there is no database {tmp_path}/.checkwire/checkwire.db: name the" in result.err
    assert not (tmp_path / ".checkwire").exists()
    made = checkwire(*arguments, cwd=tmp_path, given="x", CHECKWIRE_DATA="data")
    assert made.status == 0, made.err
    assert f"Made the database {tmp_path}/data/checkwire.db" in made.err
    # One that is there needs no project around it.
    (tmp_path / "data").rename(tmp_path / ".checkwire")
    assert checkwire(*arguments, cwd=tmp_path, given="x").status == 0


def test_all_of_it_works_on_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    root = project(tmp_path)
    with postgresql.database() as url:
        place = {"CHECKWIRE_DATABASE": url}
        before = json.loads(checkwire("doctor", "--json", cwd=root, **place).out)["findings"]
        found = {one["subject"]: one for one in before}
        assert found["database"]["fact"].endswith("is reachable, and has no tables of Checkwire")
        token = checkwire("token", "create", "ci", cwd=root, **place)
        assert token.out.startswith("cw_"), token.err
        assert " ci " in checkwire("token", "list", cwd=root, **place).out
        assert checkwire("secret", "set", "A", "--database", url, cwd=root, given="x").status == 0
        assert (root / ".checkwire" / "secrets.key").exists()
        assert not (root / ".checkwire" / "checkwire.db").exists()
        assert " A " in checkwire("secret", "list", cwd=root, **place).out
        assert "is up to date" in checkwire("db", "migrate", cwd=root, **place).out
        assert checkwire("db", "check", cwd=root, **place).status == 0
        assert checkwire("db", "prune", cwd=root, **place).status == 0
        backup = checkwire("db", "backup", "b.db", cwd=root, **place)
        assert (backup.status, backup.out) == (2, "")
        assert "pg_dump" in backup.err
        after = json.loads(checkwire("doctor", "--json", cwd=root, **place).out)["findings"]
        (database,) = (one for one in after if one["subject"] == "database")
        assert database["state"] == "good"


def test_an_unknown_kind_of_database(tmp_path: Path) -> None:
    result = checkwire("token", "create", "x", "--database", "mysql://h/d", cwd=project(tmp_path))
    assert result.status == 2
    assert "mysql:// is no database that Checkwire knows" in result.err
