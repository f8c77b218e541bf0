"""Importing check files: what is found in them, and why they cannot be imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkwire.model.failures import Failure, Location
from checkwire.project.imports import ProjectImports
from checkwire.project.loader import LoadedFile, load_file, module_name
from checkwire.sdk.assertions import sites_in

Load = Callable[..., LoadedFile]


@pytest.fixture
def imports(tmp_path: Path) -> Iterator[ProjectImports]:
    before = [*sys.path], [*sys.meta_path], {*sys.modules}
    imports = ProjectImports(str(tmp_path))
    imports.install()
    yield imports
    imports.remove()
    assert (sys.path, sys.meta_path) == before[:2]
    assert not [m for m in {*sys.modules} - before[2] if m.startswith(("checkwire_", "helper"))]


@pytest.fixture
def load(tmp_path: Path, imports: ProjectImports) -> Load:
    """Writes files, the last of which is loaded."""

    def write_and_load(**files: str) -> LoadedFile:
        for name, text in files.items():
            file = tmp_path / f"{name.replace('__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return load_file(file, imports)

    return write_and_load


def failure(loaded: LoadedFile) -> Failure:
    assert loaded.failure is not None
    assert loaded.checks == ()
    return loaded.failure


IMPORT = "from checkwire import check\n"


def test_checks_are_found_in_the_order_of_the_source(load: Load) -> None:
    loaded = load(
        checks__orders_check=f"""{IMPORT}
@check
def b(): return "b"

@check(
    every="1m",
    tags=["x"],
)
async def a(): ...

def helper(): ...
"""
    )
    assert loaded.path == "checks/orders_check.py"
    assert loaded.failure is None
    assert [(c.function.__name__, c.line) for c in loaded.checks] == [("b", 4), ("a", 10)]
    assert loaded.checks[0].function() == "b"
    assert loaded.checks[1].mark.options == {"every": "1m", "tags": ["x"]}


def test_only_checks_of_the_file_itself_are_its_own(load: Load) -> None:
    loaded = load(
        shared=f"{IMPORT}@check\ndef smoke(): ...\n",
        a_check="from shared import smoke\n",
    )
    assert loaded == LoadedFile("a_check.py")


def test_checks_that_a_factory_makes_are_those_of_the_file_that_called_it(load: Load) -> None:
    loaded = load(
        factory=f"{IMPORT}def make(id):\n    @check(id=id)\n    def made(): return id\n",
        a_check="from factory import make\n\nmake('a')\nfor name in 'bc': make(name)\n",
    )
    assert [(c.function(), c.line) for c in loaded.checks] == [("a", 3), ("b", 4), ("c", 4)]


def test_a_check_whose_name_was_taken_again_is_not_lost(load: Load) -> None:
    loaded = load(a_check=f"{IMPORT}@check\ndef f(): return 1\n@check\ndef f(): return 2\n")
    assert [c.function() for c in loaded.checks] == [1, 2]


def test_what_decorates_a_check_from_above_takes_part(load: Load) -> None:
    loaded = load(
        a_check=f"""{IMPORT}
import functools
def twice(function):
    @functools.wraps(function)
    def wrapper(): return [function(), function()]
    return wrapper

@twice
@check
def above(): return 1

@check
@twice
def below(): return 2

@check
def alone(): return 3
other_name = alone
"""
    )
    assert [(c.function(), c.line) for c in loaded.checks] == [
        ([1, 1], 11),
        ([2, 2], 15),
        (3, 18),
    ]


def test_a_file_imports_its_neighbours_and_the_projects_modules(load: Load) -> None:
    loaded = load(
        lib__values="A = 1\n",
        top="B = 2\n",
        checks__helper="C = 3\n",
        checks__rel="D = 4\n",
        checks__a_check=f"""{IMPORT}
from lib.values import A
import top, helper
from . import rel
from .. import top as top_again

