"""The conformance suite itself: it notices what is wrong, and tells what it is asked for."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Callable

import pytest

from compliance.__main__ import main
from compliance.case import Case, Dialogue
from compliance.frames import mask, read_frame, text
from compliance.report import failures, table
from compliance.run import TARGETS, run
from compliance.sections import CASES

CLIENT = next(target for target in TARGETS if target.name == "asyncio")
ECHO = next(target for target in TARGETS if target.name == "echo")
BY_ID = {case.id: case for case in CASES}
KEY = b"\x01\x02\x03\x04"


def expecting(case_id: str, **changes: object) -> Case:
    """The case, with something else expected."""
    case = BY_ID[case_id]
    return dataclasses.replace(case, **changes)  # type: ignore[arg-type]


def problems(case: Case) -> str:
    return "\n".join(run(case, CLIENT).problems)


def test_a_message_that_is_another_is_noticed() -> None:
    wrong = expecting("5.3", build=lambda: Dialogue((text("one"),), ("other",)))
    assert "messages received: ['one'], not ['other']" in problems(wrong)
    assert "messages echoed: ['one'], not ['other']" in "\n".join(run(wrong, ECHO).problems)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (expecting("4.1.1", closes=1000), "close codes: [1002], not [1000]"),
        (expecting("4.1.1", failure=""), "failures: ['ws.protocol_error'], not []"),
        (expecting("4.1.1", clean=True), "clean: False, not True"),
        (expecting("2.2", pongs=(b"Hallo",)), "pongs: [b'Hello'], not [b'Hallo']"),
        (expecting("0.3.1", failure="upgrade.status"), "failures: ['upgrade.bad_headers']"),
        (expecting("7.13.1", closes=1000), "close codes: [], not [1000]"),
    ],
)
def test_an_outcome_that_is_another_is_noticed(wrong: Case, said: str) -> None:
    found = problems(wrong)
    assert said in found
    assert found.startswith("at once: ")


def test_what_a_client_may_not_send_is_noticed() -> None:
    def broken(data: bytes) -> tuple[str, ...]:
        frame = read_frame(data, from_client=True)
        assert frame is not None
        return frame.broken

    good = b"\x81\x85" + KEY + mask(b"Hello", KEY)
    assert broken(good) == ()
    assert read_frame(good, from_client=True).payload == b"Hello"  # type: ignore[union-attr]
    assert broken(b"\x81\x05Hello") == ("a client's frame has mask=False",)
    assert broken(b"\x81\xfe" + struct.pack("!H", 5) + KEY + b"Hello") == (
        "a length of 5 in 16 bits",
    )
    assert broken(b"\x83\x80" + KEY) == ("opcode 3",)
    assert broken(b"\x09\x80" + KEY) == ("a control frame of 0 bytes with fin=False",)


def test_a_frame_that_is_not_whole_is_waited_for() -> None:
    whole = b"\x82\xfe" + struct.pack("!H", 200) + KEY + bytes(200)
    assert all(read_frame(whole[:size], from_client=True) is None for size in range(len(whole)))
    frame = read_frame(whole, from_client=True)
    assert frame is not None
    assert frame.size == len(whole)


def test_every_section_has_cases_for_both_ends_or_says_why_not() -> None:
    both = {case.section for case in CASES if "echo" in case.on}
    # Its handshake has tests of its own, and it does not compress.
    assert {case.section for case in CASES} - both == {0, 12, 13}


Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return lambda: capsys.readouterr().out


def test_a_part_can_be_run_and_is_told_by_section(printed: Printed) -> None:
    assert main(["--case", "2.1", "--case", "4.1", "--target", "asyncio", "--target", "echo"]) == 0
    told = printed()
    assert "| 2 Pings and pongs |     1/1 |   1/1 |" in told
    assert "| 4 Opcodes         |   10/10 | 10/10 |" in told
    assert "11 cases, 22 runs, 66 connections" in told


def test_what_failed_is_told_with_the_rule_it_is_about() -> None:
    result = run(expecting("4.1.1", closes=1000), CLIENT)
    first, *rest = failures([run(BY_ID["2.1"], CLIENT), result])
    assert first == "4.1.1 on asyncio: opcode 3 (RFC 6455 §5.2)"
    assert rest == [f"    {problem}" for problem in result.problems]
    assert "4 Opcodes" in table([result], [CLIENT])
    assert "0/1" in table([result], [CLIENT])


def test_results_can_be_had_as_json(printed: Printed) -> None:
    assert main(["--case", "2.1", "--target", "asyncio", "--json"]) == 0
    (result,) = json.loads(printed())
    assert (result["case"], result["target"], result["passed"]) == ("2.1", "asyncio", True)


def test_a_case_that_is_not_there_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--case", "99"])
    assert "there is no case 99" in capsys.readouterr().err
