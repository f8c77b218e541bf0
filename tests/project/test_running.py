"""What the project room promises, seen from a check that runs in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkwire.model.failures import Location
from support.checks import headline, run_all, run_one, write_check

LATE = """
@check
def {name}():
    import helper
    assert helper.HOME == "{name}"
"""


def test_a_check_that_imports_while_it_runs_gets_its_own_neighbours(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_check(tmp_path, LATE.format(name=folder), f"{folder}/late_check.py")
        (tmp_path / folder / "helper.py").write_text(f"HOME = {folder!r}\n")
    runs = run_all(tmp_path)
    assert {name: run.status for name, run in runs.items()} == {"a": "passed", "b": "passed"}


def test_a_failed_assertion_arrives_with_its_values_and_its_place(tmp_path: Path) -> None:
    (tmp_path / "tick.py").write_text(
        "def verify(tick):\n    assert tick == {'symbol': 'BTC-USD', 'price': 67118.2}\n"
    )
    attempt = run_one(
        tmp_path,
        """
        from tick import verify

        @check
        async def ticks():
            verify({"symbol": "BTC-USD", "price": "67120.50"})
        """,
    )
    assert attempt.status == "failed"
    failure = attempt.failure
    assert failure is not None
    assert failure.code == "assertion.failed"
    assert failure.message == (
        'tick["price"] was "67120.50", a string. The check expects 67118.2, a number.'
    )
    assert failure.details.endswith(
        '  "symbol": "BTC-USD",\n- "price": 67118.2,\n+ "price": "67120.50",'
    )
    assert failure.location == Location(
        "tick.py", 2, "verify", "assert tick == {'symbol': 'BTC-USD', 'price': 67118.2}"
    )


def test_a_failed_assertion_that_is_swallowed_fails_the_check(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        @check
        def quiet():
            try:
                assert 1 == 2
            except Exception:
                print("never mind")
        """,
    )
    assert (attempt.status, headline(attempt)) == ("failed", "assertion.failed")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ('tick["volume"] > 0', 'tick has no "volume".'),
        ('tick["price"] > 0', 'tick["price"] was "12". The check expects more than 0.'),
        ('tick["levels"][3] == 1', 'tick["levels"] has no item 3.'),
    ],
)
def test_what_an_assertion_itself_raises_on_a_message_is_the_targets_fault(
    test: str, message: str, tmp_path: Path
) -> None:
    attempt = run_one(
        tmp_path,
        f"""
        @check
        def judges():
            tick = {{"price": "12", "levels": [1]}}
            assert {test}
        """,
    )
    assert attempt.status == "failed"
    assert attempt.failure is not None
    assert (attempt.failure.code, attempt.failure.message) == (
        "assertion.failed",
        message,
    )


def test_it_is_so_even_if_the_script_swallows_the_exception(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        @check
        def quiet():
            tick = {}
            assert tick == {}
            try:
                assert tick["price"] > 0
            except Exception:
                print("never mind")
        """,
    )
    assert (attempt.status, headline(attempt)) == ("failed", "assertion.failed")


@pytest.mark.parametrize("test", ["len(1, 2)", "helper()", "(7)()", "nothing_of_this_name"])
def test_a_mistake_in_an_assertion_is_the_checks_own(test: str, tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        f"""
        def helper():
            return {{}}["mine"]

        @check
        def mistaken():
            assert {test}
        """,
    )
    assert (attempt.status, headline(attempt)) == ("error", "script.exception")
