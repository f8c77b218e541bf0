"""Secrets are found in every form in which they travel, and wherever a text was cut."""

from __future__ import annotations

import html
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import get_args, get_type_hints
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checkwire.model.events import Event, Failed, StepStarted
from checkwire.model.failures import Failure, Location
from checkwire.model.masking import MASK, Masker, without_credentials

TOKEN = "s3cr3t/Tok3n+Value=xyz?>>"


def php_json(text: str) -> str:
    return json.dumps(text)[1:-1].replace("/", "\\/")


def go_json(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", quoted)


def upper_json(text: str) -> str:
    escaped = json.dumps(text)[1:-1]
    return re.sub(r"\\u(....)", lambda match: "\\u" + match[1].upper(), escaped)


def lower_percent(text: str) -> str:
    return re.sub("%..", lambda match: match[0].lower(), quote(text, safe=""))


def in_json_twice(text: str) -> str:
    return php_json(json.dumps(text)[1:-1])


ESCAPES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in ascii": lambda text: json.dumps(text)[1:-1],
    "json in upper case": upper_json,
    "json of php": php_json,
    "json of go": go_json,
    "json in json": in_json_twice,
    "percent": lambda text: quote(text, safe=""),
    "percent in a path": quote,
    "percent in lower case": lower_percent,
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": quote_plus,
    "html": html.escape,
    "html in ascii": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "repr": lambda text: repr(f"{text}'\"")[1:-4],
    "ascii": lambda text: ascii(f"{text}'\"")[1:-4],
    "repr of bytes": lambda text: repr(f"{text}'\"".encode())[2:-4],
    "utf-8 taken for latin-1": lambda text: text.encode().decode("latin-1"),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "hex with spaces": lambda text: text.encode().hex(" "),
    "hex with colons": lambda text: text.encode().hex(":").upper(),
}
BASE64: dict[str, Callable[[bytes], bytes]] = {"base64": b64encode, "base64url": urlsafe_b64encode}

secrets = st.text("abcXYZ0189/+=?&%\"'\\<> ü€😀\n-_.", min_size=4, max_size=40).filter(
    lambda text: len(text) == len(text.strip())
)
elsewhere = st.text("~|^*", max_size=20)
"""What stands around a secret: nothing that could be a part of it."""


def parts(secret: str) -> Iterator[str]:
    """What must not be told: as many characters as nobody could take for something else."""
    size = min(8, len(secret))
    return (secret[start : start + size] for start in range(len(secret) - size + 1))


def decoded(text: str) -> str:
    """All that comes out of the base64 in a text, however it is aligned."""
    found = []
    for run in re.findall(r"[\w+/-]+", text, re.ASCII):
        for skip in range(4):
            whole = run[skip : skip + (len(run) - skip) // 4 * 4]
            found.append(b64decode(whole, b"-_" if set("-_") & set(whole) else None))
    return b"\n".join(found).decode("utf-8", "replace")


@pytest.mark.parametrize("form", ESCAPES)
def test_a_secret_is_masked_in_each_form(form: str) -> None:
    for secret in (TOKEN, "p\"ß\\w/€ +<&>'\n😀", "hunter2"):
        assert Masker([secret]).text(f"~{ESCAPES[form](secret)}~") == f"~{MASK}~"


@pytest.mark.parametrize("form", BASE64)
@pytest.mark.parametrize("before", ["", "u", "u:", "us:"])
def test_a_secret_is_masked_in_base64_wherever_it_begins(form: str, before: str) -> None:
    for secret in (TOKEN, "~~~???>>>", "abcd"):
        text = BASE64[form](f"{before}{secret} ".encode()).decode()
        shown = Masker([secret]).text(text)
        assert MASK in shown
        assert not any(part in decoded(shown) for part in parts(secret))


@settings(deadline=None)
@given(secrets, elsewhere, elsewhere, st.sampled_from(sorted(ESCAPES)), st.integers(0, 200))
@example("\\\n00", "", "", "json", 200)
def test_no_part_of_a_secret_is_left_in_any_form_however_it_is_cut(
    secret: str, before: str, after: str, form: str, limit: int
) -> None:
    escape, masker = ESCAPES[form], Masker([secret])
    text = f"{before}{escape(secret)}{after}"
    whole = masker.text(text)
    assert whole == f"{before}{MASK}{after}"
    assert masker.text(whole) == whole
    shown = masker.excerpt(text, limit)
    assert whole.startswith(shown)
    assert len(shown) <= limit


@settings(deadline=None)
@given(secrets, elsewhere, elsewhere, st.sampled_from(sorted(BASE64)), st.integers(0, 120))
def test_no_part_of_a_secret_is_left_in_base64_however_it_is_cut(
    secret: str, before: str, after: str, form: str, limit: int
) -> None:
    masker = Masker([secret])
    text = BASE64[form](f"{before}{secret}{after}".encode()).decode()
    for shown in (masker.text(text), masker.excerpt(text, limit)):
        assert not any(part in decoded(shown) for part in parts(secret))


@settings(deadline=None)
@given(secrets, elsewhere, elsewhere, st.data())
def test_no_part_of_a_secret_is_left_in_what_broke_off(
    secret: str, before: str, after: str, data: st.DataObject
) -> None:
    whole = f"{before}{secret}{after}".encode()
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(first, len(whole)))
    limit = data.draw(st.integers(0, len(whole)))
    masker = Masker([secret])
    shown = masker.excerpt_of_bytes(whole[first:last], limit, begins=False, ends=False)
    assert len(shown) <= limit
    # What is shown may end within a character, and a part of it is none.
    told = shown.decode("utf-8", "replace")
    assert not any(part in told for part in parts(secret))
    assert not any(
        part in bytes.fromhex(shown.hex(" ")).decode("latin-1") for part in parts(secret)
    )


