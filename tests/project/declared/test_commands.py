"""Declared checks on the command line: found, selected, and ejected like no script could be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.program import checkwire

ORDERS = """\
[[check]]
name = "Order updates"
url = "wss://${host}/"
tags = ["orders"]
cases = { eu = { host = "eu" }, us = { host = "us" } }

[[check]]
id = "the-login"
name = "Log in"
url = "wss://x/"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checkwire.toml").write_text(
        '[project]\nexclude = ["old/**"]\n[[check]]\nname = "In the settings"\nurl = "wss://x"\n'
    )
    for name in ("orders", "deep/er/same", "old/older"):
        file = tmp_path / f"{name}.check.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ORDERS.replace("the-login", f"{file.stem[:-6]}-login"))
    return tmp_path


def listed(folder: Path, *arguments: str) -> list[str]:
    result = checkwire("test", "--list", *arguments, cwd=folder)
    assert result.status == 0, result.err
    return [line.partition("  #")[0] for line in result.out.splitlines()]


ALL = [
    "checkwire.toml::in_the_settings",
    "deep/er/same.check.toml::order_updates[eu]",
    "deep/er/same.check.toml::order_updates[us]",
    "same-login",
    "orders.check.toml::order_updates[eu]",
    "orders.check.toml::order_updates[us]",
    "orders-login",
]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], ALL),
        (["checkwire.toml"], ALL[:1]),
        (["checkwire.toml::in_the_settings"], ALL[:1]),
        (["deep"], ALL[1:4]),
        (["old/older.check.toml"], ["old/older.check.toml::order_updates[eu]",
                                    "old/older.check.toml::order_updates[us]", "older-login"]),
        (["orders.check.toml::order_updates"], ALL[4:6]),
        (["orders.check.toml::order_updates[us]"], ALL[5:6]),
        (["orders.check.toml::orders-login"], ALL[6:]),
        (["--tag", "orders"], [*ALL[1:3], *ALL[4:6]]),
        (["-k", "log in"], [ALL[3], ALL[6]]),
    ],
)  # fmt: skip
def test_they_are_selected_as_scripts_are(
    folder: Path, arguments: list[str], found: list[str]
) -> None:
    assert listed(folder, *arguments) == found


def test_pyproject_may_have_them(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "other"\n[[tool.checkwire.check]]\nname = "a"\nurl = "wss://x"\n'
    )
    assert listed(tmp_path) == ["pyproject.toml::a"]
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "other"\n[[tool.checkwire.check]]\nname = "a"\nurll = "wss://x"\n'
    )
    result = checkwire("test", "--list", cwd=tmp_path)
    assert "pyproject.toml:5:1: unknown key" in result.err


