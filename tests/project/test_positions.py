"""Lines of keys and values in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkwire.project.positions import line_of, positions

Path = tuple[str | int, ...]

SCALARS = (
    "1",
    "-1.5e3",
    "true",
    "2024-01-01T00:00:00Z",
    '"plain"',
    '"# no comment \\" [x] = {1}"',
    "'C:\\dir\\'",
    '"""\none = 1\n[two]\n\\"""# three\n"""',
    "'''\n[[four]]\nfive = '5'\n'''",
    '""""quoted""""',
    "''''quoted'''''",
    '""',
    "''",
)
KEYS = ("a", "b-c", "1", '"two words"', "'x.y'", '"\\u00e9\\t"', '"[z]"', '"#"', "' = '")


class Document:
    """Writes TOML, and remembers on which line it wrote what."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[Path, int] = {}
        self.number = 0

    def pick(self, *choices: str) -> str:
        return choices[self.draw(st.integers(0, len(choices) - 1))]

    def note(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def key(self) -> tuple[str, str]:
        """A key as written, and what it means; never the same twice."""
        self.number += 1
        written = self.pick(*KEYS)
        mark = f"{self.number}"
        written = (
            f"{written}{mark}" if written[0] not in "\"'" else f"{written[:-1]}{mark}{written[-1]}"
        )
        return written, next(iter(tomllib.loads(f"{written} = 1")))

    def keys(self, base: Path) -> Path:
        """A key, perhaps dotted, written here; its path."""
        path = base
        for index in range(self.draw(st.integers(1, 3))):
            written, key = self.key()
            path = (*path, key)
            self.note(path)
            self.text += f"{self.pick(' . ', '.') if index else ''}{written}"
        return path

    def member(self, base: Path, depth: int) -> None:
        path = self.keys(base)
        self.text += self.pick("=", " = ", "\t=  ")
        self.value(path, depth)

    def value(self, path: Path, depth: int) -> None:
        kind = self.pick("scalar", "array", "table") if depth else "scalar"
        if kind == "scalar":
            self.text += self.pick(*SCALARS)
        elif kind == "array":
            self.text += f"[{self.space()}"
            for index in range(self.draw(st.integers(0, 3))):
                self.note((*path, index))
                self.value((*path, index), depth - 1)
                self.text += f"{self.space()},{self.space()}"
            self.text += "]"
        else:
            self.text += "{ "
            for index in range(self.draw(st.integers(0, 2))):
                self.text += ", " if index else ""
                self.member(path, depth - 1)
            self.text += " }"

    def space(self) -> str:
        return self.pick("", " ", "\n", " # ] , }\n\t")

    def blank(self) -> str:
        return self.pick("", "\n", "# [no] = table\n", "  \t\n")

    def members(self, base: Path) -> None:
        for _ in range(self.draw(st.integers(0, 3))):
            self.text += self.blank() + self.pick("", "  ")
            self.member(base, 2)
            self.text += self.pick("\n", " # end\n")

    def write(self) -> None:
        self.members(())
        for _ in range(self.draw(st.integers(0, 4))):
            self.text += self.blank()
            if self.draw(st.booleans()):
                self.text += self.pick("[", "[ ", "  [")
                path = self.keys(())
                self.text += self.pick("]\n", " ] # x\n")
                self.members(path)
            else:
                self.table_array(())

    def table_array(self, base: Path) -> None:
        written, key = self.key()
        prefix = "".join(f"{k}." for k in base if isinstance(k, str))
        for index in range(self.draw(st.integers(1, 3))):
            self.note((*base, key))
            self.note((*base, key, index))
            self.text += f"[[{prefix}{written}]]\n"
            self.members((*base, key, index))
            if self.draw(st.booleans()) and written.isalnum():
                inner, name = self.key()
                self.note((*base, key, index, name))
                self.text += f"[{prefix}{written}.{inner}]\n"
                self.members((*base, key, index, name))


@st.composite
def documents(draw: Callable[[Any], Any]) -> Document:
    document = Document(draw)
    document.write()
    return document


def paths(value: Any, base: Path = ()) -> Iterator[Path]:
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield (*base, key)
        if isinstance(member, dict | list):
            yield from paths(member, (*base, key))


@settings(max_examples=300, deadline=None)
@given(documents())
def test_every_key_and_item_is_found_on_the_line_where_it_was_written(document: Document) -> None:
    data = tomllib.loads(document.text)
    found = positions(document.text)
    assert found == document.lines
    assert set(paths(data)) == set(found)


@given(st.text("[]{}\"'=.,#\n ab1\\", max_size=40))
def test_text_that_is_no_toml_ends_the_search_all_the_same(text: str) -> None:
    positions(text)


@given(st.text())
def test_any_text_at_all_ends_the_search(text: str) -> None:
    positions(text)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("project", "id"), 2),
        (("project", "nope", 3), 1),
        (("tool", "checkwire"), 5),
        (("tool", "checkwire", "env", "A"), 4),
        (("service", 1, "command"), 9),
        (("nope",), 1),
        ((), 1),
    ],
)
def test_what_is_not_there_is_sought_around_it(path: Path, line: int) -> None:
    text = (
        "[project]\n"
        'id = "x"\n'
        "[tool.checkwire.env]\n"
        'A = "1"\n'
        "[tool.checkwire]\n"
        "[[service]]\n"
        'command = "a"\n'
        "[[service]]\n"
        "command = [\n"
        "]\n"
    )
    assert line_of(text, path) == line
