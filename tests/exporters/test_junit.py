from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from checkwire.exporters.junit import junit_xml
from checkwire.model.attempt import Run, Unfinished
from checkwire.model.failures import Failure
from support import samples

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))


def exported(runs: Sequence[Run], broken: Sequence[Failure] = (), **unfinished: Any) -> ET.Element:
    document = junit_xml(runs, load_failures=broken, duration_ns=2_300_000_000, **unfinished)
    SCHEMA.assertValid(etree.fromstring(document.encode()))
    return ET.fromstring(document)


def case(root: ET.Element, name: str) -> ET.Element:
    found = [case for case in root.iter("testcase") if case.get("name") == name]
    assert len(found) == 1
    return found[0]


def test_there_is_a_suite_per_file_and_the_counts_are_right() -> None:
    root = exported(samples.everything(), samples.load_failures())
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == [
        "checks/broken.py",
        "checks/imports.py",
        "checks/trading.py",
        "checks/chat.py",
        "checks/tls.py",
        "checks/feed.py",
    ]
    for element in (root, *suites.values()):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped",) * 2):
            assert element.get(attribute) == str(len(list(element.iter(tag))))
    assert root.get("time") == "2.300"
    assert root.get("timestamp") == "2026-11-22T16:07:39.695Z"


def test_a_warning_that_repeats_itself_stands_once_in_the_transcript() -> None:
    out = case(exported([samples.repeating()]), "leaky").findtext("system-out") or ""
    assert out.count("warning: The check left a connection open, 50 times [check.unclosed") == 1
    assert out.count("left a connection open") == 2


def test_nothing_ran_is_a_valid_document_too() -> None:
    assert exported([]).get("tests") == "0"


def test_what_has_no_run_is_skipped_with_the_reason() -> None:
    first, second, third, fourth, *_ = samples.trading()
    root = exported(
        [first],
        unfinished=[
            Unfinished(check=second.check, duration_ns=1_250_000_000),
            Unfinished(check=third.check),
            Unfinished(check=fourth.check),
        ],
        ended_by="interrupted",
    )
    stopped = case(root, second.check.name)
    assert stopped.get("time") == "1.250"
    reasons = [skipped.get("message") for skipped in root.iter("skipped")]
    assert reasons == ["stopped after 1.25 s: interrupted", *["not run: interrupted"] * 2]
    counts = [(suite.get("name"), suite.get("tests"), suite.get("skipped")) for suite in root]
    assert counts == [("checks/trading.py", "3", "2"), ("checks/chat.py", "1", "1")]
    assert (root.get("tests"), root.get("skipped")) == ("4", "3")


def test_a_failure_of_the_target_is_a_failure_with_its_code_and_what_explains_it() -> None:
    ticker = case(exported([samples.failed()]), "ticker-subscribe")
    assert ticker.get("classname") == "checks.trading"
    assert (ticker.get("file"), ticker.get("line")) == ("checks/trading.py", "20")
    assert ticker.get("time") == "3.893"
    failure = ticker.find("failure")
    assert failure is not None
    assert failure.get("type") == "assertion.failed"
    assert failure.get("message", "").startswith("$.data.price was a string.")
    assert 'assert trade["data"]["price"] > 0' in (failure.text or "")
    assert '+ "price": "67120.50",' in (failure.text or "")
    assert "checks/trading.py:41" in (failure.text or "")


def test_a_failure_of_the_check_is_an_error() -> None:
    session = case(exported([samples.script_error()]), "session")
    error = session.find("error")
    assert error is not None
    assert error.get("type") == "script.exception"
    assert session.find("failure") is None


def test_a_skipped_run_says_why() -> None:
    skipped = case(exported([samples.skipped()]), "presence-fanout").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "needs CHAT_TOKEN"


@pytest.mark.parametrize("run", [samples.passed(), samples.degraded(), samples.flaky()])
def test_passed_degraded_and_flaky_runs_are_successes(run: Run) -> None:
    found = case(exported([run]), run.check.name)
    assert {child.tag for child in found} == {"properties", "system-out"}


def test_properties_hold_the_phases_in_seconds_and_that_it_was_flaky() -> None:
    properties = {
        element.get("name"): element.get("value")
        for element in case(exported([samples.flaky()]), "reconnect").iter("property")
    }
    assert properties["phase.tls"] == "0.041600"
    assert properties["flaky"] == "true"
    assert properties["attempts"] == "2"
    assert properties["id"] == "checks/trading.py::reconnect"


def test_the_transcript_of_every_attempt_is_in_system_out() -> None:
    out = case(exported([samples.failed()]), "ticker-subscribe").findtext("system-out") or ""
    assert out.count("attempt ") == 2
    assert '244.3 ms  sent text, 56 B: {"op":"subscribe","channel":"trades"' in out


def test_stderr_is_in_system_err() -> None:
    assert case(exported([samples.no_match()]), "updates").findtext("system-err") == "oh no"


def test_long_output_is_cut_in_the_middle() -> None:
    story = samples.Story()
    for number in range(400):
        story.say(number, f"{number:03}" + "x" * 1000)
    run = samples.run_of(samples.check("long"), story.attempt("passed", 400.0))
    out = case(exported([run]), "long").findtext("system-out") or ""
    assert len(out) < 300_000
    assert "log: 000x" in out
    assert "log: 399x" in out
    assert re.search(r"… [\d,]+ characters …", out)


def test_a_file_that_could_not_be_loaded_is_a_case_with_an_error() -> None:
    broken = case(exported([], samples.load_failures()), "checks/broken.py").find("error")
    assert broken is not None
    assert broken.get("type") == "script.syntax"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40) | st.text("]]><&'\"\x00\x1b\x85\ufffe\ud7ff\u202e\r\n", max_size=40))
def test_whatever_a_target_says_the_document_is_valid(text: str) -> None:
    failure = Failure(code="script.import", message=text, details=text)
    exported([samples.nasty(text), samples.skipped(text, text)], [failure])


def test_what_xml_forbids_is_made_visible() -> None:
    document = junit_xml([samples.nasty("\x1b[2J\x00\x9b\u202e")])
    assert r"\x1b[2J\x00\x9b\u202e" in document
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", document)


def test_line_breaks_of_a_message_survive_in_its_attribute() -> None:
    failure = Failure(code="script.import", message='one\n\ttwo "quoted" <&>')
    error = next(exported([], [failure]).iter("error"))
    assert error.get("message") == failure.message
