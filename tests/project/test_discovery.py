"""From what a user names to files and picks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from checkwire.model.errors import UsageError
from checkwire.project.config import load_project
from checkwire.project.discovery import Pick, discover, find_project

FILES = (
    "orders_check.py",
    "checks/check_login.py",
    "checks/eu/trades_check.py",
    "checks/helpers.py",
    "checks/orders_check.txt",
    ".hidden/a_check.py",
    ".venv/lib/a_check.py",
    "env/pyvenv.cfg",
    "env/lib/a_check.py",
    "node_modules/x/a_check.py",
    "checks/__pycache__/a_check.py",
    "inner/checkwire.toml",
    "inner/a_check.py",
    "other/pyproject.toml",
    "other/a_check.py",
    "plain/pyproject.toml",
    "plain/a_check.py",
)
CHECKS = (
    "checks/check_login.py",
    "checks/eu/trades_check.py",
    "orders_check.py",
    "plain/a_check.py",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "other/pyproject.toml").write_text("[tool.checkwire]\n")
    (tmp_path / "plain/pyproject.toml").write_text("[tool.ruff]\n")
    (tmp_path / "checkwire.toml").touch()
    return tmp_path


def found(root: Path, *targets: str, cwd: Path | None = None) -> list[str]:
    selection = discover(load_project(root), targets, cwd or root)
    return [os.path.relpath(file, root) for file in selection.files]


def complaint(root: Path, *targets: str) -> str:
    with pytest.raises(UsageError) as caught:
        discover(find_project(targets, root), targets, root)
    return str(caught.value)


def test_a_walk_finds_check_files_and_stays_out_of_what_is_not_the_projects(root: Path) -> None:
    assert found(root) == [*CHECKS]
    selection = discover(load_project(root))
    assert selection.whole == {*CHECKS}
    assert selection.picks == ()


def test_a_walk_does_not_follow_links_to_folders(root: Path) -> None:
    (root / "checks/loop").symlink_to(root)
    (root / "checks/linked_check.py").symlink_to(root / "orders_check.py")
    assert found(root, "checks") == [
        "checks/check_login.py",
        "checks/eu/trades_check.py",
        "checks/linked_check.py",
    ]


def test_the_projects_own_patterns_count(root: Path) -> None:
    (root / "checkwire.toml").write_text(
        '[project]\nchecks = ["**/*.py"]\nexclude = ["checks/eu", "**/a_*"]\n'
    )
    assert found(root) == ["checks/check_login.py", "checks/helpers.py", "orders_check.py"]


def test_folders_and_files_are_found_from_where_the_user_stands(root: Path) -> None:
    assert found(root, "eu", "../orders_check.py", cwd=root / "checks") == [
        "checks/eu/trades_check.py",
        "orders_check.py",
    ]
    assert found(root, str(root / "checks")) == [*CHECKS[:2]]


def test_a_file_named_outright_needs_no_pattern(root: Path) -> None:
    assert found(root, "checks/helpers.py", ".venv/lib/a_check.py") == [
        ".venv/lib/a_check.py",
        "checks/helpers.py",
    ]
    assert found(root, ".hidden") == [".hidden/a_check.py"]


def test_functions_and_cases_are_picks(root: Path) -> None:
    selection = discover(
        load_project(root),
        ["orders_check.py::f", "./orders_check.py::g[a[0]::b]", "checks/eu"],
        root,
    )
    assert selection.files == (root / "checks/eu/trades_check.py", root / "orders_check.py")
    assert selection.picks == (
        Pick("orders_check.py::f", "orders_check.py", "f"),
        Pick("./orders_check.py::g[a[0]::b]", "orders_check.py", "g", "a[0]::b"),
    )
    assert selection.whole == {"checks/eu/trades_check.py"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("order_check.py", "there is no order_check.py; did you mean orders_check.py?"),
        ("checks/login_check.py", "there is no checks/login_check.py; did you mean checks/check_"),
        (
            "check/eu/trades_check.py",
            "there is no check/eu/trades_check.py; did you mean checks/eu",
        ),
        ("cheks", "there is no cheks; did you mean checks?"),
        ("xyzzy/../qqq", "there is no xyzzy/../qqq"),
        ("orders_chek.py::f", "there is no orders_chek.py; did you mean orders_check.py?"),
        (
            "checks/orders_check.txt",
            "checks/orders_check.txt is neither a Python, JavaScript or TypeScript file nor a TOML",
        ),
        ("::f", '"::f" names no file: write file.py::function, or . for all'),
        ("", '"" names no file: write file.py::function, or . for all'),
        ("checks::f", "checks::f: checks is a folder; name the file that has the check"),
        ("orders_check.py::", "orders_check.py::: write file.py::function or file.py::function["),
        ("orders_check.py::f[a", "orders_check.py::f[a: write file.py::function or"),
        ("env", "there is no check file in"),
    ],
)
def test_what_cannot_be_found_is_told_with_what_is_closest(
    root: Path, target: str, message: str
) -> None:
    if target == "env":
        (root / "env/lib/a_check.py").unlink()
    assert complaint(root, target).startswith(message)


def test_a_folder_without_check_files_is_told_what_was_looked_for(tmp_path: Path) -> None:
    assert complaint(tmp_path) == (
        f"there is no check file in {tmp_path}: none matches **/*_check.py, **/check_*.py, "
        "**/*[._]check.js, **/*[._]check.[cm]js, **/*[._]check.ts, **/*[._]check.[cm]ts "
        "or *.check.toml (checkwire init makes a small project that works)"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_does_not_keep_the_others_from_being_found(root: Path) -> None:
    (root / "checks/eu").chmod(0)
    selection = discover(load_project(root))
    (root / "checks/eu").chmod(0o700)
    assert [str(file.relative_to(root)) for file in selection.files] == [CHECKS[0], *CHECKS[2:]]
    assert selection.failures["checks/eu"].message == (
        "checks/eu cannot be read: Permission denied."
    )


def test_a_name_that_is_no_text_is_a_failure_of_that_file_alone(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9_check.py")
    (root / name).touch()
    selection = discover(load_project(root))
    assert [str(file.relative_to(root)) for file in selection.files] == [*CHECKS]
    (failure,) = selection.failures.values()
    assert failure.message == r"caf\udce9_check.py cannot be loaded: its name is not UTF-8 text."


def test_a_project_in_a_folder_whose_name_is_no_text_is_refused(root: Path) -> None:
    folder = root / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "checkwire.toml").touch()
    assert complaint(folder).endswith(r"caf\udce9 is not UTF-8 text: rename the folder")


def test_what_is_neither_file_nor_link_is_no_check_file(root: Path) -> None:
    os.mkfifo(root / "pipe_check.py")
    (root / "nowhere_check.py").symlink_to("nowhere")
    assert found(root) == [*CHECKS[:2], "nowhere_check.py", *CHECKS[2:]]
    assert complaint(root, "pipe_check.py") == (
        "pipe_check.py is neither a Python, JavaScript or TypeScript file nor a TOML file with "
        "checks"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_told(root: Path) -> None:
    (root / "checks/eu").chmod(0)
    for target in ("checks/eu", "checks/eu/trades_check.py"):
        assert re.search(r"checks/eu.* cannot be read: Permission denied", complaint(root, target))
    assert complaint(root, "cheks") == "there is no cheks; did you mean checks?"
    assert load_project(root / "checks/eu").root == str(root)
    (root / "checks/eu").chmod(0o700)


def test_the_project_is_that_of_what_is_named(root: Path) -> None:
    assert find_project([], root).root == str(root)
    assert find_project([], root / "checks").root == str(root)
    assert find_project(["inner/a_check.py"], root).root == str(root / "inner")
    assert find_project(["inner"], root).root == str(root / "inner")
    assert find_project(["checks", "orders_check.py::f"], root).root == str(root)


def test_two_projects_at_once_are_refused(root: Path) -> None:
    assert complaint(root, "inner", "checks") == (
        f"these belong to different projects, {root} and {root}/inner: "
        "run checkwire test for each by itself"
    )


def test_without_settings_the_project_does_not_depend_on_which_file_was_named(
    tmp_path: Path,
) -> None:
    for name in ("a/x/one_check.py", "a/y/two_check.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    here = tmp_path / "a"
    assert find_project(["x/one_check.py"], here).root == str(here)
    assert find_project(["x"], here).root == str(here)
    assert find_project([], here).root == str(here)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    targets = ["../a/x/one_check.py", "../a/y/two_check.py"]
    assert find_project(targets, elsewhere).root == str(here)
    assert find_project(targets[:1], elsewhere).root == str(here / "x")


def test_a_project_named_by_folder_is_walked_from_its_own_root(root: Path) -> None:
    project = find_project(["inner"], root)
    selection = discover(project, ["inner"], root)
    assert selection.whole == {"a_check.py"}


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["x" * 200] * 30)])
def test_a_name_too_long_for_a_file_is_told_in_one_line(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: File name too long") as caught:
        find_project([name], root)
    assert len(str(caught.value)) < 200


def test_a_current_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="the current folder is gone"):
        find_project([])
