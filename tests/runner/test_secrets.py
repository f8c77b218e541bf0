"""What a check prints, asserts and raises holds no secret, wherever it is cut."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from checkwire.model.failures import Failure
from checkwire.model.masking import MASK
from support.checks import collect, run_one, write_check

TOKEN = 's3cr3t/Tok3n+"Välue"=xyz?>>'


def assert_untold(told: object) -> None:
    text = str(msgspec.to_builtins(told))
    escaped = text.encode("ascii", "backslashreplace").decode()
    for reading in (text, text.replace("\\", ""), escaped, escaped.replace("\\", "")):
        for start in range(len(TOKEN) - 7):
            assert TOKEN[start : start + 8] not in reading


@pytest.mark.parametrize("size", [*range(440, 505, 13), *range(1950, 2005, 11), 7950, 7990])
def test_a_secret_is_told_nowhere_however_long_what_stands_before_it(
    tmp_path: Path, size: int
) -> None:
    attempt = run_one(
        tmp_path,
        f"""
        import sys
        from checkwire import expect, log, secret

        @check
        async def a():
            key = secret("TOKEN")
            text = "~" * {size} + key
            for half in (key[:12], key[12:], "\\n"):
                sys.stdout.write(half)
                sys.stdout.flush()
            print(text, [text], text.encode(), file=sys.stderr)
            log(text, [text], text.encode(), error=ValueError(text), key={{key: text}})
            for wrong in (text, [text], {{"a": text}}, text.encode(), ValueError(text)):
                try:
                    assert wrong == "other", text
                except AssertionError:
                    pass
                try:
                    assert {{"a": 1}}[text] == wrong
                except Exception:
                    pass
            try:
                assert text + "!" == text + "?"
            except AssertionError:
                pass
            raise ValueError(text) from KeyError([text])
        """,
        secrets={"TOKEN": TOKEN},
    )
    assert attempt.status == "failed"
    codes = [failed.failure.code for failed in attempt.failures]
    assert codes.count("assertion.failed") > 10
    assert "script.exception" in codes
    assert_untold(attempt)
    assert MASK in str(attempt.events)


def test_a_secret_that_ends_the_import_of_a_file_is_not_told(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        from checkwire import secret

        raise ValueError("~" * 470 + secret("EARLY"), [secret("EARLY")])
        """,
    )
    collected = collect(tmp_path, env={**os.environ, "EARLY": TOKEN})
    (failure,) = collected.failures.values()
    assert isinstance(failure, Failure)
    assert failure.code == "script.import"
    assert_untold(failure)


def test_a_secret_that_is_printed_while_a_file_is_imported_is_not_told(tmp_path: Path) -> None:
    write_check(
        tmp_path,
        """
        from checkwire import secret

        print("the key is", secret("EARLY"))

        @check
        async def a(): assert True
        """,
    )
    collected = collect(tmp_path, env={**os.environ, "EARLY": TOKEN})
    assert collected.output == f"the key is {MASK}\n"
