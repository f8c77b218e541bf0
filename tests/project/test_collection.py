"""All checks of a project: loaded, defined and selected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from checkwire.model.definition import CheckDefinition, Retries
from checkwire.model.errors import UsageError
from checkwire.model.failures import Failure
from checkwire.project.config import load_project
from checkwire.project.definitions import CollectedCheck, define_all
from checkwire.project.discovery import discover
from checkwire.project.imports import ProjectImports
from checkwire.project.loader import load_file
from checkwire.project.selection import no_check_warning, select


class Collection(NamedTuple):
    checks: list[CollectedCheck]
    failures: dict[str, Failure]
    left_out: list[Failure]
    empty: list[str]


Collect = Callable[..., Collection]

IMPORT = "from checkwire import check\n"
TWO = f'''{IMPORT}
@check(cases={{"eu": {{"url": "ws://eu"}}, "us": {{"url": "ws://us"}}}}, tags=["cases"])
async def orders(url):
    """
    A subscriber gets
    order updates.

    Not part of it.
    """
    return url

@check(id="login", name="Log in", every="1m")
def log_in(): ...
'''


@pytest.fixture
def run_collect(tmp_path: Path) -> Iterator[Collect]:
    """Writes files, and collects the checks of the targets."""
    opened: list[ProjectImports] = []

    def write_and_collect(files: dict[str, str], *targets: str) -> Collection:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        project = load_project(tmp_path)
        selection = discover(project, targets, tmp_path)
        imports = ProjectImports(project.root)
        while opened:
            opened.pop().remove()
        opened.append(imports)
        imports.install()
        checks: list[CollectedCheck] = []
        failures: dict[str, Failure] = {}
        empty = []
        for file in selection.files:
            defined = define_all(load_file(file, imports), project)
            if isinstance(defined, Failure):
                failures[imports.relative(str(file))] = defined
            else:
                checks += defined
                if not defined:
                    empty.append(imports.relative(str(file)))
        chosen = select([check.definition for check in checks], selection, failures)
        picked = [check for check in checks if check.definition in chosen.definitions]
        return Collection(picked, failures, chosen.failures, empty)

    yield write_and_collect
    for imports in opened:
        imports.remove()


def ids(collection: Collection) -> list[str]:
    return [check.definition.id for check in collection.checks]


def test_a_check_is_defined_by_its_options_and_the_projects_defaults(run_collect: Collect) -> None:
    toml = '[defaults]\ntimeout = "20s"\ntags = ["all"]\nretries = 2\nevery = "5m"\n'
    collection = run_collect({"checkwire.toml": toml, "checks/a_check.py": TWO})
    assert [check.definition for check in collection.checks] == [
        *(
            CheckDefinition(
                id=f"checks/a_check.py::orders[{case}]",
                name=f"orders[{case}]",
                path="checks/a_check.py",
                line=4,
                function="orders",
                case=case,
                description="A subscriber gets order updates.",
                every=300.0,
                timeout=20.0,
                tags=("cases",),
                retries=Retries("fixed", 2),
            )
            for case in ("eu", "us")
        ),
        CheckDefinition(
            id="login",
            name="Log in",
            path="checks/a_check.py",
            line=14,
            function="log_in",
            every=60.0,
            timeout=20.0,
            tags=("all",),
            retries=Retries("fixed", 2),
        ),
    ]
    eu, us, _ = collection.checks
    assert (eu.arguments, us.arguments) == ({"url": "ws://eu"}, {"url": "ws://us"})
    assert eu.function is us.function


def test_none_takes_a_default_away(run_collect: Collect) -> None:
    toml = '[defaults]\nevery = "5m"\ndegraded = 1\nretries = 2\nactivated = false\n'
    text = f"{IMPORT}@check(every=None, degraded=None, retries=0, activated=True)\ndef f(): ...\n"
    (check,) = run_collect({"checkwire.toml": toml, "a_check.py": text}).checks
    assert check.definition == CheckDefinition(
        id="a_check.py::f", name="f", path="a_check.py", line=3, function="f"
    )


@pytest.mark.parametrize(
    ("defaults", "options", "schedule"),
    [
        ('every = "5m"', 'cron="@hourly"', (None, "0 * * * *", "UTC")),
        ('cron = "@hourly"', 'every="5m"', (300.0, None, "UTC")),
        ('cron = "@hourly"', "every=None", (None, None, "UTC")),
        ('cron = "@hourly"', "cron=None", (None, None, "UTC")),
        ('cron = "@hourly"', 'timezone="Asia/Tokyo"', (None, "0 * * * *", "Asia/Tokyo")),
        ('timezone = "Asia/Tokyo"', 'cron="@hourly"', (None, "0 * * * *", "Asia/Tokyo")),
        ('timezone = "Asia/Tokyo"', 'every="5m"', (300.0, None, "UTC")),
    ],
)
def test_a_schedule_of_either_form_replaces_the_defaults(
    run_collect: Collect, defaults: str, options: str, schedule: tuple[object, ...]
) -> None:
    text = f"{IMPORT}@check({options})\ndef f(): ...\n"
    files = {"checkwire.toml": f"[defaults]\n{defaults}\n", "a_check.py": text}
    (check,) = run_collect(files).checks
    found = check.definition
    assert (found.every, found.cron, found.timezone) == schedule


def test_what_cannot_be_loaded_leaves_the_others_alone(run_collect: Collect) -> None:
    collection = run_collect(
        {
            "a_check.py": "def f(:\n",
            "b_check.py": "1 / 0\n",
            "c_check.py": f"{IMPORT}check(42)\n",
            "d_check.py": f"{IMPORT}@check(every='banana')\ndef f(): ...\n",
            "e_check.py": TWO,
        }
    )
    assert ids(collection) == ["e_check.py::orders[eu]", "e_check.py::orders[us]", "login"]
    assert {path: failure.code for path, failure in collection.failures.items()} == {
        "a_check.py": "script.syntax",
        "b_check.py": "script.import",
        "c_check.py": "check.usage",
        "d_check.py": "check.usage",
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("@check(name='\\ud800')\ndef f(): ...", "lone surrogate"),
        ("@check\ndef f(): '\\ud800'", "lone surrogate"),
        ("@check\ndef f(): ...\nf.__name__ = '\\ud800'", "lone surrogate"),
        ("@check(memory=10**30)\ndef f(): ...", "is too much: the most is 1 PiB"),
        ("@check(retries=10**30)\ndef f(): ...", "are too many: the most is 100"),
        ("@check(every=10**400)\ndef f(): ...", "is not a duration"),
        ("\n@check(every='1m', timezone='Asia/Tokyo')\ndef f(): ...", "timezone is for cron="),
        ("@check(cron='* * *')\ndef f(): ...", "is not five fields"),
        ("@check(timeout=1e9)\ndef f(): ...", "is too long: the most is 366 days"),
        ("class A:\n    @check\n    def f(self): ...", "f() is a method"),
    ],
)
def test_a_check_that_cannot_be_described_is_the_failure_of_its_file(
    run_collect: Collect, source: str, said: str
) -> None:
    collection = run_collect({"a_check.py": f"{IMPORT}{source}\n", "b_check.py": TWO})
    assert len(ids(collection)) == 3
    failure = collection.failures["a_check.py"]
    assert failure.code == "check.usage"
    assert said in failure.message


def test_a_docstring_that_is_none_describes_nothing(run_collect: Collect) -> None:
    text = f"{IMPORT}@check\ndef f(): ...\nf.__doc__ = 5\n"
    (check,) = run_collect({"a_check.py": text}).checks
    assert check.definition.description == ""


def test_a_file_without_checks_is_worth_a_warning(run_collect: Collect) -> None:
    collection = run_collect({"a_check.py": "X = 1\n", "b_check.py": TWO})
    assert [no_check_warning(path) for path in collection.empty] == [
        "a_check.py declares no check: put @check above a function"
    ]


def test_checks_of_one_id_are_left_out_and_told_in_each_file_with_all_places(
    run_collect: Collect,
) -> None:
    collection = run_collect(
        {
            "a_check.py": f"{IMPORT}@check(id='x')\ndef a(): ...\n@check\ndef other(): ...\n",
            "b_check.py": f"{IMPORT}\n@check(id='x')\ndef b(): ...\n",
            "c_check.py": f"{IMPORT}@check\ndef f(): ...\n@check\ndef f(): ...\n",
        }
    )
    assert ids(collection) == ["a_check.py::other"]
    assert collection.failures == {}
    assert {failure.code for failure in collection.left_out} == {"check.duplicate_id"}
    by_place = {
        f"{failure.location.path}:{failure.location.line}": failure.message
        for failure in collection.left_out
        if failure.location is not None
    }
    across = '2 checks have the id "x", and none of them is run: a_check.py:3 and b_check.py:4'
    assert by_place == {
        "a_check.py:3": across,
        "b_check.py:4": across,
        "c_check.py:5": '2 checks have the id "c_check.py::f", and none of them is run: '
        "c_check.py:3 and c_check.py:5",
    }


def test_checks_of_one_id_do_not_matter_to_who_asked_for_others(run_collect: Collect) -> None:
    text = f"{IMPORT}@check\ndef f(): ...\n@check\ndef f(): ...\n@check\ndef g(): ...\n"
    collection = run_collect({"a_check.py": text}, "a_check.py::g")
    assert (ids(collection), collection.left_out) == (["a_check.py::g"], [])
    collection = run_collect({"a_check.py": text}, "a_check.py::f")
    assert (ids(collection), len(collection.left_out)) == ([], 1)


def test_a_check_that_could_never_be_degraded_is_refused(run_collect: Collect) -> None:
    text = f"{IMPORT}\n@check(degraded='1m')\ndef f(): ...\n"
    failure = run_collect({"a_check.py": text}).failures["a_check.py"]
    assert failure.code == "check.usage"
    assert failure.message == (
        "@check: degraded (1m) must be less than the default timeout (30.0 s), "
        "or nothing can ever be degraded"
    )
    assert failure.location is not None
    assert failure.location.line == 3
    toml = "[defaults]\ndegraded = '2s'\n"
    short = f"{IMPORT}\n@check(timeout='1s')\ndef f(): ...\n"
    assert run_collect({"checkwire.toml": toml, "a_check.py": short}).failures == {}


def test_a_location_must_be_declared_if_any_is(run_collect: Collect) -> None:
    text = f"{IMPORT}\n@check(locations=['eu-wst'])\ndef f(): ...\n"
    assert run_collect({"a_check.py": text}).failures == {}
    toml = "[locations]\neu-west = {}\n"
    failure = run_collect({"checkwire.toml": toml, "a_check.py": text}).failures["a_check.py"]
    assert failure.message == (
        '@check: locations: "eu-wst" is not declared in [locations] of the project; '
        'did you mean "eu-west"?'
    )
    assert failure.location is not None
    assert failure.location.line == 3


@pytest.mark.parametrize(
    ("targets", "chosen"),
    [
        (["a_check.py::orders"], ["a_check.py::orders[eu]", "a_check.py::orders[us]"]),
        (["a_check.py::orders[us]"], ["a_check.py::orders[us]"]),
        (["a_check.py::log_in"], ["login"]),
        (["a_check.py::login"], ["login"]),
        (["a_check.py::login", "a_check.py::orders[eu]"], ["a_check.py::orders[eu]", "login"]),
        (
            ["a_check.py::orders[eu]", "."],
            ["a_check.py::orders[eu]", "a_check.py::orders[us]", "login"],
        ),
    ],
)
def test_what_was_named_is_what_is_chosen(
    run_collect: Collect, targets: list[str], chosen: list[str]
) -> None:
    assert ids(run_collect({"a_check.py": TWO}, *targets)) == chosen


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("a_check.py::order", 'a_check.py has no check "order"; did you mean orders?'),
        ("a_check.py::xyzzy", 'a_check.py has no check "xyzzy"'),
        ("a_check.py::orders[e]", 'a_check.py::orders has no case "e"; did you mean eu?'),
        ("a_check.py::orders[q]", 'a_check.py::orders has no case "q"; its cases are eu, us'),
        ("a_check.py::login[q]", 'a_check.py::login has no case "q"; it has no cases'),
        ("b_check.py::login", "there is no b_check.py; did you mean a_check.py?"),
    ],
)
def test_what_was_named_and_is_not_there_is_told(
    run_collect: Collect, target: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run_collect({"a_check.py": TWO}, target)
    assert str(caught.value) == message


def test_a_check_in_a_file_that_cannot_be_loaded_is_not_missed(run_collect: Collect) -> None:
    collection = run_collect({"a_check.py": "def f(:\n"}, "a_check.py::orders")
    assert [*collection.failures] == ["a_check.py"]


def test_descriptions_are_the_first_paragraph(run_collect: Collect) -> None:
    text = f'{IMPORT}@check\ndef a(): "One line."\n@check\ndef b(): ...\n@check\ndef c(): " "\n'
    collection = run_collect({"a_check.py": text})
    assert [check.definition.description for check in collection.checks] == ["One line.", "", ""]
