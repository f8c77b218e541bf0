"""Rewritten assertions do what the written ones do, and tell of it."""

from __future__ import annotations

import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from checkwire.model.failures import Failure
from checkwire.project.assertions import SITES, rewrite
from checkwire.sdk import assertions
from checkwire.sdk.assertions import Site

VARIABLES = ("v0", "v1", "v2")
VALUES = ("0", "1", "2", "-1", '""', '"a"', "None", "True", "[]", "[1, 2]", '{"k": 1}', "box")


class Box:
    """Something with attributes, items and methods that tell of their use."""

    def __init__(self, log: list[object]) -> None:
        self.log = log

    @property
    def part(self) -> int:
        self.log.append("part")
        return 3

    def __getitem__(self, key: object) -> int:
        self.log.append(("item", repr(key)))
        if isinstance(key, int) and key > 2:
            raise IndexError(key)  # or iterating over it would never end
        return 2

    def method(self, *args: object, **named: object) -> list[object]:
        self.log.append(("method", repr(args), repr(named)))
        return [*args]

    def __bool__(self) -> bool:
        self.log.append("bool")
        return len(self.log) % 2 == 0

    def __repr__(self) -> str:
        return "<box>"


class Expressions:
    """Source of expressions that tell the order in which they are evaluated."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.count = 0

    def one(self, depth: int, *, plain: bool = False) -> str:
        """An expression; a plain one has no ``await`` and no ``:=``, as some places want."""

        def sub() -> str:
            return self.one(depth - 1, plain=plain)

        if depth <= 0:
            return self.leaf(plain)
        forms: list[Callable[[], str]] = [
            lambda: self.leaf(plain),
            lambda: f"({sub()} and {sub()})",
            lambda: f"({sub()} or {sub()} or {sub()})",
            lambda: f"(not {sub()})",
            lambda: f"(-{sub()})",
            lambda: f"({sub()} {self.pick('+', '*', '-', '|')} {sub()})",
            lambda: f"({sub()} {self.comparison()} {sub()})",
            lambda: f"({sub()} {self.comparison()} {sub()} {self.comparison()} {sub()})",
            lambda: f"({sub()} if {sub()} else {sub()})",
            lambda: f"{sub()}.part",
            lambda: f"{sub()}[{sub()}]",
            lambda: f"{sub()}[{sub()}:{sub()}]",
            lambda: f"{sub()}[{sub()}, {sub()}]",
            lambda: f"box.method({sub()}, *[{sub()}], k={sub()}, **{{'z': {sub()}}})",
            lambda: f"isinstance({sub()}, (int, str))",
            lambda: f"any(({self.one(depth - 1, plain=True)}) for x in {self.iterable(depth - 1)})",
            lambda: f"[({self.one(depth - 1, plain=True)}) for x in {self.iterable(depth - 1)}]",
            lambda: f"{{x: {self.one(depth - 1, plain=True)} for x in {self.iterable(depth - 1)}}}",
            lambda: f"(lambda y=1: {self.one(depth - 1, plain=True)})()",
            lambda: f'f"{{{self.one(0, plain=True)}!r}}"',
            lambda: f"[{sub()}, {sub()}]",
            lambda: f"({sub()},)",
            lambda: f"{{'k': {sub()}}}",
        ]
        if not plain:
            forms += [
                lambda: f"(await wait({sub()}))",
                lambda: f"({self.pick(*VARIABLES)} := {sub()})",
            ]
        return forms[self.draw(st.integers(0, len(forms) - 1))]()

    def leaf(self, plain: bool) -> str:
        self.count += 1
        value = self.pick(*VALUES, *VARIABLES)
        if plain and value in VARIABLES:
            return value
        return self.pick(f"t({self.count}, {value})", value)

    def iterable(self, depth: int) -> str:
        return self.pick("[1, 2]", "t(0, [])", self.one(depth, plain=True))

    def comparison(self) -> str:
        return self.pick("==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not")

    def pick(self, *choices: str) -> str:
        return choices[self.draw(st.integers(0, len(choices) - 1))]


@st.composite
def expressions(draw: Callable[[Any], Any]) -> str:
    return Expressions(draw).one(draw(st.integers(1, 4)))


PROGRAM = """
async def main(t, wait, box):
    v0, v1, v2 = 0, "a", [1]
    try:
        assert {test}, t("message", ["told", v0])
    except Exception as error:
        outcome = error
    else:
        outcome = None
    return outcome, [v0, v1, v2], {{name for name in locals() if name.startswith("@")}}
