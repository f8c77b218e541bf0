"""The ``check`` decorator: it makes a function a check.

Every check file imports this module, so it imports next to nothing itself.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, TypeVar, overload

from checkwire.model.errors import DefinitionError
from checkwire.sdk.options import OPTIONS, OptionError, parse_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType
    from typing import Any

    from checkwire.model.definition import Retries, Scheduling
    from checkwire.model.durations import Duration

__all__ = ["CheckMark", "check", "declared", "mark_of"]

F = TypeVar("F", bound="Callable[..., Any]")

_ATTRIBUTE = "__checkwire__"
_CO_VARKEYWORDS, _CO_GENERATOR, _CO_ASYNC_GENERATOR = 0x08, 0x20, 0x200
"""Flags of a code object, from :mod:`inspect`, which would cost 15 ms to import."""


class CheckMark:
    """What :func:`check` leaves on a function.

    Attributes:
        options: the options as given; those not given are absent.
        path: the file whose top-level code declared the check.
        line: the line in it, from 1, that did so: that of the decorator.
        module: the name under which that file runs.
        function_path: the file of the function's code; another one when a factory made it.
        function_line: where the function starts: its first decorator, if it has one.
    """

    __slots__ = ("function_line", "function_path", "line", "module", "options", "path")

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        path: str,
        line: int,
        module: str,
        function_path: str,
        function_line: int,
    ) -> None:
        self.options = options
        self.path = path
        self.line = line
        self.module = module
        self.function_path = function_path
        self.function_line = function_line

    def __repr__(self) -> str:
        return f"<CheckMark {self.path}:{self.line} {self.options}>"


declared: list[tuple[CheckMark, Callable[..., Any]]] = []
"""Every check declared in this process, in order, so that none is lost: not one whose name was
given to another function, nor one that is only held in a list."""


def mark_of(function: object) -> CheckMark | None:
    """The mark that :func:`check` left on a function, or ``None`` if it is not a check."""
    mark = getattr(function, _ATTRIBUTE, None)
    return mark if isinstance(mark, CheckMark) else None


@overload
def check(function: F, /) -> F: ...


@overload
def check(
    *,
    id: str = ...,
    name: str = ...,
    every: Duration | None = ...,
    cron: str | None = ...,
    timezone: str = ...,
    scheduling: Scheduling = ...,
    timeout: Duration = ...,
    degraded: Duration | None = ...,
    locations: list[str] | tuple[str, ...] = ...,
    tags: list[str] | tuple[str, ...] = ...,
    retries: int | Mapping[str, Any] | Retries | None = ...,
    memory: int | str = ...,
    cpu: Duration = ...,
    processes: int = ...,
    files: int = ...,
    file_size: int | str = ...,
    output: int | str = ...,
    cases: Mapping[str, Mapping[str, Any]] = ...,
    needs: list[str] | tuple[str, ...] = ...,
    activated: bool = ...,
) -> Callable[[F], F]: ...


def check(*functions: Any, **options: Any) -> Any:
    """Make a function, ``async def`` or ``def``, a check. It stays callable as it was.

    Use it bare, or with options; those not given come from the project's ``[defaults]``::

        @check(every="1m", timeout="30s", degraded="800ms", tags=["orders"])
        async def order_updates():
            \"""A subscriber gets order updates.\"""

    Args:
        id: a stable name, one word; by default ``path::function``. A check's history hangs on it.
        name: a name for people; by default the function's.
        every: time between runs, 10 s to 24 h; by default the check runs only when asked to.
        cron: when to run instead: minute, hour, day of month, month, day of week, as in
            ``"*/5 9-17 * * mon-fri"``; or ``"@hourly"`` and its like.
        timezone: whose clock ``cron`` goes by, as ``"Europe/Berlin"``; by default UTC.
        scheduling: ``"parallel"`` runs at all locations each time, ``"round-robin"`` at one of
            them, in turn; by default in parallel.
        timeout: time an attempt may take, at least 200 ms; by default 30 s.
        degraded: time above which an attempt that passes is degraded; by default none.
        locations: names of the places to run from.
        tags: words to select checks by.
        retries: how often to try again, 1 s apart; or a table such as
            ``{"strategy": "exponential", "max": 3, "delay": "1s", "max_duration": "5m"}``;
            ``"only": ["tcp.*", "path"]`` names the failures (codes, floors of them, or who is to
            blame) after which to, ``"location": "other"`` goes on at the next location.
        memory: address space an attempt may use: bytes, or ``"256MB"``, ``"1GiB"``; at least
            64 MiB, by default 1 GiB.
        cpu: CPU time an attempt may use, as ``timeout``; at least a second, by default 60.
        processes: how many processes an attempt may have started at a time; by default 100.
        files: how many files and sockets an attempt may have open; by default 1,024.
        file_size: bytes a file may have that an attempt writes, as ``memory``; by default 1 GiB.
        output: bytes an attempt may print, as ``memory``; by default 256 MiB.
        cases: one check per entry; maps the case's name to arguments for the function.
        needs: names of environment variables without which the check is skipped.
        activated: whether the check runs at all; by default it does.

    Raises:
        DefinitionError: if an option, or the function, will not do; it says where.
    """
    caller = sys._getframe(1)
    _validate(options, caller)
    if not functions:
        return lambda function: _declare(function, options, sys._getframe(1))
    if len(functions) > 1 or options:
        raise _wrong("@check takes its options by name, and no function: @check(every=...)", caller)
    return _declare(functions[0], options, caller)


