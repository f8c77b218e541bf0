"""Checks that hand work to processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.checks import run_all, write_check


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_functions_of_a_check_file_can_be_called_in_processes_that_it_starts(
    tmp_path: Path, method: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "helper.py").write_text("def double(x): return 2 * x\n")
    write_check(
        tmp_path,
        f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        import helper

        def doubled(x):
            assert x > 0
            return helper.double(x)

        def worker():
            return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context({method!r}))

        @check
        def passes():
            with worker() as pool:
                assert list(pool.map(doubled, [1, 2])) == [2, 4]

        @check
        def fails():
            with worker() as pool:
                list(pool.map(doubled, [0]))
        """,
        "in/a_check.py",
    )
    runs = run_all(tmp_path)
    assert runs["passes"].status == "passed", runs["passes"].attempts[-1].failure
    failure = runs["fails"].attempts[-1].failure
    assert failure is not None
    assert failure.code == "assertion.failed"
