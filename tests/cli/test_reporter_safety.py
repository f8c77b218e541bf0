"""Whatever a target says: no line is wider than the terminal, and nothing steers the terminal."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wcwidth import wcswidth

from checkwire.cli.reporters.paint import Text, clean, fold, width_of, wrap
from checkwire.cli.reporters.phases import phase_lines
from checkwire.model.attempt import Connection
from checkwire.model.events import Failed, Phase, PhaseName
from checkwire.model.failures import Failure
from support import samples
from support.reporting import report

SGR = re.compile(r"\x1b\[[0-9;]+m")
TEXTS = st.text(max_size=60) | st.text(
    alphabet="ab \n\t\r\x1b\x07\x9b[]m;0123中📈\u200d\ufe0f\u0301\u202e👩🇩🇪é•##[::", max_size=120
)
ANY = st.text(alphabet=st.characters(), max_size=40)
STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def assert_harmless(text: str, width: int) -> None:
    for line in text.split("\n"):
        for char in line:
            # A joiner between emoji draws one symbol; it steers nothing.
            assert char == "\u200d" or unicodedata.category(char) not in STEERING, repr(line)
        assert 0 <= wcswidth(line) <= width, repr(line)


@pytest.mark.parametrize("verbosity", [0, 2])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS, width=st.sampled_from([40, 60, 71, 80, 100, 120, 200]), colour=st.booleans())
def test_every_line_fits_and_is_harmless(
    verbosity: int, text: str, width: int, colour: bool
) -> None:
    environ = {"FORCE_COLOR": "1"} if colour else {}
    runs = [samples.nasty(text), samples.skipped(text, text)]
    broken = [runs[0].attempts[0].failures[0].failure]
    shown = report(runs, width=width, verbosity=verbosity, broken=broken, environ=environ)
    if colour:
        shown = SGR.sub("", shown)
    assert_harmless(shown, width)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_every_kind_of_run_fits_in_every_width(width: int, verbosity: int) -> None:
    runs = [*samples.everything(), samples.two_connections()]
    shown = report(runs, width=width, verbosity=verbosity, broken=samples.load_failures())
    assert_harmless(shown, width)


@given(ANY)
def test_clean_text_is_printable_and_escapes_are_visible(text: str) -> None:
    shown = clean(text)
    assert clean(shown) == shown
    assert "\x1b" not in shown
    assert wcswidth(shown) >= 0


@given(ANY)
def test_the_width_is_at_least_what_a_terminal_takes(text: str) -> None:
    shown = clean(text)
    assert width_of(shown) >= wcswidth(shown)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("行情", 4),
        ("e\u0301", 1),
        ("📈", 2),
        ("𝌀䷀", 4),
        ("☀\ufe0f", 2),
        ("•", 1),
        ("Ａ", 2),
        ("가", 2),
    ],
)
def test_wide_and_combining_characters_are_measured(text: str, width: int) -> None:
    assert width_of(text) == width


@given(ANY, st.integers(1, 50))
def test_a_cut_line_fits_and_says_that_it_was_cut(text: str, columns: int) -> None:
    whole = Text(text)
    line = Text(text).cut(columns)
    assert line.width <= columns
    if whole.width > columns:
        assert line.plain.endswith("…")
    else:
        assert line.plain == whole.plain


@given(ANY, st.integers(10, 60))
def test_folding_loses_nothing(text: str, columns: int) -> None:
    lines = fold(text, columns)
    assert all(width_of(line) <= columns for line in lines)
    assert "".join(lines) == clean("".join(part.removesuffix("\r") for part in text.split("\n")))


@given(st.lists(st.text("abcé中", min_size=1, max_size=30), max_size=12), st.integers(10, 60))
def test_wrapping_keeps_the_words(words: list[str], columns: int) -> None:
    lines = wrap(" ".join(words), columns)
    assert all(width_of(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(words)


def test_githubs_runner_finds_no_command_in_what_a_target_said() -> None:
    environ = {"GITHUB_ACTIONS": "true"}
    failure = Failure(code="assertion.failed", message="::error::x", details="::stop::y")
    shown = report([samples.nasty("##[add-mask]x")], broken=[failure], environ=environ)
    assert "##[" not in shown
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]
    assert "::error::x" in report([], broken=[failure])


def test_wrapping_keeps_the_blanks_that_evidence_is_made_of() -> None:
    assert wrap('m was "hello  world"', 40) == ['m was "hello  world"']
    assert wrap('{"a": tru}\n      ^', 40) == ['{"a": tru}', "      ^"]
    assert wrap("one   two", 5) == ["one", "two"]


def test_a_longer_phase_has_the_longer_bar_whichever_failed() -> None:
    def bars(*phases: tuple[PhaseName, int], failed: Failed | None = None) -> list[int]:
        at, told = 0, []
        for name, duration in phases:
            told.append(Phase(at_ns=at, connection=1, name=name, duration_ns=duration))
            at += duration + 1_000_000
        connection = Connection(number=1, url="ws://h/", at_ns=0, phases=tuple(told))
        lines = phase_lines(connection, failed, 120)
        return [line.plain.count("━") for line in lines]

    late = Failed(
        at_ns=1_500_000_000,
        number=1,
        failure=Failure(code="upgrade.timeout", message="x", phase="upgrade", connection=1),
    )
    tcp, upgrade = bars(("tcp", 90_000), failed=late)
    assert tcp < upgrade
    tcp, upgrade = bars(("tcp", 100_000), ("upgrade", 200_000))
    assert tcp < upgrade