def _wrong(message: str, frame: FrameType) -> DefinitionError:
    return DefinitionError(message, path=frame.f_code.co_filename, line=frame.f_lineno)


def _validate(options: dict[str, Any], caller: FrameType) -> None:
    for name, value in options.items():
        if name not in OPTIONS:
            from checkwire.sdk.suggestion import did_you_mean

            message = f'@check has no option "{name}"{did_you_mean(name, OPTIONS)}'
            raise _wrong(message, caller)
        try:
            parse_option(name, value)
        except OptionError as error:
            raise _wrong(f"@check: {error}", caller) from None
    if options.get("every") is not None and options.get("cron") is not None:
        raise _wrong("@check: every and cron exclude each other: leave one out", caller)
    timeout, degraded = options.get("timeout"), options.get("degraded")
    if timeout is None or degraded is None:
        return
    if parse_option("degraded", degraded) >= parse_option("timeout", timeout):
        message = f"@check: degraded ({degraded}) must be less than timeout ({timeout}), "
        raise _wrong(message + "or nothing can ever be degraded", caller)


def _declare(function: F, options: dict[str, Any], caller: FrameType) -> F:
    """Look the function over, and leave the mark on it."""
    if not isinstance(function, FunctionType):
        raise _wrong(_not_a_function(function), caller)
    name, code = function.__name__, function.__code__
    if name == "<lambda>":
        raise _wrong("a lambda has no name to report: write the check with def", caller)
    if code.co_flags & (_CO_GENERATOR | _CO_ASYNC_GENERATOR):
        raise _wrong(f"{name}() has a yield in it, so calling it would run nothing", caller)
    if _ATTRIBUTE in function.__dict__:
        raise _wrong(f"{name}() is a check already: remove one @check", caller)
    if (message := _parameters_at_fault(function, options.get("cases") or {})) is not None:
        raise _wrong(message, caller)
    origin, module = _origin(function), _module_frame(caller)
    mark = CheckMark(
        options,
        path=module.f_code.co_filename,
        line=module.f_lineno,
        module=module.f_globals.get("__name__", ""),
        function_path=origin.co_filename,
        function_line=origin.co_firstlineno,
    )
    setattr(function, _ATTRIBUTE, mark)
    declared.append((mark, function))
    return function


def _not_a_function(thing: object) -> str:
    if isinstance(thing, type):
        return f"@check is for functions, and {thing.__name__} is a class"
    if isinstance(thing, str):
        return f'@check takes its options by name: @check(name="{thing}")'
    kind = type(thing).__name__
    if callable(thing):
        return f"@check is for functions: write a def that calls this {kind}"
    return f"@check is for functions, and {thing!r:.60} ({kind}) cannot be called"


def _parameters_at_fault(
    function: FunctionType, cases: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Why a case cannot call the function, or why no case at all cannot; ``None`` if it can."""
    name, code = function.__name__, function.__code__
    count = code.co_argcount
    positional = code.co_varnames[:count]
    keyword_only = code.co_varnames[count : count + code.co_kwonlyargcount]
    with_default = {*positional[count - len(function.__defaults__ or ()) :]}
    with_default.update(function.__kwdefaults__ or ())
    required = [p for p in (*positional, *keyword_only) if p not in with_default]
    by_name = {*positional[code.co_posonlyargcount :], *keyword_only}
    if required and not cases and required[0] in ("self", "cls"):
        return f"{name}() is a method: a check is a function of its own, outside of any class"
    if required and not cases:
        return (
            f"{name}() requires {_listed(required)}, and nothing gives it: give it a default, "
            f'or declare cases={{"a": {{"{required[0]}": ...}}}}'
        )
    for case, arguments in cases.items():
        start = f'@check: cases: "{case}"'
        for argument in arguments:
            if argument not in by_name and not code.co_flags & _CO_VARKEYWORDS:
                from checkwire.sdk.suggestion import did_you_mean

                hint = did_you_mean(argument, by_name)
                return f'{start} gives "{argument}", which {name}() does not take{hint}'
        missing = [p for p in required if p not in arguments or p not in by_name]
        if missing:
            return f"{start} does not give {_listed(missing)}, which {name}() requires"
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _origin(function: Any) -> CodeType:
    """The code its author wrote, within the decorators around it."""
    code: CodeType = function.__code__
    for _ in range(100):  # a cycle of __wrapped__ would never end
        function = getattr(function, "__wrapped__", None)
        if not isinstance(function, FunctionType):
            break
        code = function.__code__
    return code


def _module_frame(frame: FrameType) -> FrameType:
    """The top-level code that is running: what a factory makes belongs to its caller's file."""
    found: FrameType | None = frame
    while found is not None and found.f_code.co_name != "<module>":
        found = found.f_back
    return frame if found is None else found
