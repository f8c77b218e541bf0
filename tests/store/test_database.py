"""Opening databases, good and bad, and transactions on them."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from checkwire.store.database import DatabaseError, Store
from checkwire.store.maintenance import check
from checkwire.store.registry import list_checks
from checkwire.store.runs import insert_runs, list_runs
from support.loops import run
from support.postgresql import PostgreSQL
from support.stored import MINUTE, START, WithStore, enter, row


async def opened_and_closed(url: str, **options: float | bool) -> None:
    store = await Store.open(url, **options)  # type: ignore[arg-type]
    await store.close()


def refused(url: str, **options: float | bool) -> str:
    """Why a database cannot be opened: one line."""
    with pytest.raises(DatabaseError) as caught:
        run(opened_and_closed(url, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/d", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://host",
        "postgresql:", "postgresql://", "postgresql://host", "postgresql://host:port/name", "",
    ],
)  # fmt: skip
def test_what_names_no_database_is_refused_with_examples(url: str) -> None:
    assert "sqlite:///path/to/checkwire.db" in refused(url)


@pytest.mark.parametrize(
    "name", ["checkwire.db", "a b%20c?mode=ro#x.db", "ünïcode.db", "deep/er/x.db"]
)
@pytest.mark.parametrize("prefix", ["", "sqlite:///", "sqlite+aiosqlite:///"])
def test_a_file_of_any_name_is_made_for_its_owner_only(
    tmp_path: Path, name: str, prefix: str
) -> None:
    file = tmp_path / name
    run(opened_and_closed(f"{prefix}{file}"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_size > 0
    assert {entry.name for entry in file.parent.iterdir()} == {file.name}


def test_a_relative_path_is_one_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(opened_and_closed("sqlite:///x.db"))
    run(opened_and_closed("y.db"))
    assert {entry.name for entry in tmp_path.iterdir()} == {"x.db", "y.db"}


def test_what_is_to_be_there_is_not_made(tmp_path: Path) -> None:
    assert "checkwire serve" in refused(f"{tmp_path}/x.db", create=False)
    assert not (tmp_path / "x.db").exists()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "is a folder" in refused(str(tmp_path))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(f"{tmp_path}/file/x.db")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_or_folder_of_others_is_told(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    run(opened_and_closed(f"{folder}/x.db"))
    if what == "folder":
        folder.chmod(0o555)
        (folder / "x.db").chmod(0o666)
    else:
        folder.chmod(0o777)
        (folder / "x.db").chmod(0o444)
    try:
        said = _as_nobody(tmp_path, f"{folder}/x.db")
    finally:
        folder.chmod(0o755)
    assert "cannot be written" in said
    assert "give this user the right" in said


def _as_nobody(tmp_path: Path, path: str) -> str:
    """What is said to another user, if this one may do all."""
    parents = [folder for folder in tmp_path.parents if len(folder.parts) > 2]
    modes = {folder: folder.stat().st_mode for folder in (tmp_path, *parents)}
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                for folder in modes:
                    folder.chmod(0o755)
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            os.write(write, refused(path).encode())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        said = told.read()
    os.waitpid(child, 0)
    for folder, mode in modes.items():
        folder.chmod(stat.S_IMODE(mode))
    return said


@pytest.mark.parametrize("damage", ["text", "header", "pages", "zeros"])
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "x.db"
    run(opened_and_closed(str(file)))
    content = bytearray(file.read_bytes())
    match damage:
        case "text":
            content = bytearray(b"Dear diary, " * 500)
        case "header":
            content[:16] = b"SQLite format 9\0"
        case "pages":
            content[100:] = os.urandom(len(content) - 100)
        case "zeros":
            content = bytearray(len(content))
    file.write_bytes(content)
    said = refused(str(file))
    assert "damaged" in said
    assert "backup" in said
    assert file.read_bytes() == content


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    run(opened_and_closed(f"{tmp_path}/x.db"))


def test_another_program_s_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    assert "another program's (it has the tables bookmarks)" in refused(str(file))
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_another_program_s_database_is_left_alone(postgresql: PostgreSQL) -> None:
    with postgresql.database() as url:
        PostgreSQL(url).execute("CREATE TABLE checks (id int)")
        said = refused(url)
        assert "(it has the tables checks)" in said
        PostgreSQL(url).execute("DROP TABLE checks")
        PostgreSQL(url).execute("CREATE TABLE bookmarks (id int)")
        run(opened_and_closed(url))


def test_a_database_of_a_newer_version_is_refused(database: str) -> None:
    async def work() -> None:
        store = await Store.open(database)
        async with store.writing() as tx:
            await tx.execute(text("UPDATE checkwire_schema SET version_num = '0999'"))
        await store.close()

    run(work())
    said = refused(database)
    assert "newer version" in said
    assert "0999" in said


@contextmanager
def held(file: Path) -> Iterator[None]:
    """The database is locked by another process."""
    code = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            other.communicate()


def test_a_database_that_another_process_holds_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.db"

    async def work() -> None:
        store = await Store.open(str(file), patience=0.05)
        try:
            with held(file):
                with pytest.raises(DatabaseError, match="locked by another process") as caught:
                    async with store.writing() as tx:
                        await enter(tx, "a")
                assert caught.value.passing
                async with store.reading() as tx:  # To read is possible all the time.
                    assert await list_checks(tx) == []
            async with store.writing() as tx:
                await enter(tx, "a")
        finally:
            await store.close()

    run(opened_and_closed(str(file)))
    with held(file):
        assert "locked by another process" in refused(str(file), patience=0.05)
    run(work())


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    said = refused("postgresql://ann:hunter2@127.0.0.1:1/x")
    assert "cannot reach the database postgresql://ann:***@127.0.0.1:1/x" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg", "postgresql"])
def test_a_database_that_the_server_has_not_is_told(postgresql: PostgreSQL, scheme: str) -> None:
    url = scheme + postgresql.url_of("nobody").removeprefix("postgresql")
    assert "createdb" in refused(url)


def test_a_role_that_the_server_has_not_is_told(postgresql: PostgreSQL) -> None:
    said = refused(postgresql.url.replace("postgres:", "eve:hunter2"))
    assert "does not accept this user" in said
    assert "hunter2" not in said


def test_a_server_that_ends_connections_is_served_again(postgresql: PostgreSQL) -> None:
    async def work(url: str) -> None:
        store = await Store.open(url)
        try:
            with pytest.raises(DatabaseError) as caught:
                await interrupted(store, url)
            assert caught.value.passing
            async with store.writing() as tx:
                assert await list_checks(tx) == []
                await enter(tx, "c")
        finally:
            await store.close()

    async def interrupted(store: Store, url: str) -> None:
        async with store.writing() as tx:
            await enter(tx, "a")
            PostgreSQL(url).execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            await enter(tx, "b")

    with postgresql.database() as url:
        run(work(url))


def test_a_full_disk_is_told_and_nothing_is_half_written(sqlite_url: str) -> None:
    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            async with store.writing() as tx:
                (check_id,) = await enter(tx, "a")
                pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
                await tx.execute(text(f"PRAGMA max_page_count={pages + 8}"))
            many = [row(check_id, START + n * MINUTE) for n in range(2000)]
            with pytest.raises(DatabaseError, match="no room left") as caught:
                async with store.writing() as tx:
                    await insert_runs(tx, [(record, None) for record in many], START)
            assert caught.value.passing
            async with store.writing() as tx:
                assert await list_runs(tx) == []
                await tx.execute(text("PRAGMA max_page_count=1000000"))
                assert (
                    len(await insert_runs(tx, [(record, None) for record in many], START)) == 2000
                )
        finally:
            await store.close()

    run(work())


def test_a_file_that_vanishes_is_told_and_found_again(tmp_path: Path, sqlite_url: str) -> None:
    file, away = tmp_path / "checkwire.db", tmp_path / "away.db"

    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            async with store.writing() as tx:
                await enter(tx, "a")
            file.rename(away)
            for _ in range(2):
                for transaction in (store.writing, store.reading):
                    with pytest.raises(DatabaseError, match="is gone") as caught:
                        async with transaction() as tx:
                            await list_checks(tx)
                    assert caught.value.passing
            assert not file.exists(), "nothing is made in its place"
            away.rename(file)
            async with store.reading() as tx:
                assert [entry.definition.name for entry in await list_checks(tx)] == ["a"]
        finally:
            await store.close()

    run(work())


def test_a_file_that_is_replaced_is_opened_anew(tmp_path: Path, sqlite_url: str) -> None:
    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            async with store.writing() as tx:
                await enter(tx, "a")
            (tmp_path / "empty").touch()
            (tmp_path / "empty").replace(tmp_path / "checkwire.db")
            async with store.reading() as tx:
                assert await list_checks(tx) == []
            async with store.writing() as tx:
                await enter(tx, "b")
            async with store.reading() as tx:
                assert [entry.definition.name for entry in await list_checks(tx)] == ["b"]
        finally:
            await store.close()

    run(work())


def test_a_reader_sees_one_point_in_time_and_holds_nobody_up(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.reading() as reader:
            assert await list_checks(reader) == []
            async with store.writing() as tx:
                await enter(tx, "a")
            async with store.reading() as another:
                assert len(await list_checks(another)) == 1
            assert await list_checks(reader) == []

    with_store(work)


def test_a_reader_cannot_write(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        with pytest.raises(DatabaseError, match=r"written|writes"):
            async with store.reading() as tx:
                await enter(tx, "a")
        async with store.reading() as tx:
            assert await store.healthy(tx)

    with_store(work)


def test_many_write_and_all_of_it_is_there(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        async with store.writing() as tx:
            checks = await enter(tx, "a", "b")

        async def write(number: int) -> None:
            async with store.writing() as tx:
                batch = [row(check_id, START + number // 2 * MINUTE) for check_id in checks]
                await insert_runs(tx, [(record, None) for record in batch], START)

        async with asyncio.TaskGroup() as tasks:
            for number in range(40):
                tasks.create_task(write(number))
        async with store.reading() as tx:
            assert len(await list_runs(tx, limit=1000)) == 40
        assert await check(store) == []

    with_store(work)


def test_a_transaction_that_is_cancelled_is_undone(with_store: WithStore) -> None:
    async def work(store: Store) -> None:
        begun = asyncio.Event()

        async def endless() -> None:
            async with store.writing() as tx:
                await enter(tx, "a")
                begun.set()
                while True:
                    await list_checks(tx)

        task = asyncio.create_task(endless())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with store.writing() as tx:
            assert await list_checks(tx) == []

    with_store(work)


_WRITER = """
import asyncio, sys
from checkwire.store.database import Store
from checkwire.store.runs import insert_runs
from support.stored import MINUTE, START, defined, enter, ran, row

async def write():
    store = await Store.open(sys.argv[1])
    async with store.writing() as tx:
        (check,) = await enter(tx, "a")
    number = 0
    while True:
        batch = [row(check, START + (number + n) * MINUTE) for n in range(20)]
        async with store.writing() as tx:
            await insert_runs(tx, [(record, ran(defined("a"))) for record in batch], START)
        number += 20
        print(number, flush=True)

asyncio.run(write())
"""


def test_what_was_acknowledged_survives_a_kill(sqlite_url: str) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    acknowledged = 0
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, sqlite_url], stdout=subprocess.PIPE, env=environ
    ) as writer:
        assert writer.stdout is not None
        for _ in range(7):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        # What it told while it was being killed counts, too.
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])

    async def work() -> None:
        store = await Store.open(sqlite_url)
        try:
            assert await check(store) == []
            async with store.reading() as tx:
                there = await list_runs(tx, limit=100_000)
            assert len(there) >= acknowledged
            assert len(there) % 20 == 0
        finally:
            await store.close()

    run(work())
