from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from checkwire.cli.reporters import Choice, open_reporters, parse_reporters
from checkwire.model.errors import CheckwireError, UsageError
from support import samples
from support.reporting import report


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("values", "choices"),
    [
        ([], [Choice("list")]),
        (["dot"], [Choice("dot")]),
        (["list", "junit=out/report.xml"], [Choice("list"), Choice("junit", "out/report.xml")]),
        (["json=-"], [Choice("json")]),
        (["json=a=b.json"], [Choice("json", "a=b.json")]),
        (["list", "list"], [Choice("list")]),
        (["github"], [Choice("list"), Choice("github")]),
        (["github", "dot"], [Choice("dot"), Choice("github")]),
        (["github=s.md", "json=r.json"],
         [Choice("json", "r.json"), Choice("list"), Choice("github", "s.md")]),
    ],
)  # fmt: skip
def test_reporters_are_chosen_by_name_and_file(values: list[str], choices: list[Choice]) -> None:
    assert list(parse_reporters(values)) == choices


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["lits"], "no reporter 'lits'; did you mean list?"),
        (["html"], "(there are: list, dot, json, junit, github)"),
        (["junit="], "write the file's name after '='"),
        (["list", "json"], "both write to standard output; give one of them a file: "
                           "--reporter json=FILE"),
        (["json", "github"], "github writes its annotations to standard output, where json"),
        (["json=r", "junit=r"], "json=r and junit=r would write the same file"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_before_any_check_runs(values: list[str], message: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_reporters(values)
    assert message in str(told.value)


def test_a_file_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "report.json"):
        with pytest.raises(UsageError, match="cannot write the report"):
            open_reporters([Choice("json", str(path))])
    assert names_in(tmp_path) == ["file"]


def test_if_one_file_cannot_be_written_nothing_is_left_of_the_others(tmp_path: Path) -> None:
    choices = [Choice("json", str(tmp_path / "r.json")), Choice("junit", str(tmp_path))]
    with pytest.raises(UsageError):
        open_reporters(choices)
    assert names_in(tmp_path) == []


def test_a_report_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "r.json"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o640)
    told = open_reporters([Choice("json", str(path))])
    told.start(samples.start_of([]))
    assert path.read_text() == "old"
    told.close()
    assert path.read_text() == "old"
    assert names_in(path.parent) == ["r.json"]

    told = open_reporters([Choice("json", str(path))])
    told.start(samples.start_of([]))
    told.finish(samples.finish_of([]))
    told.close()
    assert json.loads(path.read_text())["runs"] == []
    assert names_in(path.parent) == ["r.json"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_folders_on_the_way_to_a_report_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "report.xml"
    report([samples.passed()], f"junit={path}")
    assert path.read_text().startswith("<?xml")


def test_a_link_to_a_report_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "r.json")
    report([], f"json={tmp_path / 'link.json'}")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real" / "r.json").exists()


def test_a_named_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    report([], f"json={path}")
    reader.join()
    assert json.loads(got[0])["schema"] == 1


def test_several_reporters_tell_of_the_same_runs(tmp_path: Path) -> None:
    runs = samples.trading()
    files = {name: tmp_path / name for name in ("json", "junit", "dot")}
    shown = report(runs, "list", *(f"{name}={path}" for name, path in files.items()))
    assert "2 passed, 1 degraded, 1 failed, 1 skipped" in shown
    assert len(json.loads(files["json"].read_text())["runs"]) == 5
    assert '<testsuites name="checkwire" tests="5"' in files["junit"].read_text()
    assert "●✕●▲○" in files["dot"].read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_report_that_cannot_be_finished_is_an_error_and_the_others_are_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.json"
    with pytest.raises(CheckwireError, match="No space left"):
        report(samples.trading(), "list", "junit=/dev/full", f"json={path}")
    assert json.loads(path.read_text())["exit_code"] == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from support import samples\n"
        "from checkwire.cli.reporters import open_reporters, parse_reporters\n"
        "runs = samples.everything() * 20\n"
        "told = open_reporters(parse_reporters([]), verbosity=2)\n"
        "told.start(samples.start_of(runs))\n"
        "for run in runs: told.run_finished(run)\n"
        "told.finish(samples.finish_of(runs)); told.close()\n"
        "print('done', file=sys.stderr)\n"
    )
    tests = str(Path(samples.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", code, tests], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(100)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 0
    assert said == "done\n"


def test_choosing_reporters_loads_none_of_them() -> None:
    code = (
        "import sys\n"
        "from checkwire.cli.reporters import parse_reporters\n"
        "parse_reporters(['junit=r.xml', 'github'])\n"
        "print(*sorted(sys.modules))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert not {"msgspec", "checkwire.model.events", "checkwire.cli.reporters.list"} & loaded
