"""What keeps ``checkwire serve`` from starting: one clear line, exit status 2, nothing harmed."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from support.program import Result, checkwire, project
from support.serve import Server

Checks = Callable[..., Path]


def refused(folder: Path, *arguments: str) -> str:
    """The line with which it refuses to start."""
    result: Result = checkwire("serve", *arguments, cwd=folder)
    assert result.status == 2, result
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("checkwire: error: ")
    return line.removeprefix("checkwire: error: ")


def test_a_port_in_use(checks: Checks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(checks(), "--port", str(port))
    assert line == (
        f"127.0.0.1:{port} is in use: stop what uses it, or take another port with --port"
    )


def test_the_port_of_a_service(checks: Checks) -> None:
    folder = checks()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (folder / "checkwire.toml").open("a") as settings:
            settings.write(
                f'[[service]]\nname = "echo"\ncommand = "true"\nready = "tcp://127.0.0.1:{port}"\n'
            )
        named = f'port {port} is that of the [[service]] "echo" of test'
        line = refused(folder, "--port", str(port))
        assert line == f"{named}: take another one with --port"
        line = refused(folder, "--port", str(port), "--no-services")
        assert line.startswith(f"127.0.0.1:{port} is in use: ")
        assert line.endswith(f"({named})")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
        ("no.such.host.invalid", "--host no.such.host.invalid: "),
    ],
)
def test_a_host_that_is_not_here(checks: Checks, host: str, why: str) -> None:
    assert refused(checks(), "--host", host, "--port", "0").startswith(why)


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--patience", "-1", "-1 is not from 0 to 3600"),
        ("--patience", "nan", "nan is not from 0 to 3600"),
        ("--url", "monitor.example.org", "http"),
        ("--url", "ftp://monitor.example.org", "http"),
        ("--allow-host", "https://monitor.example.org", "is not a host's name"),
        ("--keep", "runs=soon", "is no age"),
        ("--keep", "everything=1d", "is not LEVEL=AGE with one of passed-transcripts, "),
        ("--keep", "hours=2d", "hours are computed from runs"),
    ],
)
def test_an_option_that_makes_no_sense(checks: Checks, option: str, value: str, why: str) -> None:
    result = checkwire("serve", "--port", "0", option, value, cwd=checks())
    assert (result.status, result.out) == (2, "")
    line, advice = result.err.splitlines()
    assert line.startswith("checkwire: error: Invalid value for ")
    assert option in line
    assert why in line
    assert advice == "Try: checkwire serve --help"


def test_a_folder_that_is_not_there(checks: Checks) -> None:
    folder = checks() / "none"
    assert refused(folder.parent, "none", "--port", "0") == "there is no folder none"


def test_a_data_folder_that_cannot_be_one(checks: Checks, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    line = refused(checks(), "--port", "0", "--data", str(file / "data"))
    assert line == (
        f"the folder {file / 'data'} cannot be made (Not a directory): name another one with --data"
    )


def test_a_data_folder_that_another_server_uses(checks: Checks) -> None:
    folder = checks()
    with Server(folder) as server:
        line = refused(folder, "--port", "0", "--data", str(server.data))
        assert line.startswith(f"another server (process {server.pid}) uses {server.data}")


def test_a_database_that_is_none(checks: Checks, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "checkwire.db").write_bytes(b"this is no database\n" * 100)
    line = refused(checks(), "--port", "0", "--data", str(data))
    assert str(data / "checkwire.db") in line
    assert (data / "checkwire.db").read_bytes().startswith(b"this is no database")


def test_a_database_of_a_newer_version(checks: Checks) -> None:
    folder = checks()
    with Server(folder) as server:
        data = server.data
    with sqlite3.connect(data / "checkwire.db") as database:
        database.execute("UPDATE checkwire_schema SET version_num = '9999'")
    database.close()
    line = refused(folder, "--port", "0", "--data", str(data))
    assert "newer" in line


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite:///a/no.db", "redis://host/0"])
def test_a_database_url_that_cannot_be_used(checks: Checks, url: str) -> None:
    folder = checks()
    (folder / "a").write_text("")
    assert refused(folder, "--port", "0", "--database", url)


def test_a_key_to_the_secrets_that_is_missing(checks: Checks) -> None:
    folder = checks()
    assert checkwire("secret", "set", "KEY", cwd=folder, given="x").status == 0
    key = folder / ".checkwire" / "secrets.key"
    kept = key.read_text()
    key.unlink()
    line = refused(folder, "--port", "0")
    assert line.startswith(f"the file with the key to the secrets is missing: {key}. With it was ")
    assert "the secret KEY of test: put that file back" in line
    assert not key.exists()
    key.write_text(kept)
    with Server(folder):
        pass


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://", "the URL names no database: write sqlite:///path"),
        ("host.example/checkwire", "host.example/checkwire looks like that of a server without "),
        ("localhost:5432/checkwire", "looks like that of a server without postgresql:// before"),
        ("me:secret@db/checkwire", "The address looks like that of a server without postgresql://"),
    ],
)
def test_a_database_that_is_a_server_s_without_its_scheme(
    checks: Checks, url: str, why: str
) -> None:
    folder = checks()
    before = set(folder.rglob("*"))
    line = refused(folder, "--port", "0", "--database", url)
    assert why in line
    assert "secret" not in line
    assert set(folder.rglob("*")) == before


def test_a_start_that_fails_leaves_nothing_behind(checks: Checks) -> None:
    folder = checks(some="x = 1\n")
    before = set(folder.rglob("*"))
    for database in ((), ("--database", "sqlite:///new/deep/x.db")):
        assert "there is no check file" in refused(folder, "--port", "0", *database)
        assert set(folder.rglob("*")) == before
    (folder / ".checkwire").mkdir()
    refused(folder, "--port", "0")
    assert (folder / ".checkwire").exists()
    assert not (folder / ".checkwire" / "checkwire.db").exists()
    made = checkwire("token", "create", "me", cwd=folder)
    assert made.status == 0
    refused(folder, "--port", "0")
    assert "me" in checkwire("token", "list", cwd=folder).out


def test_a_new_database_is_told_and_stays(checks: Checks) -> None:
    folder = checks()
    file = folder / "new" / "foo"
    with Server(folder, database=f"sqlite:///{file}") as server:
        told = f"Made the database {file}"
        assert server.logged(told)
        assert server.stop() == 0
        server.start()
        assert len(server.logged(told)) == 1
    assert file.exists()


def test_two_projects_of_one_id(checks: Checks) -> None:
    one, other = checks("one"), checks("other")
    line = refused(one, str(one), str(other), "--port", "0")
    assert line.startswith(f'{one} and {other} both have the id "test"')


def test_no_project_at_all(tmp_path: Path) -> None:
    assert "there is no check file" in refused(tmp_path, "--port", "0")


def test_a_cron_that_is_none(checks: Checks) -> None:
    folder = checks(
        one_check='from checkwire import check\n@check(cron="61 * * * *")\ndef one():\n    pass\n',
        two_check="from checkwire import check\n@check\ndef two():\n    assert True\n",
    )
    with Server(folder) as server:
        (line,) = [x for x in server.messages if x["level"] == "error"]
        assert line["at"] == "one_check.py:2"
        assert "61" in line["message"]
        assert server.run(server.trigger("two"))["status"] == "passed"


def test_settings_with_a_mistake(tmp_path: Path) -> None:
    project(tmp_path, one_check="")
    (tmp_path / "checkwire.toml").write_text('[project]\nid = "x"\nnonsense = 1\n')
    assert 'checkwire.toml:3: unknown key "nonsense"' in refused(tmp_path, "--port", "0")
