"""The values of secrets; and of those that have none, where they would come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkwire.project.config import load_project
from checkwire.project.secrets import Secrets, read_secrets
from support.checks import run_all, run_one, write_check

SETTINGS = """
[secrets]
API_KEY = { env = "ORDERS_API_KEY" }
TOKEN = { file = "secrets/token" }
"""
WRITE = "write the secret there, and nothing else"


def secrets(root: Path, settings: str = SETTINGS, **env: str) -> Secrets:
    (root / "checkwire.toml").write_text(settings.lstrip("\n"))
    return read_secrets(load_project(root), env)


def test_values_come_from_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/token").write_text(" t0ken\n")
    assert secrets(tmp_path, ORDERS_API_KEY="k3y") == ({"API_KEY": "k3y", "TOKEN": " t0ken"}, {})


def test_what_is_absent_names_its_declaration_its_source_and_what_to_do(tmp_path: Path) -> None:
    values, absent = secrets(tmp_path)
    assert values == {}
    assert {name: str(why) for name, why in absent.items()} == {
        "API_KEY": "checkwire.toml:2 takes API_KEY from the variable ORDERS_API_KEY, which is not "
        "set: set it with export ORDERS_API_KEY=... or --env ORDERS_API_KEY=...",
        "TOKEN": "checkwire.toml:3 takes TOKEN from the file secrets/token, which does not exist: "
        f"{WRITE}",
    }
    served = read_secrets(load_project(tmp_path), {}, served=True).absent
    assert {name: why.advice for name, why in served.items()} == {
        "API_KEY": "set it with checkwire secret set API_KEY, or start the server with "
        "ORDERS_API_KEY=... in its environment",
        "TOKEN": f"set it with checkwire secret set TOKEN, or {WRITE}",
    }
    assert "which is empty: set it" in str(secrets(tmp_path, ORDERS_API_KEY="").absent["API_KEY"])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_text("\n"), f"is empty: {WRITE}"),
        (lambda path: path.write_bytes(b"\xff"), f"is not UTF-8 text: {WRITE}"),
        (lambda path: path.mkdir(), "is no file: name a file that holds the secret"),
        (lambda path: path.parent.rename(path.parent.parent / "x"), f"does not exist: {WRITE}"),
        pytest.param(
            lambda path: path.touch(0),
            "cannot be read (Permission denied): make it readable",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything"),
        ),
    ],
)
def test_a_file_that_gives_no_value_is_told_and_keeps_no_other_secret_away(
    make: object, why: str, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    make(tmp_path / "secrets/token")  # type: ignore[operator]
    values, absent = secrets(tmp_path, ORDERS_API_KEY="k3y")
    assert values == {"API_KEY": "k3y"}
    assert f"from the file secrets/token, which {why}" in str(absent["TOKEN"])


def test_a_file_outside_of_the_project_is_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    settings = f'[secrets]\nTOKEN = {{ file = "{tmp_path}/token" }}\n'
    assert f"from the file {tmp_path}/token, which" in str(
        secrets(tmp_path / "project", settings).absent["TOKEN"]
    )


def test_lines_are_those_of_pyproject_where_the_settings_are_there(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.ruff]\n[tool.checkwire.secrets]\nKEY = { env = "K" }\n'
    )
    absent = read_secrets(load_project(tmp_path), {}).absent
    assert str(absent["KEY"]).startswith("pyproject.toml:3 takes KEY from the variable K, which")


@pytest.mark.parametrize("read", ["secret('API_KEY')", "env['API_KEY']"])
def test_the_check_that_reads_it_fails_with_that_as_its_hint(tmp_path: Path, read: str) -> None:
    absent = secrets(tmp_path).absent
    source = f"from checkwire import env, secret\n\n@check\ndef reads():\n    {read}\n"
    failure = run_one(tmp_path, source, env=dict(os.environ), absent=absent).failure
    assert failure is not None
    assert (failure.code, failure.message) == (
        "check.secret_missing",
        "The secret API_KEY is not set",
    )
    assert failure.hint == str(absent["API_KEY"])
    assert failure.location is not None
    assert failure.location.text == read


def test_a_check_that_needs_it_is_skipped_and_says_where_it_would_come_from(tmp_path: Path) -> None:
    absent = secrets(tmp_path).absent
    write_check(tmp_path, "@check(needs=['API_KEY', 'OTHER'])\ndef needs_it(): ...\n")
    (run,) = run_all(tmp_path, absent=absent).values()
    assert run.skipped == ("it needs API_KEY (variable ORDERS_API_KEY), OTHER, which are not set")
