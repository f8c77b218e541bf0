"""What evaluating a Checkly project has told: settings, constructs, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Broken", "Construct", "Gap", "Recording", "resolve"]


class Construct(msgspec.Struct, frozen=True):
    """A construct, as ``new KIND(id, props)`` made it.

    Attributes:
        number: in the order of the project, from 0.
        kind: the name of its class.
        id: its logical id.
        props: as given; another construct in them is ``{"$ref": number}``.
        file: where the ``new`` stands, relative to the project.
        line: from 1.
    """

    number: int
    kind: str
    id: str
    props: dict[str, Any]
    file: str
    line: int

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"

    @property
    def shown(self) -> str:
        """Kind and id, for people."""
        return f'{self.kind} "{self.id}"'


class Broken(msgspec.Struct, frozen=True):
    """A file that threw while it was evaluated.

    Attributes:
        file: the file that was to be evaluated.
        place: file and line of what threw.
        message: of the error.
        unset: names of variables that were asked for, and are not set.
    """

    file: str
    place: str
    message: str
    unset: tuple[str, ...] = ()


class Gap(msgspec.Struct, frozen=True):
    """Something that has no equal, or not an exact one.

    Attributes:
        place: file and line.
        what: what it is.
        why: why it could not be taken over.
        todo: what to do about it.
    """

    place: str
    what: str
    why: str
    todo: str


class Recording(msgspec.Struct, frozen=True):
    """A Checkly project.

    Attributes:
        root: its folder, absolute.
        config_file: the name of its settings.
        config: the settings; empty if they threw.
        constructs: in the order in which they were made.
        files: those that were to be evaluated, besides the settings.
        broken: those that threw.
        variables: values of the variables of the environment that it asked for.
    """

    root: str
    config_file: str
    config: dict[str, Any]
    constructs: tuple[Construct, ...]
    files: tuple[str, ...]
    broken: tuple[Broken, ...]
    variables: dict[str, str]

    def of(self, value: object) -> Construct | None:
        """The construct that a reference means; ``None`` if it is none."""
        number = value.get("$ref") if isinstance(value, dict) else None
        found = (one for one in self.constructs if one.number == number)
        return next(found, None) if number is not None else None

    def place(self, construct: Construct | None, key: str) -> str:
        """Where a property stands; the construct's own line if that cannot be found.

        Args:
            construct: whose it is; ``None`` for the settings.
            key: its name.
        """
        file, line = (
            (self.config_file, 1) if construct is None else (construct.file, construct.line)
        )
        for number, text in self._lines(file, line):
            if f"{key}:" in text.replace(" ", "") or f"{key}," in text.split("{")[-1]:
                return f"{file}:{number}"
        return f"{file}:{line}"

    def _lines(self, file: str, first: int) -> Iterator[tuple[int, str]]:
        """The lines of a construct: until its brackets are closed."""
        try:
            lines = Path(self.root, file).read_text("utf-8", "replace").split("\n")
        except OSError:
            return
        depth = 0
        for number in range(first, len(lines) + 1):
            text = lines[number - 1]
            yield number, text
            depth += sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
            if depth <= 0 and file != self.config_file:
                return


def resolve(recording: Recording, values: object) -> list[Construct]:
    """The constructs that a list of references means."""
    found = (recording.of(one) for one in (values if isinstance(values, list) else ()))
    return [one for one in found if one is not None]