"""


def run(code: Any, sites: tuple[Site, ...]) -> tuple[Any, ...]:
    log: list[object] = []

    def tell(number: object, value: object) -> object:
        log.append(number)
        return value

    async def wait(value: object) -> object:
        log.append("wait")
        return value

    namespace: dict[str, Any] = {SITES: sites}
    exec(code, namespace)
    main: Coroutine[Any, Any, Any] = namespace["main"](tell, wait, Box(log))
    with pytest.raises(StopIteration) as stop:
        main.send(None)
    outcome, variables, left_over = stop.value.value
    if type(outcome) is not AssertionError:
        assert left_over <= {"@values"}  # after an exception from inside, until the next assert
    return type(outcome), repr(outcome), repr(variables), log


@settings(max_examples=400, deadline=None)
@given(expressions())
@example("(t(1, 0) if t(2, 0) else (t(3, box) and t(4, 0)))")
@example("not (box and box and (box or 0))")
@example("(0 < box < 3) or (not (box or box))")
def test_outcome_and_side_effects_are_those_of_the_original(test: str) -> None:
    source = PROGRAM.format(test=test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            original = compile(source, "original.py", "exec")
        except SyntaxError:
            assume(False)
        if test.startswith("(") and test.endswith(",)"):
            with pytest.raises(SyntaxError, match="can never fail"):
                rewrite(source.encode(), filename="original.py", path="original.py")
            return
        rewritten = rewrite(source.encode(), filename="original.py", path="original.py")
        expected = run(original, ())
        actual = run(rewritten.code, rewritten.sites)
    assert actual == expected
    # A site knows it was decided, either way, unless something raised before it was.
    outcome = expected[0]
    assert rewritten.sites[0].reached == (outcome in (type(None), AssertionError))


def rewritten(source: str) -> tuple[dict[str, Any], tuple[Site, ...]]:
    """A module's namespace, its code run."""
    result = rewrite(source.encode(), filename="orders_check.py", path="checks/orders_check.py")
    namespace: dict[str, Any] = {SITES: result.sites, "__name__": "orders_check"}
    exec(result.code, namespace)
    return namespace, result.sites


class Listener:
    masker = None

    def __init__(self) -> None:
        self.told: list[str] = []
        self.failures: list[Failure] = []

    def passed(self, site: Site) -> None:
        self.told.append(f"passed {site.line}")

    def failed(self, site: Site, failure: Failure) -> None:
        self.told.append(f"failed {site.line}")
        self.failures.append(failure)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    assertions.observer = listener
    yield listener
    assertions.observer = None


def test_a_failure_is_told_even_if_the_script_swallows_it(listener: Listener) -> None:
    rewritten(
        "for n in range(3):\n    try:\n        assert n != 1\n    except Exception:\n        pass\n"
    )
    assert listener.told == ["passed 3", "failed 3", "passed 3"]
    assert listener.failures[0].message == "n was 1. The check expects anything but 1."


