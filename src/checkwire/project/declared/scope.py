"""What a declared check can name: its variables, what it has captured, the environment."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Container, Iterable
from typing import Any, Final, NamedTuple

from checkwire.project.declared.reading import Reading
from checkwire.project.declared.source import Code, Group, call, inside_string, member, string
from checkwire.project.declared.templates import Part, parse_template
from checkwire.project.positions import Path
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["Scope"]

_ALIKE: Final = 0.7

_GLOBAL: Final = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *("check", "connect", "env", "expect", "http", "secret", "step", "re", "time"),
        *("absent", "above", "all_of", "any_of", "at", "at_least", "at_most", "below", "contains"),
        *("is_not", "length", "regex", "text_of"),
    }
)
"""Names that the script has another use for."""

_TAKEN: Final = _GLOBAL | {"began", "closed", "message", "reply", "ws"}
"""The same, in a function."""


class _Local(NamedTuple):
    """A variable of the check: what the script calls it, and whether it is text for certain."""

    identifier: str
    is_text: bool


class Scope:
    """The names of one check, and the expressions that are made of them.

    Args:
        reading: the file, to note what is wrong.
        environment: names of variables and secrets that are known to exist.
        captures: where each name is that the check captures, anywhere in it.

    Attributes:
        imports: what the script imports, by module.
    """

    def __init__(
        self, reading: Reading, environment: Container[str], captures: dict[str, Path]
    ) -> None:
        self._reading = reading
        self._environment = environment
        self._captures = captures
        self._locals: dict[str, _Local] = {}
        self.imports: dict[str, set[str]] = {}

    def use(self, name: str, module: str = "checkwire") -> str:
        """Note that the script imports this; returns the name."""
        self.imports.setdefault(module, set()).add(name)
        return name

    def pattern(self, name: str, /, *arguments: Code, **keywords: Code) -> Group:
        """A call of one of the functions of ``checkwire.patterns``."""
        return call(self.use(name, "checkwire.patterns"), *arguments, **keywords)

    def define(self, name: str, *, is_text: bool) -> str:
        """A variable is there from now on; returns what the script calls it."""
        known = self._locals.get(name)
        if known is None:
            used = {local.identifier for local in self._locals.values()}
            identifier = name
            while identifier in _TAKEN or identifier in used:
                identifier += "_"
            known = _Local(identifier, is_text)
        self._locals[name] = _Local(known.identifier, is_text)
        return known.identifier

    # Expressions

    def text(self, template: str, path: Path) -> str:
        """A string, its variables filled in."""
        return self._joined(parse_template(template), path)

    def regex(self, template: str, path: Path) -> Group:
        """A regular expression; the values of variables in it are meant as they stand."""
        parts = parse_template(template)
        if all(part.kind == "text" for part in parts):
            return self.pattern("regex", raw_string("".join(part.text for part in parts)))
        return self.pattern("regex", self._joined(parts, path, escaped=True))

    def value(self, value: Any, path: Path) -> Code:
        """A value as JSON has it. A string that is one variable, and no more, is its value."""
        if isinstance(value, str):
            parts = parse_template(value)
            if len(parts) == 1 and parts[0].kind != "text":
                return self._variable(parts[0], path)
            return self._joined(parts, path)
        if isinstance(value, dict):
            items = [
                member(string(key), self.value(item, (*path, key))) for key, item in value.items()
            ]
            return Group("{", tuple(items), "}")
        if isinstance(value, list):
            items_ = [self.value(item, (*path, at)) for at, item in enumerate(value)]
            return Group("[", tuple(items_), "]")
        return literal(value)

    def _joined(self, parts: Iterable[Part], path: Path, *, escaped: bool = False) -> str:
        parts = tuple(parts)
        if not escaped:
            if not parts:
                return '""'
            if len(parts) == 1 and parts[0].kind == "text":
                return string(parts[0].text)
            if len(parts) == 1:
                code, is_text = self._looked_up(parts[0], path)
                return code if is_text else f"{self.use('text_of', 'checkwire.patterns')}({code})"
        pieces: list[str | None] = []  # None where a variable stands
        codes: list[str] = []
        for part in parts:
            if part.kind == "text":
                pieces.append(inside_string(part.text).translate(_BRACES))
                continue
            code, is_text = self._looked_up(part, path)
            if not is_text:
                code = f"{self.use('text_of', 'checkwire.patterns')}({code})"
            codes.append(f"{self.use('re', '')}.escape({code})" if escaped else code)
            pieces.append(None)
        return _f_string(pieces, codes)

    def _variable(self, part: Part, path: Path) -> str:
        return self._looked_up(part, path)[0]

    def _looked_up(self, part: Part, path: Path) -> tuple[str, bool]:
        """The expression for a variable, and whether it is text for certain."""
        name = part.text
        if part.kind == "secret":
            return f'{self.use("secret")}("{name}")', True
        if (local := self._locals.get(name)) is not None:
            return local.identifier, local.is_text
        if name not in self._environment:
            self._doubt(name, path)
        return f'{self.use("env")}["{name}"]', True

    def _doubt(self, name: str, path: Path) -> None:
        """Say what is wrong with a variable that nothing sets, if it is certain that it is."""
        later = self._captures.get(name)
        if later is not None:
            line = self._reading.line(later)
            self._reading.wrong(f"${{{name}}} is used before it is captured, on line {line}", path)
            return
        known = {*self._locals, *self._captures}
        hint = did_you_mean(name, known, cutoff=_ALIKE)
        if hint or name.islower():  # Variables of an environment are written in capitals.
            hint = hint or (
                "; capture it in a step before, or set it under variables. A secret of the "
                f"server is ${{secret:{name}}}"
            )
            self._reading.wrong(f"${{{name}}}: there is no such variable{hint}", path)


def _f_string(pieces: list[str | None], codes: list[str]) -> str:
    """The literal: the quotes around it differ from those within its expressions."""
    plain = "".join(piece or "" for piece in pieces)
    has_names = any('"' in code for code in codes)
    quote = "'" if '\\"' in plain and "'" not in plain and not has_names else '"'
    other = "'" if quote == '"' else '"'
    left = iter(codes)
    text = ""
    for piece in pieces:
        if piece is None:
            text += f"{{{next(left).replace(quote, other)}}}"
        else:
            text += piece.replace('\\"', '"') if quote == "'" else piece
    return f"f{quote}{text}{quote}"


_BRACES: Final = str.maketrans({"{": "{{", "}": "}}"})


def literal(value: Any) -> Code:
    """A value of TOML as Python writes it."""
    match value:
        case bool():
            return str(value)
        case str():
            return string(value)
        case dict():
            items = [member(string(str(key)), literal(item)) for key, item in value.items()]
            return Group("{", tuple(items), "}")
        case list() | tuple():
            return Group("[", tuple(map(literal, value)), "]")
        case bytes():
            return f'bytes.fromhex("{value.hex()}")'
    return repr(value)


def raw_string(text: str) -> str:
    """A string as a literal, raw if backslashes make that easier to read."""
    if "\\" not in text or text.endswith("\\") or not text.isprintable():
        return string(text)
    quote = "'" if '"' in text else '"'
    return string(text) if quote in text else f"r{quote}{text}{quote}"


def identifier_of(name: str) -> str:
    """The name of a function for a check of this name."""
    import unicodedata

    # Python alone knows what may stand in a name: not all that is a letter or a digit elsewhere.
    marked = (
        character if f"_{character}".isidentifier() else " "
        for character in unicodedata.normalize("NFKC", name).lower()
    )
    words = re.sub(r"\s+", "_", "".join(marked)).strip("_")
    if not words.isidentifier():
        words = f"check_{words}".rstrip("_")
    return f"{words}_" if words in _GLOBAL else words