def test_a_file_without_checks_is_told(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text('[project]\nid = "x"\n')
    result = checkwire("test", "checkwire.toml", cwd=tmp_path)
    assert result.status == 2
    assert "checkwire.toml declares no check: write [[check]]" in result.err


def test_two_of_one_name_are_told(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").touch()
    (tmp_path / "a.check.toml").write_text('[[check]]\nname = "a"\nurl = "wss://x"\n' * 2)
    for command in (["test", "--list"], ["eject", "a.check.toml"]):
        result = checkwire(*command, cwd=tmp_path)
        assert result.status == 2
        assert "a.check.toml:5" in result.err
        assert "name: the check on line 1 has this name, too" in result.err


def test_two_of_one_id_in_different_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").touch()
    for name in ("a", "b"):
        text = '[[check]]\nname = "a"\nid = "a"\nurl = "wss://x"\n'
        (tmp_path / f"{name}.check.toml").write_text(text)
    result = checkwire("test", cwd=tmp_path)
    assert result.status == 2
    assert "a.check.toml:1 and b.check.toml:1" in result.out
    assert 'Rename one of the checks, or give it an id of its own: id = "..."' in result.out


def test_one_name_in_several_files_is_several_checks(tmp_path: Path) -> None:
    text = '[[check]]\nname = "Echo"\nurl = "wss://x"\n'
    (tmp_path / "deep").mkdir()
    for name in ("checkwire.toml", "x.check.toml", "deep/x.check.toml"):
        (tmp_path / name).write_text(text)
    ids = ["checkwire.toml::echo", "deep/x.check.toml::echo", "x.check.toml::echo"]
    assert listed(tmp_path) == ids
    assert listed(tmp_path, "x.check.toml") == ids[2:]
    assert listed(tmp_path / "deep") == ids, "the project is one, wherever one stands"
    assert listed(tmp_path / "deep", "x.check.toml") == ids[1:2]
    for id_ in ids:
        assert f'@check(id="{id_}", name="Echo")' in checkwire("eject", id_, cwd=tmp_path).out
    result = checkwire("eject", "Echo", cwd=tmp_path)
    assert result.status == 2
    assert f'several checks are called "Echo": write {" or ".join(ids)}' in result.err


@pytest.mark.parametrize(
    ("what", "functions"),
    [
        ("orders.check.toml", ["order_updates", "log_in"]),
        ("orders.check.toml::order_updates", ["order_updates"]),
        ("orders.check.toml::order_updates[eu]", ["order_updates"]),
        ("orders.check.toml::Log in", ["log_in"]),
        ("orders-login", ["log_in"]),
        ("In the settings", ["in_the_settings"]),
        ("checkwire.toml", ["in_the_settings"]),
    ],
)
def test_eject_takes_any_name_of_a_check(folder: Path, what: str, functions: list[str]) -> None:
    result = checkwire("eject", what, cwd=folder)
    assert result.status == 0, result.err
    compile(result.out, "script", "exec")
    lines = result.out.splitlines()
    assert [
        line.split()[2].partition("(")[0] for line in lines if line.startswith("async def")
    ] == (functions)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("Order updates", 'several checks are called "Order updates": write deep/er/same.check.to'),
        ("Log inn", 'there is no declared check "Log inn"; did you mean "Log in"?'),
        ("orders.check.toml::orderupdates", 'orders.check.toml has no declared check "orderup'),
        ("script_check.py", "script_check.py is no file of declared checks: name a *.check.toml"),
        ("deep", "deep is no file of declared checks: name a *.check.toml"),
        ("broken.check.toml", 'broken.check.toml:1: a check has no "name"'),
        ("broken2.check.toml", "broken2.check.toml:3: ${tokn}: there is no such variable"),
    ],
)  # fmt: skip
def test_eject_says_what_it_cannot(folder: Path, what: str, message: str) -> None:
    (folder / "script_check.py").write_text("")
    if what.startswith("broken"):
        text = '[[check]]\nnam = "x"\nurl = "wss://x"\n'
        if "2" in what:
            text = '[[check]]\nname = "x"\nurl = "wss://${tokn}"\n'
        (folder / what).write_text(text)
    result = checkwire("eject", what, cwd=folder)
    assert result.status == 2
    assert result.err.startswith(f"checkwire: error: {message}"), result.err


def test_functions_of_a_script_have_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").touch()
    text = "".join(
        f'[[check]]\nname = "{name}"\nid = "{id_}"\nurl = "wss://{id_}"\n'
        for name, id_ in [("Log in", "a"), ("log in", "b"), ("Log in 2", "c"), ("log_in", "d")]
    )
    (tmp_path / "some.check.toml").write_text(text)
    script = checkwire("eject", "some.check.toml", cwd=tmp_path).out
    functions = re.findall(r'@check\(id="(.)".*\)\nasync def (\w+)', script)
    assert functions == [("a", "log_in"), ("b", "log_in_2"), ("c", "log_in_2_2"), ("d", "log_in_3")]


def test_eject_overwrites_nothing(folder: Path) -> None:
    result = checkwire("eject", "orders-login", "-o", "login_check.py", cwd=folder)
    assert (result.status, (folder / "login_check.py").exists()) == (0, True)
    assert "remove the [[check]] from orders.check.toml" in result.out
    written = (folder / "login_check.py").read_text()
    result = checkwire("eject", "Log in", "-o", "login_check.py", cwd=folder)
    assert result.status == 2
    assert (folder / "login_check.py").read_text() == written


@pytest.mark.parametrize(
    ("settings", "table", "isolation"),
    [
        ("", "", "shared"),
        ('[defaults]\nisolation = "process"\n', "", "process"),
        ('[defaults]\nisolation = "process"\n', 'isolation = "sandbox"\n', "sandbox"),
    ],
)
def test_they_share_a_process_unless_it_is_said_otherwise(
    load: Callable[..., Any], settings: str, table: str, isolation: str
) -> None:
    loaded = load('[[check]]\nname = "Some"\nurl = "wss://x/"\n' + table, settings=settings)
    assert isinstance(loaded, list)
    assert [check.definition.isolation for check in loaded] == [isolation]