@settings(deadline=None)
@given(secrets, elsewhere, st.sampled_from(sorted(ESCAPES)), st.integers(0, 200))
def test_what_was_cut_before_is_masked_up_to_the_ellipsis(
    secret: str, before: str, form: str, limit: int
) -> None:
    escape = ESCAPES[form]
    text = f"{before}{escape(secret)}"[:limit]
    for cut in ("…", "\n…", " … 1,000 characters"):
        shown = Masker([secret]).text(f"{text}{cut}")
        assert shown.endswith(cut.lstrip())  # a blank may stand for a plus
        assert not any(escape(part) in shown for part in parts(secret))


@given(st.integers(0, 30))
def test_a_mask_that_is_cut_in_bytes_is_still_text(limit: int) -> None:
    shown = Masker([TOKEN]).excerpt_of_bytes(f"GET /?t={TOKEN}".encode(), limit)
    assert f"GET /?t={MASK}".startswith(shown.decode())


def test_short_values_are_no_secrets() -> None:
    masker = Masker(["", "1", "no"])
    assert masker.text("1 of no 1") == "1 of no 1"
    assert Masker(["abc"]).text("abcd YWJj 616263") == f"{MASK}d YWJj 616263"


def test_text_that_has_nothing_to_do_with_a_secret_stays() -> None:
    text = 'HTTP/1.1 403 Forbidden\r\n{"a": "b\\/c%20d &amp; \\u00fc…"} s3c s3 … Tok3n'
    assert Masker([TOKEN]).text(text) == text
    assert Masker([TOKEN]).excerpt(text, 1000) == text
    data = bytes(range(256))
    assert Masker([TOKEN]).excerpt_of_bytes(data, 256, begins=False, ends=False) == data


def test_of_two_secrets_the_longer_is_masked_whole() -> None:
    for given_in in (["token", "token-and-more"], ["token-and-more", "token"]):
        assert Masker(given_in).text("a token-and-more token-an") == f"a {MASK} {MASK}-an"


def test_half_a_pair_of_surrogates_in_a_secret_breaks_nothing() -> None:
    masker = Masker(["abc\udcfcdef", "\ud800xyzxyz"])
    assert masker.text("abc\udcfcdef") == masker.text("abc\\udcfcdef") == MASK


# Records


def fields() -> list[tuple[type[msgspec.Struct], str, object]]:
    kinds = [*get_args(Event), Failure, Location]
    return [
        (kind, name, hint)
        for kind in kinds
        for name, hint in get_type_hints(kind).items()
        if name in kind.__struct_fields__
    ]


@pytest.mark.parametrize(
    ("kind", "name", "hint"), fields(), ids=lambda value: getattr(value, "__name__", str(value))
)
def test_a_field_is_masked_unless_it_holds_a_word_of_ours(
    kind: type[msgspec.Struct], name: str, hint: object
) -> None:
    words = kind.words  # type: ignore[attr-defined]
    if "Literal" in str(hint):
        assert name in words, "a secret such as 'text' must not break the stream"
    elif "str" in str(hint) or "Any" in str(hint) or "Struct" in str(hint):
        assert name not in words or name in {
            "check", "engine", "version", "cipher", "payload", "phases", "code", "phase", "path",
            "function",
        }  # fmt: skip


def test_a_record_is_masked_in_all_its_parts() -> None:
    location = Location(path="checks/a.py", line=3, text=f'token = "{TOKEN}"')
    failure = Failure(
        code="upgrade.status",
        message=f"bad {TOKEN}",
        details=f"{TOKEN}\n",
        hint=f"drop {TOKEN}",
        evidence={"headers": [["X", TOKEN]], TOKEN: {"a": (TOKEN, 1, None)}},
        location=location,
    )
    masker = Masker([TOKEN, "upgrade.status", "failed"])
    event = Failed(at_ns=1, number=1, failure=failure)
    told = masker.data(event)
    assert "s3cr3t" not in repr(told)
    assert told.failure.code == "upgrade.status"
    assert told.severity == "failed"
    assert masker.data(told) == told
    plain = StepStarted(at_ns=1, step=1, name="log in")
    assert masker.data(plain) == plain


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://host/a?b@c", "wss://host/a?b@c"),
        ("wss://user:pw@host:1/a?b=@", "wss://host:1/a?b=@"),
        ("wss://us@er:p@w@host", "wss://host"),
        ("wss://user:p/w?@host/a", "wss://host/a"),
        ("wss://host:8080/a@b", "wss://host:8080/a@b"),
        ("wss://[::1]:8080/a@b", "wss://[::1]:8080/a@b"),
        ("user:pw@host/a", "host/a"),
        ("//user:pw@host/a", "//host/a"),
        ("/next?to=http://u:p@host/", "/next?to=http://host/"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
    assert Masker().headers([("Location", url)]) == (("Location", shown),)