def test_assertions_are_found_in_every_kind_of_block(listener: Listener) -> None:
    source = """
import contextlib
def f(x):
    if x: assert 1
    elif x is None: assert 1
    else: assert 1
    for _ in [1]: assert 1
    else: assert 1
    while x < 2: assert 1; x += 1
    with contextlib.nullcontext(): assert 1
    try: assert 1
    except ValueError: assert 0
    else: assert 1
    finally: assert 1
    try: raise ExceptionGroup("", [ValueError()])
    except* ValueError: assert 1
    match x:
        case 2: assert 1
    class C:
        assert 1
        def g(self): assert 1
    C().g()
async def h():
    async with contextlib.nullcontext(): assert 1
    async for _ in many(): assert 1
async def many():
    yield 1
    assert 1
f(1)
with contextlib.suppress(StopIteration): h().send(None)
"""
    _, sites = rewritten(source)
    reached = {site.line for site in sites if site.reached}
    assert len(sites) == source.count("assert")
    assert {site.line for site in sites} - reached == {5, 6, 12}


def test_sites_know_their_function_by_its_qualified_name() -> None:
    source = """
assert 1
def f():
    assert 1
    def g(): assert 1
class C:
    assert 1
    async def m(self):
        assert 1
        class D:
            def n(self): assert 1
"""
    _, sites = rewritten(source)
    functions = [site.function for site in sorted(sites, key=lambda site: site.line)]
    assert functions == ["", "f", "f.<locals>.g", "C", "C.m", "C.m.<locals>.D.n"]
    assert {site.path for site in sites} == {"checks/orders_check.py"}


def test_a_class_sees_no_name_that_its_author_did_not_write() -> None:
    namespace, _ = rewritten("import enum\nclass E(enum.Enum):\n    A = 1\n    assert A == 1\n")
    assert [*namespace["E"].__members__] == ["A"]
    assert "@values" not in namespace


def test_an_assertion_in_a_class_body_fails_as_any(listener: Listener) -> None:
    with pytest.raises(AssertionError):
        rewritten("class C:\n    x = 1\n    assert x == 2, 'no'\n")
    assert listener.failures[0].message == "no: The assertion does not hold."


def test_private_names_stay_private() -> None:
    source = "class C:\n    def __init__(self):\n        self.__x = 1\n        assert self.__x\nC()"
    rewritten(source)


def test_yield_and_super_keep_their_meaning() -> None:
    source = """
class A:
    def f(self): return 1
class B(A):
    def f(self):
        assert super().f() == 1
        assert __class__ is B
        return 2
def g():
    assert (yield 1) == "sent"
"""
    namespace, _ = rewritten(source)
    assert namespace["B"]().f() == 2
    generator = namespace["g"]()
    assert next(generator) == 1
    with pytest.raises(StopIteration):
        generator.send("sent")


