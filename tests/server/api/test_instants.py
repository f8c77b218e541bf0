from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.server.api.parameters import parse_instant

SECOND = 1_000_000_000
LATEST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-25T19:40:24Z", 1_795_635_624 * SECOND),
        ("2026-11-25t19:40:24z", 1_795_635_624 * SECOND),
        ("2026-11-25 19:40:24", 1_795_635_624 * SECOND),
        ("2026-11-25T19:40Z", 1_795_635_600 * SECOND),
        ("2026-11-25", 1_795_564_800 * SECOND),
        ("2026-11-25T20:40:24+01:00", 1_795_635_624 * SECOND),
        ("2026-11-25T14:10:24-0530", 1_795_635_624 * SECOND),
        ("2026-11-25T19:40:24.000000001Z", 1_795_635_624 * SECOND + 1),
        ("2026-11-25T19:40:24.5Z", 1_795_635_624 * SECOND + SECOND // 2),
        ("2026-11-25T19:40:24.1234567899Z", 1_795_635_624 * SECOND + 123_456_789),
        ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
        ("1795635624000000007", 1_795_635_624 * SECOND + 7),
        ("0", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", LATEST),
        ("99999999999999999999", LATEST),
        ("999999999d", 0),
    ],
)
def test_instants_are_read(text: str, expected: int) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize("text", ["24h", "90s", "1.5d", "500ms", "5min"])
def test_a_duration_is_that_long_ago(text: str) -> None:
    seconds = {"24h": 86400, "90s": 90, "1.5d": 129_600, "500ms": 0.5, "5min": 300}[text]
    before = time.time_ns()
    found = parse_instant(text)
    after = time.time_ns()
    assert before - seconds * SECOND <= found <= after - seconds * SECOND


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "-1",
        "1e9",
        "0x1",
        "1.5",
        "٣",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-11-25T25:00:00Z",
        "2026-11-25T19:40:24+24:00",
        "2026-11-25T19:40:24Zx",
        "2026-W48",
        "1..5h",
        "9" * 400 + "d",
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="instant"):
        parse_instant(text)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)),
    st.integers(-23 * 60, 23 * 60),
)
def test_it_agrees_with_the_standard_library(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    expected = max(0, since // timedelta(microseconds=1) * 1000)
    assert parse_instant(aware.isoformat()) == expected


@given(st.text(max_size=30) | st.from_regex(r"[0-9TZ:.+dhms-]{1,25}", fullmatch=True))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert 0 <= parse_instant(text) <= LATEST
