"""Secrets in what is kept and shown: whatever is around them, and wherever it is cut."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from websockets.frames import Opcode

from checkwire.model.events import Event, FrameSeen
from checkwire.model.masking import Masker
from checkwire.runner.output import OutputCapture
from checkwire.sdk.http.body_text import shown_body
from checkwire.sdk.values import show
from checkwire.wire.observer import Observer
from checkwire.wire.options import Limits
from checkwire.wire.session.recorder import FrameRecorder
from fuzz.choices import Choices, cut

__all__ = ["target"]

_SECRETS: Final = (
    ("S3CR3T-TOKEN",),
    ("S3CR3T-TOKEN", "S3CR3T-TOKEN-OF-ANOTHER"),
    ("PÄSSWÖRT/+?&=", "S3CR3T"),
    ('Q"U\\O\tTED',),
    ("LONG" * 50,),
    ("ONE-LINE-OF-KEY\nANOTHER-LINE-OF-KEY\n",),
)
_FORMS: Final = (
    lambda secret: secret,
    lambda secret: json.dumps(secret)[1:-1],
    lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    lambda secret: quote(secret),
    lambda secret: quote(secret, safe=""),
)
_TELLING: Final = 5
"""Characters of a secret that are too many to be left of it."""


def target(data: bytes) -> None:
    """Which secrets, where to cut, then what is around them."""
    choices = Choices(data)
    secrets, places = choices.pick(_SECRETS), choices.cuts()
    text = _text(choices, secrets)
    masker = Masker(secrets)
    _check(masker.text(text), secrets)
    _check(masker.text(masker.text(text)), secrets)
    _check(repr(masker.data({"key": [text, {text: text}]})), secrets)
    _check(repr(masker.headers([("X-Any", text), ("Cookie", text)])), secrets)
    _check(show(text, 60, masker), secrets)
    _check(show([text, {"k": text}], 100, masker), secrets)
    _check(shown_body(text.encode("utf-8", "replace"), "text/plain", 40, masker) or "", secrets)
    _check_excerpts(text, masker, secrets, choices.number(200))
    _check_frames(text, masker, secrets)
    _check_output(text, places, secrets)


def _text(choices: Choices, secrets: tuple[str, ...]) -> str:
    """Secrets in one form or another, with anything before, between and behind them."""
    parts = [choices.text(120).upper()]
    for _ in range(choices.number(6)):
        secret = choices.pick(secrets)
        match choices.number(len(_FORMS) + 1):
            case form if form < len(_FORMS):
                parts.append(_FORMS[form](secret))
            case _:
                padded = bytes(choices.number(3)) + secret.encode() + bytes(choices.number(3))
                parts.append(base64.b64encode(padded).decode())
        parts.append(choices.text(120).upper())
    return "".join(parts)


def _check(shown: str, secrets: tuple[str, ...]) -> None:
    for secret in secrets:
        assert secret not in shown, (secret, shown)


def _check_excerpts(text: str, masker: Masker, secrets: tuple[str, ...], limit: int) -> None:
    """Also of a text that was cut at both ends before."""
    data = text.encode("utf-8", "surrogatepass")
    for cut_off in (False, True):
        excerpt = masker.excerpt(text, limit, begins=not cut_off, ends=not cut_off)
        bytes_ = masker.excerpt_of_bytes(data, limit, begins=not cut_off, ends=not cut_off)
        assert len(excerpt) <= limit
        assert len(bytes_) <= limit
        for shown in (excerpt, bytes_.decode("utf-8", "replace")):
            _check(shown, secrets)
            if len(text) > limit:
                _check_end(shown, secrets)
    assert masker.excerpt(text[: limit + masker.longest], limit) == masker.excerpt(text, limit)


def _check_frames(text: str, masker: Masker, secrets: tuple[str, ...]) -> None:
    told: list[Event] = []

    class Told(Observer):
        def take(self, event: Event) -> None:
            told.append(event)

    recorder = FrameRecorder(1, Told(masker=masker), Limits(payload=50))
    data = text.encode("utf-8", "replace")
    for opcode, payload in ((Opcode.TEXT, text), (Opcode.BINARY, data), (Opcode.PING, data[:125])):
        recorder.add(0, "in", opcode, 0, 0, True, False, payload, False, False)
    for event in told:
        assert isinstance(event, FrameSeen)
        payload = event.payload or ""
        if event.base64:
            payload = base64.b64decode(payload).decode("utf-8", "replace")
        assert len(payload) <= 50
        _check(payload, secrets)
        if event.truncated and event.opcode != "ping":  # That was cut above.
            _check_end(payload, secrets)


def _check_end(payload: str, secrets: tuple[str, ...]) -> None:
    """Where it was cut there is no beginning of a secret, which nobody would recognise as one."""
    for secret in secrets:
        start = secret[:_TELLING]
        assert not payload.endswith(start) or secret in payload, (secret, payload)


def _check_output(text: str, places: Sequence[int], secrets: tuple[str, ...]) -> None:
    masker = Masker(secrets)
    capture = OutputCapture("stdout", masker, first=100, last=100)
    logged = []
    for piece in cut(text.encode("utf-8", "replace"), places):
        logged += capture.feed(piece, 1)
    logged += capture.finish(2)
    for line in logged:
        for secret in secrets:
            for part in secret.splitlines():
                assert part not in line.message, (secret, line.message)