@check
def all(): return [A, top.B, helper.C, rel.D, top_again.B]
""",
    )
    assert loaded.failure is None
    assert loaded.checks[0].function() == [1, 2, 3, 4, 2]


def test_helpers_of_one_name_in_two_folders_are_two_modules(load: Load) -> None:
    text = (
        f"{IMPORT}import helper, package.name\n@check\ndef f(): return helper.X, package.name.X\n"
    )
    a = load(a__helper="X = 'a'\n", a__package__name="X = 'a'", a__a_check=text)
    b = load(b__helper="X = 'b'\n", b__package__name="X = 'b'", b__b_check=text)
    c = load(helper="X = 'root'\n", package__name="X = 'root'", c__c_check=text)
    d = load(a__d_check=text + "import package.name as again\nassert again.X == 'a'\n")
    assert [loaded.failure for loaded in (a, b, c, d)] == [None] * 4
    assert [loaded.checks[0].function() for loaded in (a, b, c, d)] == [
        ("a", "a"),
        ("b", "b"),
        ("root", "root"),
        ("a", "a"),
    ]


def test_a_helper_of_the_root_is_hidden_by_the_one_next_door_and_no_longer(load: Load) -> None:
    text = f"{IMPORT}import helper\n@check\ndef f(): return helper.X\n"
    root = load(helper="X = 'root'\n", a_check=text)
    a = load(a__helper="X = 'a'\n", a__a_check=text)
    again = load(b_check=text + "helper.Y = 1\n")
    assert [loaded.checks[0].function() for loaded in (root, a, again)] == ["root", "a", "root"]
    assert root.checks[0].function.__globals__["helper"].Y == 1


def test_a_helper_is_one_module_for_all_files_of_its_folder(
    load: Load, imports: ProjectImports, tmp_path: Path
) -> None:
    late = f"{IMPORT}@check\ndef f():\n    import helper\n    return helper.X\n"
    a = load(a__helper="X = []\n", a__a_check=late)
    imports.enter(str(tmp_path / "a"))
    a.checks[0].function().append(1)
    b = load(b__helper="X = 'b'\n", b__b_check=late)
    assert b.checks[0].function() == "b"
    imports.enter(str(tmp_path / "a"))
    assert a.checks[0].function() == [1]
    imports.enter(str(tmp_path))
    with pytest.raises(ModuleNotFoundError):
        a.checks[0].function()


def test_a_file_named_like_a_library_does_not_stand_in_for_it(load: Load) -> None:
    import json

    loaded = load(json=f"{IMPORT}@check\ndef f(): return __name__\n")
    assert loaded.checks[0].function() == "checkwire_project.json"
    assert sys.modules["json"] is json


def test_a_neighbour_that_was_imported_before_is_not_run_twice(load: Load) -> None:
    load(
        b_check=f"{IMPORT}@check\ndef f(): ...\n",
        a_check="from . import b_check\nimport b_check as other\n",
    )
    assert len(load(b_check=f"{IMPORT}@check\ndef f(): ...\n").checks) == 1


@pytest.mark.parametrize("folder", ["v1.2", "in/v1.2", "v1.2/in"])
@pytest.mark.parametrize("package", [False, True])
def test_a_folder_with_a_dot_in_its_name_has_relative_imports_too(
    load: Load, tmp_path: Path, folder: str, package: bool
) -> None:
    where = folder.replace("/", "__")
    text = (
        f"{IMPORT}from .helper import X\nfrom . import helper{', STARTED' * package}\n"
        "from ..top import X as Y\n@check\ndef f(): return X, helper.X, Y\n"
    )
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    if package:
        (tmp_path / folder / "__init__.py").write_text("STARTED = True\n")
    (tmp_path / folder).parent.joinpath("top.py").write_text("X = 'top'\n")
    loaded = load(**{f"{where}__helper": "X = 'here'\n", f"{where}__a.b_check": text})
    assert loaded.failure is None
    assert loaded.checks[0].function() == ("here", "here", "top")


def test_names_of_modules_are_unique_and_stable() -> None:
    names = {
        path: module_name(path)
        for path in ("a_check.py", "x/a_check.py", "x.y/a_check.py", "x_y/a_check.py", "x/y.z.py")
    }
    assert names["x/a_check.py"] == "checkwire_project.x.a_check"
    assert len(set(names.values())) == len(names)
    assert all(name.count(".") == path.count("/") + 1 for path, name in names.items())


def test_assertions_of_the_projects_modules_are_rewritten_and_no_others(
    load: Load, imports: ProjectImports, tmp_path: Path
) -> None:
    text = "def verify():\n    assert 1\n"
    loaded = load(
        **{
            "lib__own": text,
            "lib__node_modules__vendored": text,
            "env__lib__site-packages__installed": text,
            ".tox__hidden": text,
        },
        a_check=f"""
