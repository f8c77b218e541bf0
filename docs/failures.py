"""Writes ``failures.md`` from the codes and their explanations: ``python docs/failures.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from checkwire.faults import find
from checkwire.model.explanations import FAMILIES, Explanation, explanation_of
from checkwire.model.failures import CODES, FailureCode

PAGE = Path(__file__).with_name("failures.md")

HEAD = """\
<!-- Made by docs/failures.py. Change the texts in src/checkwire/model/explanations/. -->

# Failure codes

Every way in which a check can fail has a code. A code keeps its meaning from release to release, so
policies, dashboards and `retries={"only": [...]}` can rely on it. What stands here is also told by
`checkwire explain CODE`, without a network, and by `GET /api/v1/failures/codes`.

- **Blame** is who is most likely at fault: the `target`, the network `path` to it, the `probe`
  (the machine that checks), or the `check` itself. A run that fails by fault of the first two is
  `failed`, by that of the others `error`.
- **Retry** is whether trying again can help. `retries=` tries these again, and no others.
- **Phase** is that of the connection in which it happens, if in one.

In sentences, `<words>` stand for what differs, and what is in `[ ]` is not always there. In
commands, words in capitals are to be filled in: `HOST`, `PORT`, `PATH`; `ADDRESS` is that in the
failure's sentence. Keys of the evidence are those of `evidence` in the JSON report, in transcripts
and in the API."""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    families = {
        family: list(codes)
        for family, codes in groupby(CODES.values(), key=lambda code: code.code.partition(".")[0])
    }
    yield ""
    for family, codes in families.items():
        yield f"- [`{family}.*`](#{family}): {_begun(FAMILIES[family])}"
        links = ", ".join(f"[{code.code.partition('.')[2]}](#{code.code})" for code in codes)
        yield f"  ({links})"
    for family, codes in families.items():
        yield ""
        yield f'## <a id="{family}"></a>`{family}.*`'
        yield ""
        yield f"{FAMILIES[family]}."
        yield ""
        yield "| code | | blame | retry | phase |"
        yield "| --- | --- | --- | --- | --- |"
        for code in codes:
            retry = "yes" if code.retryable else "no"
            yield (
                f"| [`{code.code}`](#{code.code}) | {_escaped(code.title)} | {code.blame} "
                f"| {retry} | {code.phase or ''} |"
            )
        for code in codes:
            explanation = explanation_of(code.code)
            assert explanation is not None, code.code
            yield from _section(code, explanation)


def _section(code: FailureCode, explanation: Explanation) -> Iterator[str]:
    retry = "can help" if code.retryable else "does not help"
    phase = f", phase: {code.phase}" if code.phase else ""
    yield ""
    yield f'### <a id="{code.code}"></a>`{code.code}`'
    yield ""
    yield f"**{_escaped(code.title)}.** Blame: {code.blame}, a retry {retry}{phase}."
    yield ""
    yield "```text"
    yield from (re.sub(r"\{([^}]*)\}", r"<\1>", message) for message in explanation.messages)
    yield "```"
    yield ""
    yield _prose(explanation.cause)
    yield ""
    yield "**How to confirm it**"
    yield ""
    for look in explanation.confirm:
        yield f"- `{look.command}`<br>{_escaped(look.shows)}"
    yield ""
    usual = find(code.code)
    if usual is not None:
        served = "served by" if usual.serves else "in the check that is printed by"
        yield f"To see it happen: it is {served} `{usual.command}`."
        yield ""
    yield "**What to do**"
    yield ""
    yield _prose(explanation.remedy)
    if explanation.evidence:
        yield ""
        yield "| evidence | |"
        yield "| --- | --- |"
        for key, meaning in explanation.evidence.items():
            yield f"| `{key}` | {_escaped(meaning)} |"
    if explanation.see:
        yield ""
        yield f"See {', '.join(map(_linked, explanation.see))}."


def _begun(text: str) -> str:
    """As it goes on in a sentence."""
    return text if text[:4] in ("HTTP", "Chec") else text[0].lower() + text[1:]


def _prose(text: str) -> str:
    return "\n\n".join(_escaped(paragraph) for paragraph in text.split("\n\n"))


def _escaped(text: str) -> str:
    """Text in which Markdown finds nothing to set, but for code between backquotes."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*<|])", r"\\\1", part) for part in parts
    )


def _linked(source: str) -> str:
    match = re.fullmatch(r"RFC (\d+)(?: (\d+(?:\.\d+)*))?(?: .*)?", source)
    if match is None:
        return source
    number, section = match.groups()
    anchor = f"#section-{section}" if section else ""
    return f"[{source}](https://www.rfc-editor.org/rfc/rfc{number}{anchor})"


if __name__ == "__main__":
    PAGE.write_text(page())