def test_tracebacks_point_where_they_would() -> None:
    source = "def f(x):\n    y = 1\n    assert (\n        y and\n        x['key']\n    )\n\nf({})\n"

    def places(run: Callable[[], object]) -> list[tuple[object, ...]]:
        with pytest.raises(KeyError) as caught:
            run()
        frames = traceback.walk_tb(caught.value.__traceback__)
        return [
            (line, *next(iter([*frame.f_code.co_positions()][tb.tb_lasti // 2 :])))
            for (frame, line), tb in zip(frames, _traceback_entries(caught.value), strict=True)
            if frame.f_code.co_filename == "orders_check.py"
        ]

    original = places(lambda: exec(compile(source, "orders_check.py", "exec"), {}))
    assert len(original) == 2
    assert original[-1][0] == 5
    assert places(lambda: rewritten(source)) == original


def _traceback_entries(error: BaseException) -> Iterator[Any]:
    entry = error.__traceback__
    while entry is not None:
        yield entry
        entry = entry.tb_next


def test_a_failure_is_raised_on_the_line_of_the_assertion() -> None:
    with pytest.raises(AssertionError) as caught:
        rewritten("x = 1\n\nassert x == (\n    2\n)\n")
    innermost = [*_traceback_entries(caught.value)][-1]
    assert innermost.tb_frame.f_code.co_filename == "orders_check.py"
    assert innermost.tb_lineno == 3


def test_values_are_let_go_of_once_decided() -> None:
    source = """
import weakref
class Thing: pass
def f(kind):
    thing = Thing()
    try:
        assert isinstance(thing, kind) and thing
    except AssertionError:
        pass
    kept = weakref.ref(thing)
    del thing
    return kept()
"""
    namespace, _ = rewritten(source)
    assert namespace["f"](object) is None
    assert namespace["f"](int) is None


def test_many_tasks_in_one_assertion_do_not_mix_their_values(listener: Listener) -> None:
    source = """
import asyncio
async def one(n):
    async def later():
        await asyncio.sleep(0)
        return n
    try:
        assert n + await later() == -1
    except AssertionError as error:
        return str(error)
async def main():
    return await asyncio.gather(*map(one, range(5)))
told = asyncio.run(main())
"""
    namespace, _ = rewritten(source)
    assert [text.split(".")[0] for text in namespace["told"]] == [
        f"n + await later() was {2 * n}" for n in range(5)
    ]


def test_an_assertion_that_tests_a_tuple_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError) as caught:
        rewrite(b"x = 1\nif x:\n    assert (x, 'message')\n", filename="a.py", path="a.py")
    assert caught.value.args == (
        "this assert tests a tuple, so it can never fail: remove the parentheses",
        ("a.py", 3, 5, "    assert (x, 'message')"),
    )


def test_deep_expressions_do_not_exhaust_the_stack() -> None:
    deep = " + ".join(["x"] * 900)
    namespace, _ = rewritten(f"x = 1\ndef f():\n    assert {deep} == 900\n")
    namespace["f"]()
    with pytest.raises(AssertionError):
        rewritten(f"x = 1\nassert {deep} == 901\n")


@pytest.mark.parametrize(
    "source",
    [
        '\ufeffx = "é"\nassert x == "è", "ü"\n'.encode(),
        '# coding: latin-1\nx = "é"\nassert x == "è", "ü"\n'.encode("latin-1"),
        'x = "é"\r\nassert x == "è", "ü"\r\n'.encode(),
        'x = "é"\rassert x == "è", "ü"\r'.encode(),
        'x = "é"; assert x == "è", "ü"; y = 1\n'.encode(),
    ],
)
def test_source_of_any_encoding_is_shown_as_written(source: bytes, listener: Listener) -> None:
    result = rewrite(source, filename="a.py", path="a.py")
    with pytest.raises(AssertionError):
        exec(result.code, {SITES: result.sites})
    assert result.sites[0].source == 'assert x == "è", "ü"'
    assert listener.failures[0].message == 'ü: x was "é". The check expects "è".'


@pytest.mark.parametrize(
    ("source", "line"), [(b"x = 1\ny = '\xff'\n", 2), (b"# coding: ascii\nx = '\xff'\n", 1)]
)
def test_what_is_no_text_is_a_syntax_error(source: bytes, line: int) -> None:
    with pytest.raises(SyntaxError) as caught:
        rewrite(source, filename="a.py", path="a.py")
    assert caught.value.lineno == line


def test_future_imports_and_docstrings_stay_first() -> None:
    source = (
        '"""Doc."""\nfrom __future__ import annotations\nassert __doc__ == "Doc."\nx: Nope = 1\n'
    )
    namespace, _ = rewritten(source)
    assert namespace["__annotations__"] == {"x": "Nope"}


def test_assertions_work_when_python_strips_them(tmp_path: Path) -> None:
    (tmp_path / "orders_check.py").write_text("import helper\nhelper.verify(1)\n")
    (tmp_path / "helper.py").write_text("def verify(x):\n    assert x == 2\n")
    program = (
        "import sys; from pathlib import Path\n"
        "from checkwire.project.imports import ProjectImports\n"
        "from checkwire.project.loader import load_file\n"
        "imports = ProjectImports(sys.argv[1]); imports.install()\n"
        "print(load_file(Path(sys.argv[1], 'orders_check.py'), imports).failure.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "AssertionError: x was 1. The check expects 2." in done.stdout
