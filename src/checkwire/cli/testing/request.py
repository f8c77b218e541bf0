"""What was asked for on the command line, and which checks that means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from checkwire.model.definition import CheckDefinition, Retries
from checkwire.sdk.options import OPTIONS

__all__ = ["Request", "parse_tags", "parse_timeout"]


def parse_timeout(text: str) -> float:
    """``--timeout``: seconds, as ``@check(timeout=...)`` has it.

    Raises:
        ValueError: it is no duration, or too short or too long.
    """
    seconds: float = OPTIONS["timeout"](text)
    return seconds


def parse_tags(text: str) -> str:
    """``--tag``: one or more words, with commas between them.

    Raises:
        ValueError: one is missing.
    """
    if not all(part.strip() for part in text.split(",")):
        raise ValueError("a tag is missing: write --tag NAME, or --tag NAME,NAME for both")
    return text


class Request(NamedTuple):
    """The options of ``checkwire test``; see its help."""

    targets: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    list_only: bool = False
    env: tuple[tuple[str, str], ...] = ()
    env_files: tuple[str, ...] = ()
    timeout: float | None = None
    retries: int | None = None
    workers: int | None = None
    fail_fast: bool = False
    resolve: tuple[tuple[str, int, str, int], ...] = ()
    ca: str | None = None
    reporters: tuple[str, ...] = ()
    verbosity: int = 0
    watch: bool = False

    def choose(self, definitions: Iterable[CheckDefinition]) -> tuple[CheckDefinition, ...]:
        """The checks that ``-k`` and ``--tag`` leave, with the options given here in them."""
        return tuple(self._adapt(d) for d in definitions if self._has_tags(d) and self._named(d))

    def _named(self, definition: CheckDefinition) -> bool:
        text = f"{definition.id}\n{definition.name}".lower()
        for keyword in self.keywords:
            wanted = not keyword.startswith("!")
            if (keyword.removeprefix("!").lower() in text) is not wanted:
                return False
        return True

    def _has_tags(self, definition: CheckDefinition) -> bool:
        if not self.tags:
            return True
        tags = set(definition.tags)
        return any({part.strip() for part in given.split(",")} <= tags for given in self.tags)

    def _adapt(self, definition: CheckDefinition) -> CheckDefinition:
        if self.timeout is not None:
            definition = msgspec.structs.replace(definition, timeout=self.timeout)
        if self.retries is not None:
            old = definition.retries
            retries = (
                Retries(strategy="fixed", max=self.retries)
                if old.strategy == "none"
                else msgspec.structs.replace(old, max=self.retries)
            )
            definition = msgspec.structs.replace(definition, retries=retries)
        return definition
