"""Drawings: where things stand, and that what is drawn is well-formed."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.server.pages.svg.latency import Failure, Sample, chart, sparkline
from checkwire.server.pages.svg.markup import joined, tag, title
from checkwire.server.pages.svg.scale import Scale, label_of, step_for, ticks
from checkwire.server.pages.svg.session import Dial, Exchange, Lane, Point, Stem, StepSpan, session
from checkwire.server.pages.svg.strip import Bar, strip
from checkwire.server.pages.svg.waterfall import Span, bar, scale_of

MS = 1_000_000
NASTY = "<script>alert(1)</script>&\"'"


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)


def of_class(drawing: str, name: str) -> list[ET.Element]:
    return [e for e in parsed(drawing).iter() if name in (e.get("class") or "").split()]


def x_of(element: ET.Element, name: str = "x1") -> float:
    return float((element.get(name) or "0").rstrip("%"))


def stem(at_ms: float, number: int = 1, **more: object) -> Stem:
    fields = {
        "key": f"1.{number}",
        "at_ns": round(at_ms * MS),
        "sent": False,
        "opcode": "text",
        "size": 100,
        "title": f"{number} text",
        "href": f"?frame=1.{number}",
    }
    return Stem(**(fields | more))  # type: ignore[arg-type]


def test_text_and_attributes_are_escaped() -> None:
    drawing = tag("text", NASTY, title(NASTY), class_=NASTY, x=1)
    assert "<script" not in drawing
    assert parsed(drawing).get("class") == NASTY
    assert "".join(parsed(drawing).itertext()) == NASTY * 2
    assert "&lt;" in joined("<", tag("g"))


@given(st.floats(0.001, 1e12), st.integers(2, 12))
def test_ticks_are_round_and_few(length: float, count: int) -> None:
    found = list(ticks(0, length, count))
    assert 1 <= len(found) <= count + 1
    step = step_for(length, count)
    mantissa = step
    while mantissa >= 9.999:
        mantissa /= 10
    while mantissa < 0.9999:
        mantissa *= 10
    assert any(mantissa == pytest.approx(round_one) for round_one in (1, 2, 5))


@pytest.mark.parametrize(
    ("ns", "step", "label"),
    [
        (0, 50 * MS, "0"),
        (50 * MS, 50 * MS, "50 ms"),
        (1500 * MS, 500 * MS, "1.5 s"),
        (200 * MS, 200 * MS, "0.2 s"),
        (20_000, 20_000, "0.02 ms"),
        (2000 * MS, 1000 * MS, "2 s"),
    ],
)
def test_ticks_are_labelled_in_their_unit(ns: float, step: float, label: str) -> None:
    assert label_of(ns, step) == label


def test_what_lies_outside_of_a_scale_stands_at_its_border() -> None:
    scale = Scale(0, 10, 0.2, 0.8)
    assert [scale(value) for value in (-5, 0, 5, 10, 99)] == pytest.approx(
        [0.2, 0.2, 0.5, 0.8, 0.8]
    )
    assert Scale(3, 3)(3) == 0.0


def test_phases_stand_end_to_end_to_one_scale() -> None:
    spans = [Span(0, 10 * MS), Span(10 * MS, 30 * MS), Span(30 * MS, 40 * MS, "fail")]
    scale = scale_of(spans)
    bars = [of_class(bar(span, scale), "bar")[0] for span in spans]
    assert [x_of(one, "x") for one in bars] == [0, 25, 75]
    assert [x_of(one, "width") for one in bars] == [25, 50, 25]
    assert "fail" in (parsed(bar(spans[2], scale)).get("class") or "")


def test_a_long_wait_for_the_first_message_leaves_room_for_the_rest_and_is_torn() -> None:
    spans = [Span(0, 10 * MS), Span(10 * MS, 5000 * MS)]
    scale = scale_of(spans, last=1)
    assert x_of(of_class(bar(spans[0], scale), "bar")[0], "width") == 50
    assert of_class(bar(spans[1], scale), "tear")
    assert not of_class(bar(spans[0], scale), "tear")


def test_a_phase_that_took_no_time_can_be_seen() -> None:
    scale = scale_of([Span(0, 100 * MS), Span(100 * MS, 100 * MS)])
    (drawn,) = of_class(bar(Span(100 * MS, 100 * MS), scale), "bar")
    assert x_of(drawn, "x") + x_of(drawn, "width") <= 100
    assert x_of(drawn, "width") > 0


def test_sent_frames_stand_above_the_wire_and_received_ones_below() -> None:
    drawing = session(
        0, 100 * MS, lanes=[Lane("", stems=(stem(50, 1), stem(75, 2, sent=True)))], label="t"
    )
    wire = float(of_class(drawing, "wire")[0].get("y1") or 0)
    received, sent = of_class(drawing, "stem")
    assert float(received[1].get("y2") or 0) > wire > float(sent[1].get("y2") or 0)
    assert x_of(received[1]) == 50
    assert received.get("href") == "?frame=1.1"
    assert received.get("data-frame") == "1.1"


def test_each_connection_has_its_wire() -> None:
    lanes = [
        Lane(f"connection {n}", (Dial(0, n * MS, "dialled", ((0, n * MS),)),)) for n in (1, 2, 3)
    ]
    drawing = session(0, 100 * MS, lanes=lanes, label="t")
    assert len({wire.get("y1") for wire in of_class(drawing, "wire")}) == 3
    assert len(of_class(drawing, "dialling")) == 3


def test_the_failure_is_marked_where_it_was() -> None:
    drawing = session(0, 100 * MS, failure=Point(80 * MS, "failed here", NASTY), label="t")
    line = next(e for e in of_class(drawing, "broke") if e.tag == "line")
    assert x_of(line) == 80
    assert "failed here" in "".join(parsed(drawing).itertext())


def test_a_failed_step_has_its_name_however_short_it_was() -> None:
    steps = [
        StepSpan(1, "a long name indeed", 0, MS, "ok", "1 ms"),
        StepSpan(2, "another long name", MS, 2 * MS, "fail", "1 ms"),
    ]
    text = "".join(parsed(session(0, 1000 * MS, steps=steps, label="t")).itertext())
    assert "✕ 2 another long name, 1 ms" in text
    assert "a long name indeed" not in text.replace("✕ 2 another", "")


def test_an_exchange_is_labelled_as_there_is_room() -> None:
    labels = ("POST /login → 200, 500 ms", "POST /login", "POST")
    wide = session(0, 1000 * MS, exchanges=[Exchange(0, 500 * MS, labels)], label="t")
    narrow = session(0, 1000 * MS, exchanges=[Exchange(0, 60 * MS, labels)], label="t")
    assert labels[0] in [e.text for e in of_class(wide, "axis")]
    assert "POST" in [e.text for e in of_class(narrow, "axis")]


def test_thousands_of_frames_are_drawn_without_what_only_few_need() -> None:
    stems = tuple(stem(number / 10, number) for number in range(2000))
    drawing = session(0, 200 * MS, lanes=[Lane("", stems=stems)], label="t")
    assert len(of_class(drawing, "stem")) == 2000
    assert not of_class(drawing, "hit")


def test_the_strip_has_the_newest_run_at_the_right_and_links() -> None:
    bars = [Bar(f"/runs/{n}", "ok", f"passed {n}", 100 * MS) for n in range(60)]
    bars.append(Bar("/runs/last", "fail", NASTY, 100 * MS, current=True))
    drawing = strip(bars, label="runs", room=48)
    links = parsed(drawing).findall("a")
    assert len(links) == 48
    assert links[-1].get("href") == "/runs/last"
    assert links[-1].get("aria-current") == "true"
    assert len(of_class(drawing, "notch")) == 1


def test_failed_bars_are_the_tallest_and_missed_runs_hardly_there() -> None:
    bars = [
        Bar("/1", "ok", "", 100 * MS),
        Bar("/2", "fail", "", 5 * MS),
        Bar("/3", "none", "", None),
    ]
    heights = [float(e.get("height") or 0) for e in of_class(strip(bars, label="runs"), "run")]
    assert heights[1] > heights[0] > heights[2] > 0


def samples(*values: float | None) -> list[Sample]:
    return [
        Sample(n * MS, (n + 1) * MS, value, None if value is None else value * 2)
        for n, value in enumerate(values)
    ]


def test_nothing_is_drawn_where_there_were_no_runs() -> None:
    drawing = chart(samples(10.0, None, 20.0), label="latency")
    assert len(of_class(drawing, "sample")) == 2
    # No line leads across the gap: each of the two has its own, and no more.
    assert len(of_class(drawing, "p50")) == 2
    assert len(of_class(chart(samples(10.0, 20.0), label="l"), "p50")) == 3


def test_slower_stands_higher_and_failures_link_to_their_runs() -> None:
    drawing = chart(
        samples(10.0, 30.0), [Failure(MS, "/runs/x", NASTY)], times=[(MS, "12:00")], label="l"
    )
    first, _, second = of_class(drawing, "p50")
    assert float(second.get("y1") or 0) < float(first.get("y1") or 0)
    assert [a.get("href") for a in parsed(drawing).findall("a")] == ["/runs/x"]


def test_a_drawing_of_nothing_is_a_drawing() -> None:
    for drawing in (
        chart([], label="l"),
        sparkline([], label="l"),
        strip([], label="l"),
        session(0, 0, label="l"),
        bar(Span(0, 0), scale_of([])),
    ):
        assert parsed(drawing).tag == "svg"


def test_no_drawing_uses_styles_that_the_policy_forbids() -> None:
    drawing = session(0, MS, lanes=[Lane("", stems=(stem(0.5),))], label="t")
    assert "style=" not in drawing
