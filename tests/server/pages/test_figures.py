"""Numbers and times as readers want them."""

from __future__ import annotations

from typing import Any

import pytest

from checkwire.server.pages.figures import (
    ago,
    clock_time,
    counted,
    in_ms,
    iso,
    lasts,
    moment,
    ms,
    percent,
    span,
)
from checkwire.server.pages.words import schedule, when_of
from support.story import check

S = 1_000_000_000
NOON = 1_795_608_000 * S  # 2026-11-25 12:00:00 UTC


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0"),
        (900, "0.01"),
        (420_000, "0.42"),
        (8_540_000, "8.5"),
        (41_600_000, "41.6"),
        (131_400_000, "131"),
        (1_422_800_000, "1,423"),
    ],
)
def test_milliseconds_are_as_short_as_they_can_be(ns: int, text: str) -> None:
    assert ms(ns) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ms"),
        (18_500, "0.02 ms"),
        (412_000_000, "412 ms"),
        (999_600_000, "1.00 s"),
        (12_078_000_000, "12.1 s"),
        (125_000_000_000, "2 m 05 s"),
    ],
)
def test_what_lasts_long_is_told_in_seconds(ns: int, text: str) -> None:
    assert lasts(ns) == text


def test_microseconds_in_a_sentence_become_milliseconds() -> None:
    said = "Refused after 215 µs; 18.5 µs before."
    assert in_ms(said) == "Refused after 0.21 ms; 0.02 ms before."
    assert in_ms("id7 µs, 5 µsec, 12 ms") == "id7 µs, 5 µsec, 12 ms"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.412, "412 ms"),
        (3.4, "3.40 s"),
        (42, "42 s"),
        (240, "4 min"),
        (7500, "2 h 05 min"),
        (7200, "2 h"),
        (3 * 86400, "3 days"),
    ],
)
def test_spans_read_as_in_a_sentence(seconds: float, text: str) -> None:
    assert span(round(seconds * S)) == text


def test_an_uptime_is_never_rounded_up_to_all() -> None:
    assert percent(1.0) == "100 %"
    assert percent(0.999999) == "99.99 %"
    assert percent(0.9972) == "99.72 %"
    assert percent(0.5) == "50.0 %"


def test_the_past_and_the_future_are_told_apart() -> None:
    assert ago(NOON - 240 * S, NOON) == "4 min ago"
    assert ago(NOON + 40 * S, NOON) == "in 40 s"
    assert ago(NOON - 3 * S, NOON) == "3 s ago"
    assert ago(NOON, NOON) == "just now"


def test_a_moment_has_its_day_only_if_it_is_another() -> None:
    assert moment(NOON - 60 * S, NOON) == "11:59:00"
    assert moment(NOON - 86400 * S, NOON) == "24 Nov 12:00:00"
    assert moment(NOON - 366 * 86400 * S, NOON) == "2025-11-24 12:00:00"


def test_instants_keep_their_milliseconds() -> None:
    assert iso(NOON + 695_000_000) == "2026-11-25T12:00:00.695Z"
    assert clock_time(NOON + 5_000_000, millis=True) == "12:00:00.005"


def test_one_is_not_many() -> None:
    assert counted(1, "message") == "1 message"
    assert counted(1200, "message") == "1,200 messages"
    assert counted(2, "attempt", words=True) == "two attempts"


@pytest.mark.parametrize(
    ("when", "fact", "text"),
    [
        ({}, ("Schedule", "none"), "not scheduled"),
        ({"every": 30}, ("Every", "30 s"), "every 30 s"),
        ({"every": 60}, ("Every", "1 min"), "every 1 min"),
        ({"every": 90}, ("Every", "90 s"), "every 90 s"),
        ({"every": 7200}, ("Every", "2 h"), "every 2 h"),
        ({"every": 86400}, ("Every", "day"), "every day"),
        ({"cron": "0 4 * * *"}, ("Cron", "0 4 * * *, UTC"), "cron 0 4 * * *, UTC"),
    ],
)
def test_a_schedule_is_told_in_its_own_unit(
    when: dict[str, Any], fact: tuple[str, str], text: str
) -> None:
    definition = check("ticker", **when)
    assert (schedule(definition), when_of(definition)) == (fact, text)
