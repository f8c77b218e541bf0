"""Codes, explanations and the page on them hold together."""

from __future__ import annotations

import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest

from checkwire.model.explanations import FAMILIES, explanation_of
from checkwire.model.failures import BLAMES, CODES
from support.sentences import fits

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "src" / "checkwire" / "model"
PHASES = {"dns", "tcp", "proxy", "tls", "upgrade", "first_message", "open", "close"}
PAGE = ROOT / "docs" / "failures.md"


def family_of(code: str) -> str:
    return code.partition(".")[0]


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    explanation = explanation_of(code)
    assert explanation is not None
    assert explanation.messages
    assert explanation.cause
    assert explanation.remedy
    assert 1 <= len(explanation.confirm) <= 3
    assert all(look.command and look.shows for look in explanation.confirm)


@pytest.mark.parametrize("code", CODES)
def test_the_texts_are_sentences(code: str) -> None:
    explanation = explanation_of(code)
    assert explanation is not None
    for text in (explanation.cause, explanation.remedy):
        for paragraph in text.split("\n\n"):
            assert "  " not in paragraph
            lines = paragraph.split("\n")
            assert len(lines) == 1 or all(line.startswith("- ") for line in lines), paragraph
            for line in lines:
                end = (".", "?", ":") if "\n\n- " in text else (".", "?")
                assert line.endswith(end), line
    for look in explanation.confirm:
        assert not look.shows.endswith(".")
        assert "\n" not in look.command
    for meaning in explanation.evidence.values():
        assert not meaning.endswith(".")
    for message in explanation.messages:
        assert message.count("[") == message.count("]")
        assert "[" not in re.sub(r"\[[^\[\]]*\]", "", message), "one bracket inside of another"


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.code)
def test_every_code_is_defined_whole(code) -> None:
    assert code.title
    assert code.hint
    assert not code.hint.endswith(".")
    assert code.blame in BLAMES
    family = family_of(code.code)
    if family in ("dns", "tcp", "proxy", "tls", "upgrade"):
        assert code.phase == family
    elif family in ("ws", "message"):
        assert code.phase in ("open", "close")
    else:
        assert code.phase is None or code.phase in PHASES


def test_every_family_is_listed_in_the_order_of_the_codes() -> None:
    assert list(FAMILIES) == list(dict.fromkeys(map(family_of, CODES)))
    files = {path.stem for path in (MODEL / "failures").glob("*.py")} - {"__init__", "base"}
    assert set(FAMILIES) == files


def test_nothing_is_explained_that_is_no_code() -> None:
    for path in (MODEL / "explanations").glob("*.py"):
        if path.stem in ("__init__", "base"):
            continue
        texts = import_module(f"checkwire.model.explanations.{path.stem}").EXPLANATIONS
        assert set(texts) <= set(CODES), path.name
        # A family may have a second file, which the first one takes up.
        assert {family_of(code) for code in texts} == {path.stem.partition("_")[0]}
    for name in (
        "",
        "base",
        "base.x",
        "tls",
        "tls.",
        "tls.x",
        "../x.y",
        "tls_certificates.x",
        "nothing.x",
    ):
        assert explanation_of(name) is None


def test_the_page_is_what_is_made_of_them() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "failures.py"))["page"]()
    assert PAGE.read_text() == made, "write it anew: python docs/failures.py"


def test_the_page_has_a_section_for_every_code() -> None:
    text = PAGE.read_text()
    sections = re.findall(r'^### <a id="([^"]+)"></a>`([^`]+)`', text, re.MULTILINE)
    assert sections == [(code, code) for code in CODES]
    for family in FAMILIES:
        assert f'## <a id="{family}"></a>' in text
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links <= set(CODES) | set(FAMILIES)


def test_codes_that_texts_speak_of_exist() -> None:
    named = re.compile(rf"\b(?:{'|'.join(FAMILIES)})\.[a-z_0-9]+\b")
    spoken = set()
    for code in CODES:
        explanation = explanation_of(code)
        assert explanation is not None
        spoken |= set(named.findall(f"{explanation.cause} {explanation.remedy}"))
    calls = {"ws.ping", "ws.run", "ws.close", "ws.receive_json", "ws.receive_close", "ws.example"}
    assert spoken - calls - {"http.session"} <= set(CODES)


@pytest.mark.parametrize(
    ("code", "message", "so"),
    [
        ("tcp.refused", "Nothing listens on [::1]:80 (refused after 0.1 ms)", True),
        (
            "tls.closed",
            "[::1]:1 reset the connection during the TLS handshake, after 7 bytes",
            True,
        ),
        ("tls.closed", "[::1]:1 left the connection during the TLS handshake", False),
    ],
)
def test_sentences_are_told_apart(code: str, message: str, so: bool) -> None:
    assert fits(code, message) is so
