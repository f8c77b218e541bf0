"""Reads the settings of a project, and says what is wrong with them, and on which line."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from checkwire.model.durations import format_seconds, parse_duration
from checkwire.model.errors import DefinitionError
from checkwire.project.channels import SettingError, parse_alerts, parse_channel
from checkwire.project.config import (
    Defaults,
    LocationSettings,
    Project,
    SecretSource,
    Service,
    name_from,
)
from checkwire.project.patterns import parse_pattern
from checkwire.project.positions import line_of
from checkwire.project.server import parse_server
from checkwire.sdk.options import DEFAULTABLE, OPTIONS, OptionError, parse_option
from checkwire.sdk.suggestion import did_you_mean
from checkwire.sdk.written import in_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from checkwire.model.alerts import AlertPolicy, Channel

__all__ = ["TABLES", "read_settings"]

T = TypeVar("T")

_READY = re.compile(r"tcp://(\[[^\]\s]+\]|[^:/\s\[\]]+):(\d{1,5})")
_SECRET_SOURCES = ("env", "file")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class _ProjectTable(msgspec.Struct, forbid_unknown_fields=True):
    id: str | None = None
    name: str | None = None
    checks: list[str] | None = None
    exclude: list[str] = []


class _ServiceTable(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    command: str | list[str]
    ready: str | None = None
    timeout: float | int | str = 30.0
    env: dict[str, Any] = {}


class _ServerTable(msgspec.Struct, forbid_unknown_fields=True):
    url: str | None = None


class _NetworkTable(msgspec.Struct, forbid_unknown_fields=True):
    deny: list[str] = []


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    project: _ProjectTable = msgspec.field(default_factory=_ProjectTable)
    defaults: dict[str, Any] = {}
    env: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    locations: dict[str, Any] | None = None
    service: list[_ServiceTable] = []
    server: _ServerTable = msgspec.field(default_factory=_ServerTable)
    alerts: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    check: Any = None  # Of project/declared, so that a mistake in it stops nothing else.
    network: _NetworkTable = msgspec.field(default_factory=_NetworkTable)


TABLES: dict[tuple[str, ...], type[msgspec.Struct]] = {
    (): _Document,
    ("project",): _ProjectTable,
    ("service",): _ServiceTable,
    ("server",): _ServerTable,
    ("network",): _NetworkTable,
}
"""What msgspec reads, by where it stands."""


def read_settings(file: Path, table: Sequence[str]) -> Project:
    """The project that a file of settings describes; its folder is the project's.

    Args:
        file: an absolute path.
        table: where in the file the settings are, empty if they are all of it; a file without
            that table sets nothing.

    Raises:
        DefinitionError: if they are not as they must be, with file and line.
    """
    return _Settings(file, tuple(table)).project()


class _Settings:
    def __init__(self, file: Path, table: tuple[str, ...]) -> None:
        self._file = file
        self._shown = _shown(file)
        self._table = table
        self._text = ""

    def project(self) -> Project:
        data: Any = self._parse()
        for key in self._table:
            data = data.get(key, {}) if isinstance(data, dict) else {}
        document = self._convert(data, _Document)
        root = self._file.parent
        id_ = self._option("id", document.project.id, ("project", "id")) or name_from(root)
        name = self._option("name", document.project.name, ("project", "name")) or id_
        settings: dict[str, Any] = {}
        if document.project.checks is not None:
            settings["checks"] = self._patterns("checks", document.project.checks)
        locations = self._locations(document.locations)
        secrets = self._secrets(document.secrets)
        channels = self._channels(document.channels, secrets)
        return Project(
            root=str(root),
            config_path=str(self._file),
            id=id_,
            name=name,
            exclude=self._patterns("exclude", document.project.exclude),
            defaults=self._defaults(document.defaults, locations),
            env=self._variables(document.env, ("env",)),
            secrets=secrets,
            locations=locations,
            services=tuple(self._services(document.service)),
            server=self._server(document.server),
            alerts=self._alerts(document.alerts, channels),
            channels=channels,
            declares_checks=document.check is not None,
            deny=tuple(self._denied(document.network.deny)),
            **settings,
        )

    def _line(self, path: Iterable[str | int]) -> int:
        return line_of(self._text, (*self._table, *path))

    def _wrong(self, message: str, path: Iterable[str | int]) -> DefinitionError:
        return DefinitionError(message, path=self._shown, line=self._line(path))

    def _parse(self) -> dict[str, Any]:
        try:
            data = self._file.read_bytes()
        except OSError as error:
            raise DefinitionError(f"cannot be read: {error.strerror}", path=self._shown) from None
        try:
            # A byte order mark is no part of TOML, but of what some editors write.
            self._text = data.decode("utf-8-sig").replace("\r\n", "\n")
            return tomllib.loads(self._text)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise DefinitionError("not UTF-8 text", path=self._shown, line=line) from None
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            match = _TOML_PLACE.search(message)
            line = self._text.rstrip().count("\n") + 1
            if match is not None:
                message = message[: match.start()]
                line = int(match[1]) if match[1] else line
            message = f"not valid TOML: {message[:1].lower()}{message[1:]}"
            raise DefinitionError(message, path=self._shown, line=line) from None

    def _convert(self, data: Any, kind: type[T]) -> T:
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at ")
            keys = re.findall(r"\.([^.\[`]+)|\[(\d+)\]", place)
            path = tuple(key or int(index) for key, index in keys)
            raise self._invalid(message, path) from None

    def _invalid(self, message: str, path: tuple[str | int, ...]) -> DefinitionError:
        """msgspec's complaint in TOML's words."""
        where = _dotted(path)
        if match := re.fullmatch(r"Object contains unknown field `(.*)`", message):
            if path == ("server",) and match[1] == "token":
                message = "server.token: a token has no place in a file that others read"
                raise self._wrong(f"{message}; run checkwire login", (*path, "token"))
            table = TABLES.get(tuple(key for key in path if isinstance(key, str)), _Document)
            hint = "" if path else self._home_of(match[1])
            hint = hint or did_you_mean(match[1], table.__struct_fields__)
            inside = f" in {where}" if path else ""
            return self._wrong(f'unknown key "{match[1]}"{inside}{hint}', (*path, match[1]))
        if match := re.fullmatch(r"Object missing required field `(.*)`", message):
            return self._wrong(f'{where} lacks "{match[1]}"', path)
        if match := re.fullmatch(r"Expected `(.*)`, got `(.*)`", message):
            wanted, found = _in_toml(match[1]), _in_toml(match[2])
            if path == ("service",):
                return self._wrong("service must be an array of tables: write [[service]]", path)
            if path and isinstance(path[-1], int):
                where = f"item {path[-1] + 1} of {where}"
            where = where or ".".join(self._table) or "it"
            return self._wrong(f"{where} must be {wanted}, not {found}", path)
        return self._wrong(f"{where}: {message}", path)

    def _home_of(self, key: str) -> str:
        """Where a key that stands outside of every table may belong."""
        if key == "tool" and not self._table:
            return "; here write [project] for [tool.checkwire.project], and so on"
        for home, keys in (("project", _ProjectTable.__struct_fields__), ("defaults", DEFAULTABLE)):
            if key in keys:
                return f"; it belongs under [{'.'.join((*self._table, home))}]"
        return ""

    def _option(self, name: str, value: object, path: tuple[str | int, ...]) -> Any:
        if value is None:
            return None
        try:
            with in_toml():
                return parse_option(name, value)
        except OptionError as error:
            raise self._wrong(
                f"{path[0]}.{error}", (*path, error.key) if error.key else path
            ) from None

    def _patterns(self, key: str, patterns: list[str]) -> tuple[str, ...]:
        for index, pattern in enumerate(patterns):
            if not _is_pattern(pattern):
                raise self._wrong(
                    f'project.{key}: "{pattern}" is not a pattern of paths below the project, '
                    'such as "checks/**/*.py"',
                    ("project", key, index),
                )
        if key == "checks" and not patterns:
            raise self._wrong("project.checks is empty: no check would be found", ("project", key))
        return tuple(patterns)

    def _defaults(
        self, table: dict[str, Any], locations: dict[str, LocationSettings] | None
    ) -> Defaults:
        values = {}
        for key, value in table.items():
            path = ("defaults", key)
            if key not in DEFAULTABLE:
                if key in OPTIONS:
                    message = f"defaults.{key}: each check has its own; write it in @check({key}=)"
                else:
                    message = f'unknown key "{key}" in defaults{did_you_mean(key, DEFAULTABLE)}'
                raise self._wrong(message, path)
            values[key] = self._option(key, value, path)
        defaults = Defaults(**values)
        if defaults.every is not None and defaults.cron is not None:
            second = [key for key in table if key in ("every", "cron")][1]
            message = "defaults: every and cron exclude each other: leave one out"
            raise self._wrong(message, ("defaults", second))
        if defaults.degraded is not None and defaults.degraded >= defaults.timeout:
            limit = format_seconds(defaults.timeout)
            message = f"defaults.degraded must be less than the timeout of {limit}"
            raise self._wrong(message, ("defaults", "degraded"))
        for index, location in enumerate(defaults.locations if locations is not None else ()):
            if location not in (locations or {}):
                hint = did_you_mean(location, locations or {})
                message = f'defaults.locations: "{location}" is not declared in [locations]{hint}'
                raise self._wrong(message, ("defaults", "locations", index))
        return defaults

    def _strings(self, table: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, str]:
        for key, value in table.items():
            if not isinstance(value, str):
                example = str(value).lower() if isinstance(value, bool | int | float) else "..."
                raise self._wrong(
                    f'{_dotted((*path, key))} must be a string: write {key} = "{example}"',
                    (*path, key),
                )
        return table

    def _variables(self, table: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, str]:
        """Strings that the operating system takes as an environment."""
        for name, value in self._strings(table, path).items():
            if not name or "=" in name or "\0" in name:
                message = f"{_dotted(path)}: {json.dumps(name)} cannot be the name of a variable"
                raise self._wrong(message, (*path, name))
            if "\0" in value:
                message = f"{_dotted((*path, name))} holds a NUL character, which no variable can"
                raise self._wrong(message, (*path, name))
        return table

    def _secrets(self, table: dict[str, Any]) -> dict[str, SecretSource]:
        found = {}
        for name, value in table.items():
            path = ("secrets", name)
            write = f'write {name} = {{ env = "{name}" }} or {name} = {{ file = "path" }}'
            # What it holds is not repeated: the message would give the secret away once more.
            if not isinstance(value, dict):
                raise self._wrong(
                    f"secrets.{name}: a secret's value has no place in a file that others read, "
                    f"only where to find it: {write}",
                    path,
                )
            for key in value:
                if key not in _SECRET_SOURCES:
                    hint = did_you_mean(key, _SECRET_SOURCES)
                    raise self._wrong(f'unknown key "{key}" in secrets.{name}{hint}', (*path, key))
            strings = self._strings(value, path)
            if len(strings) != 1 or not all(strings.values()):
                raise self._wrong(f"secrets.{name} has one source: {write}", path)
            file = strings.get("file")
            if file is not None:
                file = str(self._file.parent / file)
            found[name] = SecretSource(env=strings.get("env"), file=file, line=self._line(path))
        return found

    def _locations(self, table: dict[str, Any] | None) -> dict[str, LocationSettings] | None:
        if table is None:
            return None
        found = {}
        for name, value in table.items():
            path = ("locations", name)
            if not isinstance(value, dict):
                raise self._wrong(
                    f'locations.{name} must be a table: write {name} = {{ description = "..." }}',
                    path,
                )
            for key in value:
                if key not in LocationSettings.__struct_fields__:
                    hint = did_you_mean(key, LocationSettings.__struct_fields__)
                    raise self._wrong(
                        f'unknown key "{key}" in locations.{name}{hint}', (*path, key)
                    )
            concurrency = value.get("concurrency")
            if "concurrency" in value and (type(concurrency) is not int or concurrency < 1):
                raise self._wrong(
                    f"locations.{name}.concurrency must be a whole number of 1 or more: how many "
                    "attempts may be under way there at a time",
                    (*path, "concurrency"),
                )
            strings = {key: of for key, of in value.items() if key != "concurrency"}
            found[name] = LocationSettings(**self._strings(strings, path), concurrency=concurrency)
        return found

    def _server(self, table: _ServerTable) -> str | None:
        try:
            return None if table.url is None else parse_server(table.url)
        except ValueError as error:
            raise self._wrong(f"server.url: {error}", ("server", "url")) from None

    def _denied(self, texts: list[str]) -> Iterable[str]:
        if texts:
            from checkwire.project.network import parse_range  # with ipaddress, 5 ms
        for index, text in enumerate(texts):
            try:
                yield parse_range(text)
            except ValueError as error:
                message = f"network.deny: {error}"
                raise self._wrong(message, ("network", "deny", index)) from None

    def _channels(
        self, table: dict[str, Any], secrets: dict[str, SecretSource]
    ) -> dict[str, Channel]:
        found = {}
        for name, value in table.items():
            try:
                found[name] = parse_channel(name, value, secrets)
            except SettingError as error:
                raise self._wrong(str(error), ("channels", name, *error.path)) from None
        return found

    def _alerts(self, table: dict[str, Any], channels: dict[str, Channel]) -> AlertPolicy:
        try:
            return parse_alerts(table, channels)
        except SettingError as error:
            raise self._wrong(str(error), ("alerts", *error.path)) from None

    def _services(self, tables: list[_ServiceTable]) -> Iterable[Service]:
        names: dict[str, int] = {}
        for index, table in enumerate(tables):
            path: tuple[str | int, ...] = ("service", index)
            if table.name in names:
                first = self._line(("service", names[table.name]))
                message = f'two services are named "{table.name}"; the other is on line {first}'
                raise self._wrong(message, (*path, "name"))
            names[table.name] = index
            try:
                timeout = parse_duration(table.timeout)
            except ValueError as error:
                raise self._wrong(f"service.timeout: {error}", (*path, "timeout")) from None
            yield Service(
                name=table.name,
                command=self._command(table.command, (*path, "command")),
                ready=self._ready(table.ready, (*path, "ready")),
                timeout=timeout,
                env=self._variables(table.env, (*path, "env")),
                line=self._line(path),
            )

    def _command(self, command: str | list[str], path: tuple[str | int, ...]) -> tuple[str, ...]:
        if isinstance(command, str):
            try:
                command = shlex.split(command)
            except ValueError as error:
                message = f"service.command cannot be split into words: {str(error).lower()}"
                raise self._wrong(message, path) from None
        if not command or not command[0]:
            raise self._wrong("service.command is empty", path)
        return tuple(command)

    def _ready(self, ready: str | None, path: tuple[str | int, ...]) -> tuple[str, int] | None:
        if ready is None:
            return None
        match = _READY.fullmatch(ready)
        if match is None or not 0 < int(match[2]) < 65536:
            raise self._wrong(
                f'service.ready: "{ready}" will not do: write "tcp://127.0.0.1:8765"', path
            )
        return match[1].strip("[]"), int(match[2])


def _is_pattern(pattern: str) -> bool:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        return False
    try:
        parse_pattern(pattern)
    except ValueError:
        return False
    return True


def _shown(file: Path) -> str:
    """The path as a user would type it."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(key for key in path if isinstance(key, str))


_WORDS = {
    "object": "a table",
    "array": "an array",
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "null": "nothing",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}


def _in_toml(types: str) -> str:
    """msgspec's name of a type, or of a choice of them, in TOML's words."""
    words = [_WORDS.get(name, name) for name in types.split(" | ") if name != "null"]
    return " or ".join(dict.fromkeys(words))
