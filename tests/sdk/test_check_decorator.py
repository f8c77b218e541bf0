"""The ``check`` decorator: what it leaves on a function, and what it refuses."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from checkwire.model.definition import Retries
from checkwire.model.errors import DefinitionError
from checkwire.sdk.check import CheckMark, check, declared, mark_of
from checkwire.sdk.options import OPTIONS, parse_option

EU_AND_US = {"eu": {"url": "ws://eu"}, "us": {"url": "ws://us"}}


def mark(function: object) -> CheckMark:
    found = mark_of(function)
    assert found is not None
    return found


def refusal(*args: Any, **options: Any) -> str:
    """What ``check`` says of the options."""
    with pytest.raises(DefinitionError) as caught:
        check(*args, **options)
    assert caught.value.path == __file__
    assert caught.value.line is not None
    return caught.value.message


def refusal_of(function: Any, **options: Any) -> str:
    """What ``check`` says of the function."""
    with pytest.raises(DefinitionError) as caught:
        check(**options)(function)
    assert caught.value.path == __file__
    return caught.value.message


def test_bare_it_returns_the_very_function_still_callable() -> None:
    async def greet() -> str:
        return "hello"

    assert check(greet) is greet
    assert asyncio.run(greet()) == "hello"


def test_with_options_it_returns_the_very_function_async_or_not() -> None:
    def plain() -> int:
        return 1

    assert check(every="1m", tags=["a"])(plain) is plain
    assert plain() == 1


def test_the_mark_has_the_options_as_given() -> None:
    @check(every="1m", retries=2, memory="256MB")
    def watched() -> None: ...

    assert mark(watched).options == {"every": "1m", "retries": 2, "memory": "256MB"}
    assert mark_of(test_the_mark_has_the_options_as_given) is None


def test_the_mark_knows_where_function_and_declaration_are() -> None:
    source = "\n\n@check(every='1m')\n@other\ndef f():\n    pass\n"

    def other(function: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(function)
        def wrapper() -> None:
            function()

        return wrapper

    namespace: dict[str, Any] = {"check": check, "other": other, "__name__": "orders"}
    exec(compile(source, "orders_check.py", "exec"), namespace)
    found = mark(namespace["f"])
    assert (found.function_path, found.function_line) == ("orders_check.py", 3)
    assert (found.path, found.line, found.module) == ("orders_check.py", 3, "orders")


def test_what_a_factory_makes_belongs_to_the_file_that_calls_it() -> None:
    def factory(url: str) -> Callable[[], str]:
        @check(id=url)
        def made() -> str:
            return url

        return made

    namespace: dict[str, Any] = {"factory": factory, "__name__": "orders"}
    exec(compile("\nfactory('a')\nfactory('b')\n", "orders_check.py", "exec"), namespace)
    found = [m for m, _ in declared if m.module == "orders" and m.options.get("id") in ("a", "b")]
    assert [(m.path, m.line) for m in found] == [("orders_check.py", 2), ("orders_check.py", 3)]
    assert {m.function_path for m in found} == {__file__}


def test_every_declaration_is_remembered_even_if_its_name_is_reused() -> None:
    before = len(declared)

    @check
    def same() -> None: ...

    first = same

    @check
    def same() -> None: ...  # type: ignore[no-redef]

    assert [function for _, function in declared[before:]] == [first, same]


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (42, "@check is for functions, and 42 (int) cannot be called"),
        (None, "@check is for functions, and None (NoneType) cannot be called"),
        ("orders", '@check takes its options by name: @check(name="orders")'),
        (dict, "@check is for functions, and dict is a class"),
        (functools.partial(print), "@check is for functions: write a def that calls this partial"),
        (print, "@check is for functions: write a def that calls this builtin_function_or_method"),
    ],
)
def test_what_is_no_function_is_refused(thing: object, message: str) -> None:
    assert refusal(thing) == message


def test_a_class_is_refused_with_its_place() -> None:
    with pytest.raises(DefinitionError) as caught:

        @check
        class Orders: ...

    assert caught.value.message == "@check is for functions, and Orders is a class"
    assert caught.value.path == __file__
    assert caught.value.line == caught.traceback[0].lineno + 1


def test_a_generator_is_refused() -> None:
    def one() -> Any:
        yield

    async def two() -> Any:
        yield

    for function in (one, two):
        assert "has a yield in it" in refusal_of(function)


def test_a_decorated_generator_is_taken_as_its_decorator_made_it() -> None:
    @contextmanager
    def adapted() -> Any:
        yield

    assert check(adapted) is adapted


def test_a_lambda_and_a_second_mark_are_refused() -> None:
    assert "a lambda has no name" in refusal_of(lambda: None)

    @check
    def once() -> None: ...

    assert refusal_of(once) == "once() is a check already: remove one @check"


def test_an_unknown_option_is_refused_with_the_closest_one() -> None:
    assert refusal(evry="1m") == '@check has no option "evry"; did you mean "every"?'
    assert refusal(xyzzy=1) == '@check has no option "xyzzy"'


def test_a_function_with_options_in_one_call_is_refused() -> None:
    assert "by name" in refusal(test_a_generator_is_refused, every="1m")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("every", "banana", 'every: "banana" is not a duration: write "500ms", "30s" or "5m"'),
        ("every", -1, "every: -1 is not a duration: it must be zero or more, and finite"),
        ("every", "500ms", 'every: "500ms" is too short: the least is 10 s'),
        ("every", 9.999, "every: 9.999 is too short: the least is 10 s"),
        ("every", "25h", 'every: "25h" is too long: the most is 24 h; beyond, write cron='),
        ("cron", 5, "cron: 5 is not a string"),
        ("cron", " ", "cron: it is empty"),
        ("cron", "* * * *", 'cron: "* * * *" is not five fields: write minute, hour, day of'),
        ("cron", "0 * * * * *", 'cron: "0 * * * * *" has six fields, and seconds are not to be'),
        ("cron", "60 * * * *", 'cron: "60 * * * *": its minute will not do: write 0 to 59'),
        ("cron", "* 24 * * *", 'cron: "* 24 * * *": its hour will not do: write 0 to 23'),
        ("cron", "0 0 0 * *", 'cron: "0 0 0 * *": its day of month will not do: write 1 to 31'),
        ("cron", "0 0 31 2 *", 'cron: "0 0 31 2 *": its day of month will not do'),
        ("cron", "0 0 * 13 *", 'cron: "0 0 * 13 *": its month will not do: write 1 to 12, or jan'),
        ("cron", "0 0 * * mo", 'cron: "0 0 * * mo": its day of week will not do: write 0'),
        ("cron", "0 0 */20 * 1L", 'cron: "0 0 */20 * 1L" never comes: no date fits in 50 years'),
        ("cron", f"{'9' * 5000} * * * *", f'cron: "{"9" * 78}… is not an expression'),
        ("cron", "@dialy", 'cron: "@dialy" is unknown; did you mean "@daily"?'),
        ("cron", "@reboot", 'cron: "@reboot" is unknown: write minute, hour'),
        ("timezone", 1, "timezone: 1 is not a string"),
        ("timezone", "Europe/Berln", 'timezone: "Europe/Berln" is not a known time zone; did you'),
        ("timezone", "Europe", 'timezone: "Europe" is not a known time zone'),
        ("timezone", "/etc/passwd", 'timezone: "/etc/passwd" is not a known time zone'),
        ("timezone", "../x", 'timezone: "../x" is not a known time zone'),
        ("timezone", "A\0", "timezone: 'A\\x00' is not a known time zone"),
        ("timezone", "\ud800", "timezone: '\\ud800' is not a known time zone"),
        ("scheduling", "roundrobin", 'scheduling: "roundrobin" will not do: write "parallel" or '),
        ("isolation", "box", 'isolation: "box" will not do: write "process", "shared" or "sand'),
        ("isolation", None, "isolation: None will not do"),
        ("scheduling", 1, 'scheduling: 1 will not do: write "parallel" or "round-robin"'),
        ("every", True, 'every: True is not a duration: write seconds, or "500ms", "30s", "5m"'),
        ("every", ["1m"], "every: ['1m'] is not a duration: write seconds, or"),
        ("timeout", 0, "timeout: 0 is too short: the least is 200 ms"),
        ("timeout", None, "timeout: None is not a duration"),
        ("timeout", float("inf"), "timeout: inf is not a duration"),
        ("degraded", 0, "degraded: 0 would degrade every run"),
        ("tags", "orders", 'tags: "orders" is a string, not a list: write ["orders"]'),
        ("tags", ["a", 1], "tags: 1 is not a string"),
        ("tags", [" a"], 'tags: " a" is empty, or has blanks around it'),
        ("locations", 3, "locations: 3 is not a list of strings"),
        ("needs", [""], 'needs: "" is empty, or has blanks around it'),
        ("id", "two words", 'id: "two words" has blanks in it'),
        ("id", 7, "id: 7 is not a string"),
        ("name", " ", "name: it is empty"),
        ("retries", -1, "retries: -1 is less than none"),
        ("retries", "often", 'retries: "often" is not a number of retries: write a number, or'),
        ("retries", True, "retries: True is not a number of retries"),
        ("retries", {"mx": 3}, 'retries: "mx" is unknown; did you mean "max"?'),
        ("retries", {"delay": "soon"}, 'retries: delay: "soon" is not a duration'),
        ("retries", {"only": "tls"}, 'retries: only: "tls" is a string, not a list: write ["tls"]'),
        ("retries", {"only": []}, "retries: only: it is empty: leave it out to retry whatever"),
        ("retries", {"only": ["tsl.*"]}, 'retries: only: "tsl.*" is neither a failure code, nor a'),
        (
            "retries",
            {"only": ["tls.certificate_expired"]},
            'retries: only: "tls.certificate_expired" is never retried: trying again cannot help',
        ),
        ("retries", {"location": "else"}, 'retries: location: "else" will not do: write "same" or'),
        ("retries", {"location": ["same"]}, "retries: location: ['same'] will not do"),
        (
            "retries",
            {"strategy": "often"},
            'retries: strategy: "often" is no strategy: write "fixed", ',
        ),
        ("retries", {"max": "3"}, 'retries: max: "3" is not a number'),
        ("memory", "big", 'memory: "big" is not a size: write bytes, or "256MB", "1GiB"'),
        ("memory", "256 XB", 'memory: "256 XB" is not a size'),
        ("memory", 1024, "memory: 1024 is too little: the least is 64 MiB"),
        ("memory", True, "memory: True is not a size"),
        ("activated", 1, "activated: 1 is neither true nor false"),
        ("cases", [1], "cases: [1] is not a dict: write"),
        ("cases", {}, "cases: there is none, so the check would never run"),
        ("cases", {1: {}}, "cases: 1 is no name for a case"),
        ("cases", {"eu": 1}, 'cases: "eu" must be a dict of arguments for the function, not 1'),
        ("cases", {"eu": {1: 2}}, 'cases: "eu" must be a dict of arguments'),
    ],
)
def test_a_value_that_will_not_do_is_refused(option: str, value: object, message: str) -> None:
    assert refusal(**{option: value}).startswith(f"@check: {message}")


@pytest.mark.parametrize(
    ("option", "value", "meaning"),
    [
        ("every", "1m30s", 90.0),
        ("every", None, None),
        ("every", 10, 10.0),
        ("every", "24h", 86400.0),
        ("cron", None, None),
        ("cron", " */5  9-17 * *\tmon-FRI ", "*/5 9-17 * * mon-FRI"),
        ("cron", "@hourly", "0 * * * *"),
        ("cron", "@Midnight", "0 0 * * *"),
        ("cron", "0 0 29 2 *", "0 0 29 2 *"),
        ("cron", "0 0 LW * *", "0 0 LW * *"),
        ("timezone", "UTC", "UTC"),
        ("timezone", "America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("scheduling", "round-robin", "round-robin"),
        ("isolation", "process", "process"),
        ("isolation", "shared", "shared"),
        ("timeout", 2, 2.0),
        ("degraded", "800ms", 0.8),
        ("degraded", None, None),
        ("tags", ("b", "a", "b"), ("b", "a")),
        ("retries", 2, Retries("fixed", 2, 1.0)),
        ("retries", 0, Retries()),
        ("retries", None, Retries()),
        ("retries", {"max": 3, "delay": "2s"}, Retries("fixed", 3, 2.0)),
        ("retries", {"strategy": "exponential"}, Retries("exponential", 1, 1.0)),
        ("retries", {"max": 2, "max_duration": "1m"}, Retries("fixed", 2, 1.0, 60.0)),
        ("retries", Retries("linear", 2), Retries("linear", 2)),
        (
            "retries",
            {"only": ["tls.*", "tcp", "dns.timeout", "path"], "location": "other"},
            Retries("fixed", 1, only=("tls.*", "tcp", "dns.timeout", "path"), location="other"),
        ),
        ("memory", 128 << 20, 128 << 20),
        ("memory", "256MB", 256_000_000),
        ("memory", "1.5 GiB", 3 << 29),
        ("activated", False, False),
    ],
)
def test_an_option_comes_to_what_a_definition_holds(
    option: str, value: object, meaning: object
) -> None:
    assert parse_option(option, value) == meaning

    @check(**{option: value})
    def accepted() -> None: ...

    assert mark(accepted).options == {option: value}


def test_a_check_has_one_schedule() -> None:
    assert refusal(every="1m", cron="@hourly") == (
        "@check: every and cron exclude each other: leave one out"
    )

    @check(every=None, cron="@hourly")
    def accepted() -> None: ...

    assert mark(accepted).options["cron"] == "@hourly"


def test_a_check_without_a_cron_pays_for_none() -> None:
    program = (
        "import sys\nfrom checkwire import check\n"
        "@check(every='1m', scheduling='parallel')\ndef f(): ...\n"
        "print(*{'cronsim', 'zoneinfo', 'datetime', 'checkwire.model.failures'} & {*sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert loaded.stdout.strip() == b""


def test_degraded_must_be_reachable() -> None:
    assert "degraded (5) must be less than timeout (2s)" in refusal(timeout="2s", degraded=5)


def test_without_cases_nothing_may_be_required() -> None:
    def needy(url: str, *, key: str, port: int = 1) -> None: ...

    message = refusal_of(needy)
    assert message.startswith('needy() requires "url", "key", and nothing gives it')

    def content(url: str = "", *rest: str, key: str = "", **more: str) -> None: ...

    assert check(content) is content


def test_cases_must_fit_the_function() -> None:
    def one(url: str) -> None: ...

    assert check(cases=EU_AND_US)(one) is one
    assert refusal_of(lambda: 0, cases=EU_AND_US)

    def two(uri: str) -> None: ...

    assert refusal_of(two, cases=EU_AND_US) == (
        '@check: cases: "eu" gives "url", which two() does not take; did you mean "uri"?'
    )

    def three(url: str, key: str) -> None: ...

    assert refusal_of(three, cases=EU_AND_US) == (
        '@check: cases: "eu" does not give "key", which three() requires'
    )

    def four(url: str, /) -> None: ...

    assert 'does not give "url"' in refusal_of(four, cases={"eu": {}})
    assert 'gives "url", which four() does not take' in refusal_of(four, cases=EU_AND_US)

    def five(**anything: str) -> None: ...

    assert check(cases=EU_AND_US)(five) is five


def test_a_definition_error_tells_its_place() -> None:
    with pytest.raises(DefinitionError) as caught:
        check(
            name="Orders",
            every="banana",
        )
    assert str(caught.value).startswith(f"{__file__}:{caught.traceback[0].lineno + 1}: @check: ")


def test_every_option_is_in_the_signature_that_editors_see() -> None:
    from typing import get_overloads

    documented = set(get_overloads(check)[1].__annotations__) - {"return"}
    assert documented == set(OPTIONS)


def test_importing_it_stays_light() -> None:
    program = "import sys, checkwire.sdk.check; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"asyncio", "inspect", "msgspec", "ast", "json", "websockets"} & set(loaded)
