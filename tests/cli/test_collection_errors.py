"""One file that is not right: it is told, the status is 2, and all other checks run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.program import checkwire, environment, project

GOOD = """
    from checkwire import check

    @check
    async def good():
        assert True
"""
TWICE = """
    from checkwire import check

    @check
    def f():
        assert True

    @check
    def f():
        assert True

    @check(id="good_check.py::good")
    def g():
        assert True

    @check
    def other():
        assert True
"""


def test_checks_of_one_id_are_told_with_all_places_and_the_others_run(tmp_path: Path) -> None:
    root = project(tmp_path, good_check=GOOD, twice_check=TWICE)
    result = checkwire("test", "-r", "list", "-r", "junit=report.xml", cwd=root)
    assert result.status == 2
    assert result.err == ""
    assert "  ● other" in result.out
    assert '"twice_check.py::f", and none of them is run: twice_check.py:5 and twice' in result.out
    assert "none of them is run: good_check.py:5 and twice_check.py:13" in result.out
    assert "@check(id=...)" in result.out
    assert "\n1 passed, 2 ids used twice  in " in result.out
    report = (root / "report.xml").read_text()
    assert ' tests="4" failures="0" errors="3"' in report
    document = json.loads(checkwire("test", "-r", "json", cwd=root).out)
    assert [failure["code"] for failure in document["load_failures"]] == ["check.duplicate_id"] * 3


def test_checks_of_one_id_are_an_error_of_the_list_too(tmp_path: Path) -> None:
    result = checkwire("test", "--list", cwd=project(tmp_path, good_check=GOOD, twice_check=TWICE))
    assert (result.status, result.out) == (2, "twice_check.py::other\n")
    assert result.err.startswith('good_check.py:5: 2 checks have the id "good_check.py::good"')


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("@check(name='\\ud800')\ndef f(): pass", "lone surrogate"),
        ("check(42)", "@check is for functions, and 42 (int) cannot be called"),
        ("@check(every='banana')\ndef f(): pass", '"banana" is not a duration: write "500ms"'),
        ("@check(cron='* * 32 * *')\ndef f(): pass", "its day of month will not do: write 1 to"),
        ("@check(cron='@daily', every=60)\ndef f(): pass", "every and cron exclude each other"),
        ("@check(timezone='Asia/Tokyo')\ndef f(): pass", "timezone is for cron="),
        ("@check(evry='1m')\ndef f(): pass", 'no option "evry"; did you mean "every"?'),
        ("def f(:\n    pass", "is not valid Python: invalid syntax"),
        ("import sys\nsys.exit()", "it called exit()"),
        ("import os\nos._exit(0)", "it ended the process that imported it"),
    ],
)
def test_a_file_that_cannot_be_loaded_keeps_no_other_from_running(
    source: str, said: str, tmp_path: Path
) -> None:
    root = project(tmp_path, good_check=GOOD)
    (root / "bad_check.py").write_text(f"from checkwire import check\n{source}\n")
    result = checkwire("test", cwd=root)
    assert result.status == 2
    assert said in result.out
    assert "bad_check.py:" in result.out
    assert "\n1 passed, 1 file not loaded  in " in result.out
    assert "zygote" not in result.out + result.err


def test_a_file_that_closes_standard_output_can_be_run(tmp_path: Path) -> None:
    source = "import sys\nsys.stdout.close()\n"
    root = project(tmp_path, good_check=GOOD)
    (root / "closes_check.py").write_text(source + (root / "good_check.py").read_text())
    result = checkwire("test", cwd=root)
    assert (result.status, "2 passed" in result.out) == (0, True), result.out


def test_a_file_whose_name_is_no_text_keeps_no_other_from_running(tmp_path: Path) -> None:
    root = project(tmp_path, good_check=GOOD)
    (root / os.fsdecode(b"caf\xe9_check.py")).write_text("")
    result = checkwire("test", cwd=root)
    assert result.status == 2
    assert r"caf\udce9_check.py cannot be loaded: its name is not UTF-8 text" in result.out
    assert "1 passed" in result.out


def test_a_variable_that_is_no_text_is_left_out_and_named(tmp_path: Path) -> None:
    root = project(tmp_path, good_check=GOOD)
    odd = os.fsdecode(b"caf\xe9")
    result = checkwire("test", cwd=root, ODD=odd)
    assert (result.status, "1 passed" in result.out) == (0, True)
    assert result.err == (
        "checkwire: warning: checks do not get the variable ODD: its value is not UTF-8 text\n"
    )
    refused = checkwire("test", "--env", f"ODD={odd}", cwd=root)
    assert refused.status == 2
    assert "the value of ODD is not UTF-8 text" in refused.err


def test_in_a_folder_that_is_gone_it_says_so(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir ../gone && exec "$0" -m checkwire test', sys.executable],
        cwd=gone,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "checkwire: error: the current folder does not exist any more: cd to another one\n"
    )
