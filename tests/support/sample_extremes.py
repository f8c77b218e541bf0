"""Runs that are long, manifold or hostile."""

from __future__ import annotations

from checkwire.model.attempt import Run, Step
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import (
    FramesSkipped,
    HttpExchange,
    StepFinished,
    StepStarted,
)
from checkwire.model.failures import Failure, Location
from support.story import Story, check, ns, renumbered, run_of


def _logged_in(story: Story) -> Story:
    story.step("log in", 0.0, 44.0)
    story.events.append(
        HttpExchange(
            at_ns=ns(0.4),
            method="POST",
            url="https://api.acme.example/login",
            duration_ns=ns(43.0),
            status=200,
            reason="OK",
            phases={"dns": ns(2.0), "tcp": ns(8.0), "tls": ns(12.0), "wait": ns(20.0)},
            request_headers=(("Content-Type", "application/json"),),
            response_headers=(("Content-Type", "application/json"), ("Set-Cookie", "••••••")),
            request_body='{"key":"••••••"}',
            response_body='{"token":"••••••"}',
            response_size=512,
            step=1,
        )
    )
    return story


def two_connections() -> Run:
    """It passes: an HTTP login, nested steps, two connections, fragments, binary, a long text."""
    story = _logged_in(Story()).step("talk", 45.0, 700.0)
    story.open(45.0).phase("first_message", 183.0, 10.0)
    story.frame(193.0, "in", None, "text", size=30, fin=False)
    story.frame(195.0, "in", '{"in":"two\\nparts",\n "of":"one"}', "continuation")
    story.frame(200.0, "out", "p1", "ping").frame(220.0, "in", "p1", "pong")
    story.events.append(StepStarted(at_ns=ns(230.0), step=3, name="in private", parent=2))
    story.steps.append(Step(number=3, name="in private", at_ns=ns(230.0), duration_ns=ns(200.0),
                            status="passed", parent=2))  # fmt: skip
    story.dial(231.0, "ws://127.0.0.1:9001/private", 2).phase("tcp", 231.0, 0.1)
    story.phase("upgrade", 231.1, 1.2).answer(232.3).phase("open", 231.0, 1.3)
    story.frame(233.0, "out", bytes(range(0x30, 0x70)))
    story.frame(234.0, "in", "word " * 60, truncated=True, size=4096)
    story.say(300.0, "half way").close(420.0)
    story.events.append(StepFinished(at_ns=ns(430.0), step=3))
    story.say(500.0, "the rest", level="warning")
    return run_of(check("two-connections", "checks/feed.py"), story.attempt("passed", 710.0))


def huge() -> Run:
    """200,000 frames, of which the first and the last are kept; an HTTP login; many logs."""
    story = _logged_in(Story())
    story.step("stream", 45.0, 31_000.0, "failed").open(45.0)
    story.phase("first_message", 183.0, 10.0)
    for number in range(30):
        story.frame(193.0 + number, "in", f'{{"seq":{number},"fill":"{"x" * 300}"}}')
    story.events.append(
        FramesSkipped(at_ns=ns(230.0), connection=1, count=199_940, size=61_234_567)
    )
    story.frames = 199_970
    for number in range(30):
        at = 30_000.0 + 10 * number
        text = f'{{"seq":{199_970 + number},"fill":"{"y" * 300}"}}'
        story.frame(at, "in", text, coalesced=number == 28)
    for number in range(40):
        story.say(30_300.0 + number, f"line {number}", source="stdout")
    story.fail(
        31_000.0,
        Failure(
            code="timeout.check",
            message="The check did not finish in its 30 s",
            location=Location("checks/feed.py", 30, "feed", "async for message in ws:"),
        ),
        step=2,
    )
    story.fail(
        31_000.0,
        Failure(code="check.unclosed_connection", message="The check left 1 connection open"),
        "warning",
    )
    story.close(31_001.0, 1006, initiator="local")
    return run_of(check("feed", "checks/feed.py", 20), story.attempt("failed", 31_002.0))


NASTY = (
    "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe\u202c ##[add-mask]x 行情 📈 👨\u200d👩\u200d👧 "
    "\x00\x7f\u200b\ufeff\r\n::error::no\t ☀️ é e\u0301"
)
"""What a hostile or careless server may send."""


def nasty(text: str = NASTY) -> Run:
    """The text wherever a target or a script has a say."""
    story = Story().dial(0.0, f"ws://{text}/").phase("dns", 0.0, 1.0, addresses=[text])
    story.answer(3.0, 101, text, response_headers=((text, text),), subprotocol=text)
    story.step(text, 4.0, 9.0, "failed")
    story.frame(5.0, "out", text).frame(6.0, "in", text).frame(7.0, "in", text, "ping")
    story.frame(8.0, "in", text.encode("utf-8", "replace")).frame(
        8.5, "in", f"1000 {text}", "close"
    )
    story.say(8.6, text, source="stdout").say(8.7, text, level="error")
    failure = Failure(
        code="assertion.failed",
        message=text,
        hint=text,
        details=text,
        evidence={
            "status": 403,
            "reason": text,
            "headers": [[text, text]],
            "body": text,
            "tries": [{"address": text, "result": text}],
            "chain": [{"subject": text}],
            text: text,
        },
        location=Location(f"checks/{text}.py", 3, text, text),
        connection=1,
    )
    story.fail(9.0, failure, step=1).fail(9.0, failure, "warning")
    story.close(9.1, 1000, reason=text)
    definition = CheckDefinition(
        id=f"x.py::{text}", name=text, path=f"checks/{text}.py", line=3, function=text, case=text
    )
    return run_of(
        definition, story.attempt("failed", 10.0), renumbered(story.attempt("failed", 10.0), 2)
    )