import sys
from lib import own
for folder in ("lib/node_modules", "env/lib/site-packages", ".tox"):
    sys.path.append({str(tmp_path)!r} + "/" + folder)
import vendored, installed, hidden, json
del sys.path[-3:]
""",
    )
    assert loaded.failure is None
    assert len(sites_in("lib/own.py")) == 1
    for module in ("vendored", "installed", "hidden"):
        file = sys.modules.pop(module).__file__
        assert file is not None
        assert not imports.owns(file)
        assert sites_in(imports.relative(file)) == ()


def test_an_environment_inside_of_the_project_is_not_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environment"
    monkeypatch.setattr(sys, "prefix", str(environment))
    owner = ProjectImports(str(tmp_path))
    assert not owner.owns(f"{environment}/lib/module.py")
    assert owner.owns(f"{environment}-else/module.py")
    inside = ProjectImports(f"{environment}/project")
    assert inside.owns(f"{environment}/project/module.py")
    assert not inside.owns(f"{environment}/projects/module.py")


def test_no_bytecode_is_left_behind(load: Load, tmp_path: Path) -> None:
    load(lib__own="X = 1\n", a_check="from lib import own\n")
    assert not [*tmp_path.rglob("*.pyc")]


SYNTAX_ERRORS = [
    (
        "x = 1\n    def f(:\n",
        "a_check.py, line 2, is not valid Python: unexpected indent.",
        "def f(:\n",
        2,
    ),
    (
        "import os\nasync def f():\n\tawait (\n",
        "a_check.py, line 3, is not valid Python: '(' was never closed.",
        "await (\n      ^",
        3,
    ),
    (
        "x = 1 +* 2\n",
        "a_check.py, line 1, is not valid Python: invalid syntax.",
        "x = 1 +* 2\n       ^",
        1,
    ),
    (
        "if x:\n    f(a for a in b, c)\n",
        "a_check.py, line 2, is not valid Python: Generator expression must be parenthesized.",
        "f(a for a in b, c)\n  ^^^^^^^^^^^^",
        2,
    ),
    (
        "def f():\n    assert (1, 'x')\n",
        "a_check.py, line 2, is not valid Python: this assert tests a tuple, so it can never fail: "
        "remove the parentheses.",
        "assert (1, 'x')\n^",
        2,
    ),
    (
        "def f():\n    return\nreturn 1\n",
        "a_check.py, line 3, is not valid Python: 'return' outside function.",
        "return 1\n^^^^^^^^",
        3,
    ),
]


@pytest.mark.parametrize(("source", "message", "caret", "line"), SYNTAX_ERRORS)
def test_a_syntax_error_is_told_with_line_and_caret(
    load: Load, source: str, message: str, caret: str, line: int
) -> None:
    found = failure(load(a_check=source))
    assert found.code == "script.syntax"
    assert found.message == message
    assert found.details.startswith(caret)
    assert found.location == Location("a_check.py", line, "", caret.partition("\n")[0])


def test_of_a_very_long_line_the_part_around_the_caret_is_shown(load: Load) -> None:
    found = failure(load(a_check=f"x = [{'1, ' * 800}({'2, ' * 800}]\n"))
    line, caret = found.details.split("\n")
    assert len(line) <= 160
    assert line[caret.index("^")] == "]"
    assert found.location is not None
    assert len(found.location.text) <= 160


@pytest.mark.parametrize("data", [b"x = '\xff'", b"x = 1\0", b"x = " + b"(" * 500 + b")" * 500])
def test_what_is_no_program_is_a_syntax_failure_too(
    tmp_path: Path, imports: ProjectImports, data: bytes
) -> None:
    (tmp_path / "a_check.py").write_bytes(data)
    found = failure(load_file(tmp_path / "a_check.py", imports))
    assert found.code == "script.syntax"
    assert found.location is not None
    assert found.location.line == 1


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, imports: ProjectImports) -> None:
    (tmp_path / "a_check.py").symlink_to("nowhere")
    found = failure(load_file(tmp_path / "a_check.py", imports))
    assert found.code == "script.import"
    assert found.message == "a_check.py cannot be read: No such file or directory."


def test_an_exception_is_told_by_the_projects_own_frames(load: Load) -> None:
    found = failure(
        load(
            lib__helper="import json\n\ndef parse(text):\n    return json.loads(text)\n",
            checks__a_check="from lib.helper import parse\n\nX = parse('{')\n",
        )
    )
    assert found.code == "script.import"
    assert found.message.startswith(
        "checks/a_check.py cannot be imported: JSONDecodeError: Expecting property name"
    )
    assert found.location == Location("lib/helper.py", 4, "parse", "return json.loads(text)")
    assert found.details.split("\n")[:-1] == [
        "checks/a_check.py:3",
        "  X = parse('{')",
        "lib/helper.py:4, in parse",
        "  return json.loads(text)",
    ]


@pytest.mark.parametrize(
    ("source", "what", "hint"),
    [
        (
            "import nowhere.at_all",
            "ModuleNotFoundError: No module named 'nowhere'",
            "Install nowhere",
        ),
        ("import sys\nsys.exit(3)", "it called exit(3)", "A check file only declares checks"),
        ("raise SystemExit", "it called exit()", "A check file only declares checks"),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("import asyncio\nraise asyncio.CancelledError('x')", "CancelledError: x", ""),
        ("assert 1 == 2, 'no'", "AssertionError: no", ""),
        ("raise ValueError('x' * 9999)", f"ValueError: {'x' * 487}", ""),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "E", ""),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded", ""),
    ],
)
def test_whatever_a_file_raises_is_a_failure(load: Load, source: str, what: str, hint: str) -> None:
    found = failure(load(a_check=source))
    assert found.code == "script.import"
    assert found.message.startswith(f"a_check.py cannot be imported: {what}")
    assert found.hint.startswith(hint)
    assert found.location is not None
    assert found.location.path == "a_check.py"
    assert len(found.message) < 600
    assert len(found.details) < 5000


def test_a_syntax_error_in_a_helper_is_told_where_it_is(load: Load) -> None:
    found = failure(load(helper="x = 1\ny = (\n", a_check="import helper\n"))
    assert found.code == "script.import"
    assert found.message == (
        "a_check.py cannot be imported: helper.py, line 2, is not valid Python: "
        "'(' was never closed."
    )
    assert found.details.split("\n")[:5] == [
        "a_check.py:1",
        "  import helper",
        "helper.py:2",
        "y = (",
        "    ^",
    ]


def test_keyboard_interrupt_gets_out(load: Load) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(a_check="raise KeyboardInterrupt")


def test_a_check_that_is_refused_is_told_as_such(load: Load) -> None:
    found = failure(load(a_check=f'{IMPORT}\n@check(every="banana")\ndef f(): ...\n'))
    assert found == Failure(
        code="check.usage",
        message='@check: every: "banana" is not a duration: write "500ms", "30s" or "5m"',
        details='@check(every="banana")',
        location=Location("a_check.py", 3, "", '@check(every="banana")'),
    )
    helper = f"{IMPORT}def make():\n    check(42)\n"
    found = failure(load(helper=helper, b_check="import helper\nhelper.make()\n"))
    assert found.message == "@check is for functions, and 42 (int) cannot be called"
    assert found.location == Location("helper.py", 3)


def test_a_variable_that_is_missing_at_import_is_told_by_its_own_code(load: Load) -> None:
    found = failure(load(a_check="from checkwire import env\n\nURL = env['NO_SUCH_VARIABLE']\n"))
    assert found.code == "check.env_missing"
    assert "NO_SUCH_VARIABLE" in found.message
    assert found.location == Location("a_check.py", 3, "", "URL = env['NO_SUCH_VARIABLE']")


def test_a_file_that_failed_can_be_loaded_once_it_is_mended(load: Load) -> None:
    assert failure(load(a_check=f"{IMPORT}@check\ndef f(): ...\n1 / 0\n")).code == "script.import"
    assert len(load(a_check=f"{IMPORT}@check\ndef f(): ...\n").checks) == 1


def test_code_of_a_module_can_be_had_as_written(load: Load) -> None:
    loaded = load(
        helper="def f():\n    assert 1\nX = f()\n",
        a_check="import helper, runpy, inspect\nrunpy.run_module('helper')\n"
        "assert inspect.getsource(helper.f) == 'def f():\\n    assert 1\\n'\n",
    )
    assert loaded.failure is None
    assert [site.line for site in sites_in("helper.py")] == [2]
