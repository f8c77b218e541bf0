"""Durations as people write them, and as they are shown."""

from __future__ import annotations

import pytest

from checkwire.model.durations import format_ns, format_seconds, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, 5.0),
        (0.25, 0.25),
        ("500ms", 0.5),
        ("5min", 300.0),
        ("1h5min30s", 3930.0),
        ("1.5s", 1.5),
        (".5 m", 30.0),
        ("1h30m", 5400.0),
        ("2d 3h", 183600.0),
        (" 20µs ", 20e-6),
        ("20us", 20e-6),
        ("0s", 0.0),
        ("100000d", 8.64e9),
    ],
)
def test_a_duration_is_seconds_or_numbers_with_units(written: float | str, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", '"" is not a duration: write'),
        ("soon", '"soon" is not a duration: write'),
        ("5", '"5" is not a duration: write'),
        ("5s!", '"5s!" is not a duration: write'),
        (True, "True is not a duration: write"),
        (None, "None is not a duration: write"),
        (-1, "-1 is not a duration: it must be zero or more"),
        (float("nan"), "nan is not a duration: it must be zero or more"),
        (float("inf"), "inf is not a duration: it must be zero or more, and finite"),
        pytest.param(10**400, "such a number is not a duration: it must be", id="400 digits"),
        pytest.param(-(10**5000), "such a number is not a duration: it must be", id="5000 digits"),
        pytest.param("9" * 400 + "d", "it must be zero or more, and finite", id="400 digits of d"),
        ("106752d", "'106752d' is not a duration: it must be less than 292 years"),
        (1e300, "1e+300 is not a duration: it must be less than 292 years"),
    ],
)
def test_what_is_none_says_how_to_write_one(written: object, said: str) -> None:
    with pytest.raises(ValueError, match="is not a duration") as caught:
        parse_duration(written)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("written", ["106751d", 9.2e9])
def test_the_longest_can_be_shown(written: float | str) -> None:
    assert format_seconds(parse_duration(written)).endswith(" m")


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (18_500, "18.5 µs"),
        (999_700, "1.00 ms"),
        (412_000_000, "412 ms"),
        (1_420_000_000, "1.42 s"),
        (125_000_000_000, "2 m 05 s"),
        (5_400_000_000_000, "1 h 30 m"),
        (-18_500, "-18.5 µs"),
    ],
)
def test_a_span_has_three_figures(ns: int, shown: str) -> None:
    assert format_ns(ns) == shown
