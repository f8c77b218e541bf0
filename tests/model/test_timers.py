"""Which timers an end is laid to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.timers import TIMERS, Lapse, Timer, match_timers, ping_interval

SHORTEST = min(timer.seconds - timer.tolerance for timer in TIMERS)
IDLE = [timer for timer in TIMERS if timer.counts in ("either", "server") and not timer.family]
LIFETIMES = [timer for timer in TIMERS if timer.counts == "life"]


def silent(seconds: float, *, lifetime: float | None = None) -> Lapse:
    """An end after a silence of both sides, of a connection that had been used before."""
    lifetime = seconds + 1234.5 if lifetime is None else lifetime
    return Lapse(lifetime=lifetime, sent=seconds, received=seconds)


def products(lapse: Lapse, **given: str) -> set[str]:
    """Those that the end is laid to."""
    match = match_timers(lapse, **given)
    return set() if match is None else {timer.product for timer in match.timers}


@pytest.mark.parametrize(
    ("seconds", "product"),
    [
        (60.02, "nginx"),
        (60.9, "AWS Application Load Balancer"),
        (55.1, "Heroku"),
        (100.1, "Cloudflare"),
        (240.5, "Azure Load Balancer"),
        (300.0, "Envoy"),
        (350.2, "AWS Network Load Balancer"),
        (600.4, "Amazon API Gateway"),
        (600.4, "Amazon CloudFront"),
        (3600.2, "HAProxy"),
    ],
)
def test_a_known_silence_is_laid_to_its_product(seconds: float, product: str) -> None:
    match = match_timers(silent(seconds))
    assert match is not None
    assert match.idle
    assert product in {timer.product for timer in match.timers}
    assert match.measured == seconds


@pytest.mark.parametrize(
    ("age", "product"),
    [
        (30.05, "Google Cloud Application Load Balancer"),
        (300.2, "Google Cloud Run"),
        (3601.0, "Google Cloud Run"),
        (7200.5, "Amazon API Gateway"),
        (14401.0, "Azure Front Door"),
        (86400.0, "Binance"),
    ],
)
def test_a_known_age_is_laid_to_its_product_while_frames_flow(age: float, product: str) -> None:
    match = match_timers(Lapse(lifetime=age, sent=3.0, received=0.2))
    assert match is not None
    assert not match.idle
    assert product in {timer.product for timer in match.timers}


@given(
    lifetime=st.floats(0, SHORTEST, exclude_max=True),
    sent=st.floats(0, 1),
    received=st.floats(0, 1),
    reset=st.booleans(),
)
def test_what_was_short_is_laid_to_nothing(
    lifetime: float, sent: float, received: float, reset: bool
) -> None:
    lapse = Lapse(
        lifetime=lifetime, sent=lifetime * sent, received=lifetime * received, reset=reset
    )
    assert match_timers(lapse) is None


@given(
    timer=st.sampled_from(IDLE), part=st.floats(-1, 1), used=st.floats(0, 0.9), sent=st.booleans()
)
def test_a_frame_restarts_every_timer_that_counts_it(
    timer: Timer, part: float, used: float, sent: bool
) -> None:
    """As long as the connection is old enough, only the silence since the last frame counts."""
    whole = timer.seconds + part * timer.tolerance
    recent = (SHORTEST - 1) * used
    lapse = Lapse(lifetime=1e6, sent=recent if sent else whole, received=whole if sent else recent)
    match = match_timers(lapse)
    if not sent:
        assert match is None
    elif match is not None:
        assert {found.counts for found in match.timers} == {"server"}


@given(timer=st.sampled_from(IDLE + LIFETIMES), part=st.floats(-1, 1))
def test_within_its_tolerance_a_timer_or_a_nearer_one_is_found(timer: Timer, part: float) -> None:
    seconds = timer.seconds + part * timer.tolerance
    lapse = (
        Lapse(lifetime=seconds, sent=0.1, received=0.1)
        if timer.counts == "life"
        else silent(seconds)
    )
    match = match_timers(lapse)
    assert match is not None
    assert abs(match.measured - match.seconds) <= abs(seconds - timer.seconds) + 1e-9


@given(seconds=st.floats(0, 1e5))
def test_nothing_is_laid_to_a_timer_beyond_its_tolerance(seconds: float) -> None:
    for lapse in (silent(seconds, lifetime=1e6), Lapse(lifetime=seconds, sent=0, received=0)):
        match = match_timers(lapse)
        if match is not None:
            assert all(abs(seconds - timer.seconds) <= timer.tolerance for timer in match.timers)


@given(
    settings=st.lists(st.floats(10, 1000), min_size=1, max_size=8, unique=True),
    seconds=st.floats(10, 1000),
)
def test_the_nearest_wins(settings: list[float], seconds: float) -> None:
    timers = [Timer(str(s), s, "either", "", "", tolerance=2000) for s in settings]
    match = match_timers(silent(seconds), timers)
    assert match is not None
    best = min(abs(seconds - s) / s for s in settings)
    assert abs(seconds - match.seconds) / match.seconds == pytest.approx(best)


def test_a_silence_from_the_beginning_is_a_silence_with_the_age_beside_it() -> None:
    match = match_timers(Lapse(lifetime=300.0, sent=300.0, received=300.0))
    assert match is not None
    assert match.idle
    assert {timer.product for timer in match.timers} == {"Azure Front Door", "Envoy"}
    assert [timer.product for timer in match.also] == ["Google Cloud Run"]


def test_a_reset_of_the_first_frame_after_a_long_silence_tells_of_a_timer_before() -> None:
    late = Lapse(lifetime=2000.0, sent=0.1, received=420.1, before=420.0, reset=True)
    assert products(late) == {"AWS Network Load Balancer"}
    assert products(Lapse(lifetime=2000.0, sent=0.1, received=420.1, before=420.0)) == set()
    answered = Lapse(lifetime=2000.0, sent=1.0, received=0.5, before=420.0, reset=True)
    assert products(answered) == set()
    soon = Lapse(lifetime=2000.0, sent=0.1, received=30.1, before=30.0, reset=True)
    assert products(soon) == set()


def test_a_protocols_own_timer_counts_only_where_it_is_spoken() -> None:
    lapse = Lapse(lifetime=500.0, sent=60.1, received=2.0)
    assert products(lapse) == set()
    assert products(lapse, family="Phoenix channels") == {"Phoenix"}


@given(st.floats(0.1, 1e6))
def test_pings_come_well_before_the_timer_runs_out(seconds: float) -> None:
    interval = ping_interval(seconds)
    assert seconds / 4 < interval <= seconds / 2


def test_the_interval_is_one_that_people_write() -> None:
    assert [ping_interval(s) for s in (30, 55, 60, 100, 350, 600)] == [15, 25, 30, 50, 120, 300]


@pytest.mark.parametrize("timer", TIMERS, ids=lambda t: f"{t.product} {t.seconds:g}")
def test_every_timer_has_a_source_and_is_told_from_its_neighbours(timer: Timer) -> None:
    assert timer.source.startswith("https://")
    assert 0 < timer.tolerance <= timer.seconds * 0.04
    others = {other.seconds for other in TIMERS if other.seconds != timer.seconds}
    assert all(abs(timer.seconds - other) > timer.tolerance for other in others)
