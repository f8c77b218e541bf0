from __future__ import annotations

import re
from pathlib import Path

import pytest

from checkwire.cli.reporters import Start, open_reporters, parse_reporters
from checkwire.model.errors import CheckwireError
from support import samples
from support.reporting import report


def annotations(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


def test_what_failed_is_an_error_at_its_line_and_what_is_doubtful_a_warning() -> None:
    text = report(samples.everything(), "github", broken=samples.load_failures())
    places = [line.split("::")[1] for line in annotations(text)]
    assert places == [
        "error file=checks/broken.py,line=7,title=could not be loaded",
        "error file=checks/imports.py,line=1,title=could not be loaded",
        "error file=checks/trading.py,line=74,title=session has an error",
        "error file=checks/trading.py,line=41,title=ticker-subscribe failed",
        "error file=checks/trading.py,line=52,title=positions failed",
        "error file=checks/chat.py,line=17,title=updates failed",
        "error file=checks/chat.py,line=44,title=history failed",
        "error file=checks/tls.py,line=9,title=wss failed",
        "error file=checks/tls.py,line=22,title=origin failed",
        "error file=checks/feed.py,line=30,title=feed failed",
        "warning file=checks/trading.py,line=52,title=reconnect is flaky",
        "warning file=checks/chat.py,line=8,title=room-join degraded",
        "warning file=checks/trading.py,line=12,title=private-fills",
        "warning file=checks/trading.py,line=12,title=private-fills",
    ]


def test_warnings_that_repeat_themselves_take_one_of_the_ten(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    text = report([samples.repeating()], "github", environ={"GITHUB_STEP_SUMMARY": str(path)})
    assert [line.rpartition("::")[2].partition(" [")[0] for line in annotations(text)] == [
        "The check left a connection open, 50 times",
        "The check left a connection open",
        "It verified nothing",
    ]
    assert path.read_text().count("left a connection open") == 2


def test_the_list_comes_before_the_annotations() -> None:
    runs = samples.trading()
    text = report(runs, "github")
    assert text.startswith(report(runs, "list"))


def test_messages_and_properties_are_escaped() -> None:
    (line,) = annotations(report([samples.nasty("50%, a: b\n::error::x")], "github"))
    assert line.startswith("::error file=checks/50%25%2C a%3A b\\n%3A%3Aerror%3A%3Ax.py,line=3,")
    assert "title=50%25%2C a%3A b\\n%3A%3Aerror%3A%3Ax failed::50%25, a: b\\n::error::x " in line


def test_paths_are_those_of_the_repository_when_the_project_is_a_folder_of_it(
    tmp_path: Path,
) -> None:
    import io

    stdout = io.StringIO()
    environ = {"GITHUB_WORKSPACE": str(tmp_path)}
    run = samples.failed()
    told = open_reporters(parse_reporters(["github"]), stdout=stdout, environ=environ)
    told.start(Start((run.check,), root=str(tmp_path / "services" / "monitoring")))
    told.run_finished(run)
    told.finish(samples.finish_of([run]))
    told.close()
    (line,) = annotations(stdout.getvalue())
    assert "file=services/monitoring/checks/trading.py,line=41," in line


def test_the_summary_is_appended_to_the_steps_file(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    environ = {"GITHUB_STEP_SUMMARY": str(path)}
    report(samples.trading(), "github", environ=environ)
    text = path.read_text()
    assert text.startswith("before\n### Checkwire: 2 passed, 1 degraded, 1 failed, 1 skipped ")
    assert "| ● passed | orderbook\\-snapshot<br>" in text
    assert "| ✕ failed | ticker\\-subscribe<br>" in text
    assert "<details><summary>✕ ticker-subscribe</summary>" in text
    assert "     ✕  9" not in text
    assert "\n  ✕  9  1,422.8" in text


def test_the_summary_goes_to_the_file_given(tmp_path: Path) -> None:
    path, other = tmp_path / "summary.md", tmp_path / "step.md"
    environ = {"GITHUB_STEP_SUMMARY": str(other)}
    text = report(samples.trading(), f"github={path}", environ=environ)
    assert len(annotations(text)) == 4
    assert path.read_text().startswith("### Checkwire: 2 passed")
    assert not other.exists()


def test_the_summary_stays_within_githubs_limit(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("x" * 1_000_000)
    report([samples.failed()] * 50, "github", environ={"GITHUB_STEP_SUMMARY": str(path)})
    text = path.read_text()
    assert len(text.encode()) <= 1024 * 1024
    assert text.rstrip().endswith("does not fit into GitHub's limit.")


def test_what_a_target_says_is_text_in_the_summary_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    said = "a|b <img src=x> `````` [x](http://y) @team #1 <!-- ``` -->"
    report([samples.nasty(said)], "github", environ={"GITHUB_STEP_SUMMARY": str(path)})
    text = path.read_text()
    table, _, folded = text.partition("<details>")
    row = table.splitlines()[-2]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert "<img" not in table
    assert "\\@team" in row
    fence = re.search(r"\n(`{3,})text\n", folded)
    assert fence is not None
    assert len(fence[1]) == 7


def test_a_summary_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckwireError, match="GITHUB_STEP_SUMMARY"):
        report([], "github", environ={"GITHUB_STEP_SUMMARY": str(tmp_path)})


def test_what_did_not_finish_is_a_warning_and_has_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    first, second, third, *_ = samples.trading()
    environ = {"GITHUB_STEP_SUMMARY": str(path)}
    text = report([first], "github", stopped=[second], not_run=[third], environ=environ)
    assert annotations(text) == [
        "::warning title=Checkwire was interrupted::"
        "interrupted  1 passed, 1 stopped, 1 not run  in 2.30 s  exit 130"
    ]
    table = path.read_text()
    assert "### Checkwire: interrupted 1 passed, 1 stopped, 1 not run in" in table
    assert "| ◌ stopped | ticker\\-subscribe<br><sub>checks/trading.py</sub> | 1.25 s | " in table
    assert (
        "| ○ not run | private\\-fills<br><sub>checks/trading.py</sub> |  | interrupted |" in table
    )
