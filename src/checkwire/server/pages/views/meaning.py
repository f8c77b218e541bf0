"""What a failure code means, beside a failure that has it."""

from __future__ import annotations

from dataclasses import dataclass

from checkwire.model.explanations import Look, explanation_of
from checkwire.model.failures import CODES, SELF_TELLING

__all__ = ["Block", "MeaningView", "meaning_view"]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or the lines of a list."""

    text: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MeaningView:
    """A code at length."""

    code: str
    cause: list[Block]
    confirm: tuple[Look, ...]
    remedy: list[Block]


def meaning_view(code: str | None) -> MeaningView | None:
    """What a code means; ``None`` if the failure says it all, or this version does not know it."""
    if code is None or code not in CODES or code in SELF_TELLING:
        return None
    explanation = explanation_of(code)
    assert explanation is not None
    return MeaningView(
        code, _blocks(explanation.cause), explanation.confirm, _blocks(explanation.remedy)
    )


def _blocks(text: str) -> list[Block]:
    return [
        Block(lines=tuple(line.removeprefix("- ") for line in paragraph.split("\n")))
        if paragraph.startswith("- ")
        else Block(paragraph)
        for paragraph in text.split("\n\n")
    ]
