"""The zygote that ``checkwire test`` forks from itself before it has read its command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.processes import is_alive, wait_until
from support.program import checkwire, environment, project


def test_what_a_check_left_dies_with_it_though_never_executed(tmp_path: Path) -> None:
    # With no environment, in a session of its own: only by a mark in its memory can it be known.
    project(
        tmp_path,
        a_check="""
            import os, signal, time
            from pathlib import Path
            from checkwire import check

            @check
            async def a():
                mine = Path("stray")
                if mine.exists():
                    assert True
                    return
                if os.fork() == 0:
                    os.setsid()
                    os.environ.clear()
                    mine.with_suffix(".new").write_text(str(os.getpid()))
                    os.rename(mine.with_suffix(".new"), mine)
                    time.sleep(60)
                    os._exit(0)
                while not mine.exists():
                    time.sleep(0.01)
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
        """,
    )
    result = checkwire("test", cwd=tmp_path)
    assert result.status == 0, result.out
    wait_until(lambda: not is_alive(int((tmp_path / "stray").read_text())))


def test_a_file_in_the_current_folder_stands_for_no_library(tmp_path: Path) -> None:
    project(
        tmp_path,
        msgspec="raise SystemExit('not this one')",
        checks__a_check="""
            from checkwire import check

            @check
            async def a():
                assert True
        """,
    )
    program = Path(sys.executable).with_name("checkwire")
    done = subprocess.run(
        [program, "test"], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_goes_with_a_command_that_needs_none_after_all(tmp_path: Path) -> None:
    result = checkwire("test", "--timeout", "banana", cwd=tmp_path)
    assert result.status == 2
    assert "banana" in result.err
