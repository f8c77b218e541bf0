"""``checkwire runs`` and ``checkwire show``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from checkwire.cli.reporters.json import run_document
from checkwire.model.attempt import Run
from support.asking import SECOND_NS, Watched, watching
from support.reporting import report


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("watched")) as made:
        for age in (7200, 10800):
            made.store("ticker-subscribe", made.runs["ticker-subscribe"], age * SECOND_NS)
        made.store("ticker-subscribe", made.runs["private-fills"], 1800 * SECOND_NS)
        yield made


def test_the_latest_runs_come_first_with_what_went_wrong(watched: Watched) -> None:
    result = watched.ask("runs")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split() == ["due", "check", "from", "took", "run"]
    assert re.fullmatch(r"  ● .* orderbook-snapshot  eu  +412 ms  [0-9A-Z]{26}", lines[1])
    assert re.fullmatch(r"  ✕ .* ticker-subscribe    eu  +3\.89 s  [0-9A-Z]{26}", lines[2])
    assert lines[3].startswith("      $.data.price was a string.")
    assert "      It passed on attempt 2." in lines
    assert re.search(r"^  ○ .* presence-fanout     eu  + skipped  ", result.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--check", "ticker-subscribe"], 4),
        (["--check", "ticker-subscribe", "--status", "failed"], 3),
        (["--check", "shop/ticker-subscribe", "--status", "failed", "--status", "passed"], 4),
        (["--check", "ticker-subscribe", "--since", "1h"], 2),
        (["--check", "ticker-subscribe", "--since", "2026-01-01"], 4),
        (["--check", "ticker-subscribe", "--limit", "3"], 3),
        (["--code", "tls.certificate_expired"], 1),
        (["--code", "tls"], 1),
        (["--code", "tls."], 1),
        (["--code", "tls.*"], 1),
        (["--code", "tl"], 0),
        (["--location", "us"], 0),
        (["--location", "us", "--project", "shop"], 0),
    ],
)
def test_filters(watched: Watched, arguments: list[str], count: int) -> None:
    assert len(watched.told("runs", *arguments)["runs"]) == count


def test_more_than_a_page_of_the_server_is_fetched(watched: Watched) -> None:
    for number in range(260):
        watched.store("private-fills", watched.runs["private-fills"], (20_000 + number) * SECOND_NS)
    asked = ("runs", "--check", "private-fills", "--limit")
    runs = watched.told(*asked, "255")["runs"]
    assert len({run["run_id"] for run in runs}) == 255
    assert [run["due_ns"] for run in runs] == sorted((r["due_ns"] for r in runs), reverse=True)
    assert len(watched.told(*asked, "1000")["runs"]) == 261


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--check", "tickr-subscribe"], 'has no check "tickr-subscribe"; did you mean "ticker-s'),
        (["--since", "yesterday"], '--since: "yesterday" is no time in the past: write'),
        (["--since", "2026-13-01"], '"since" is not an instant'),
        (["--code", "TLS"], '--code: "TLS" is no code of a failure'),
        (["--tag", "none-has-it"], 'has the tag "none-has-it"'),
        (["--project", "shpo"], 'has no project "shpo"; did you mean "shop"?'),
        (["--location", "uss"], 'runs at "uss"; did you mean "us"?'),
        (["--location", "mars"], 'runs at "mars"; known are eu, us'),
        (["--limit", "0"], "0 is not in the range"),
        (["--status", "fialed"], "'fialed' is not one of"),
    ],
)
def test_a_filter_that_is_none(watched: Watched, arguments: list[str], error: str) -> None:
    result = watched.ask("runs", *arguments)
    assert (result.status, result.out) == (2, "")
    assert error in result.err


def test_several_statuses_are_told_apart_by_commas(watched: Watched) -> None:
    both = watched.told("runs", "--status", "failed,error", "--limit", "100")
    assert {run["status"] for run in both["runs"]} == {"failed", "error"}
    assert both == watched.told("runs", "--status", "failed", "--status", "error", "--limit", "100")
    assert "'' is not one of" in watched.ask("runs", "--status", "failed,").err


def test_how_long_ago_can_be_written_as_people_do(watched: Watched) -> None:
    assert len(watched.told("runs", "--since", "5min")["runs"]) > 1
    for text in ("yesterday", "0d"):
        result = watched.ask("runs", "--since", text)
        assert (result.status, result.out) == (2, "")
        assert "write how long ago (30m, 2h, 7d), a day (2026-11-23), or an instant" in result.err


def test_a_run_is_shown_as_the_test_command_shows_it(watched: Watched) -> None:
    run = watched.runs["ticker-subscribe"]
    shown = watched.ask("show", "ticker-subscribe").out
    block = "\n\n✕ ticker-subscribe  step 3, expect trade "
    _, found, rest = shown.partition(block)
    assert found
    tested = report([run], "list", width=80, verbosity=1).partition(block)[2]
    # How it is run again differs: a server does that with its own secrets.
    told, again, how = rest.partition("\n  again ")
    assert tested.startswith(told + again)
    assert how.split() == ["checkwire", "trigger", "shop/ticker-subscribe", "--location", "eu",
                           "--wait", "-v"]  # fmt: skip
    assert "↓ {" in rest
    assert re.match(r"run [0-9A-Z]{26}  shop  at eu  failed\ndue 20\d\d-", shown)


def test_a_run_is_named_by_its_id_or_by_its_check(watched: Watched) -> None:
    (latest,) = watched.told("runs", "--check", "ticker-subscribe", "--limit", "1")["runs"]
    by_check = watched.told("show", "ticker-subscribe")
    assert by_check["record"]["run_id"] == latest["run_id"]
    for name in (latest["run_id"], latest["run_id"].lower(), latest["check_uid"], latest["check"]):
        assert watched.told("show", name) == by_check
    # As it was kept, with what the codes of its failures mean.
    kept = json.loads(json.dumps(run_document(watched.runs["ticker-subscribe"])))
    assert by_check["run"]["attempts"] == kept["attempts"]
    assert msgspec.convert(by_check["run"], Run).attempts


def test_of_a_name_that_a_removed_check_had_too_the_check_that_is_there_is_meant(
    tmp_path: Path,
) -> None:
    with watching(tmp_path) as watched:
        uid = watched.move("feed", "checks/renamed_check.py")
        run_id = watched.server.do(
            watched.server.monitor.store_run(uid, watched.runs["feed"], watched.now_ns)
        ).run_id
        assert watched.told("show", "feed")["record"]["run_id"] == run_id
        assert watched.told("show", "shop/feed")["record"]["run_id"] == run_id
        (run,) = watched.told("runs", "--check", "feed")["runs"]
        assert run["check_uid"] == uid
        before = watched.runs["feed"].check.id
        (run,) = watched.told("runs", "--check", before)["runs"]
        assert run["check_uid"] == watched.uid("feed")


def test_the_latest_failed_run_of_a_check(watched: Watched) -> None:
    watched.store("room-join", watched.runs["positions"], 600 * SECOND_NS)
    assert watched.told("show", "room-join")["record"]["status"] == "degraded"
    assert watched.told("show", "room-join", "--failed")["record"]["status"] == "failed"
    assert "private-fills has no run that failed yet" in (
        watched.ask("show", "private-fills", "--failed").err
    )


def test_verbose_shows_headers_too(watched: Watched) -> None:
    assert "> Host: stream.acme.example" not in watched.ask("show", "ticker-subscribe").out
    assert "> Host: stream.acme.example" in watched.ask("show", "ticker-subscribe", "-v").out


def test_a_run_that_was_skipped_says_why(watched: Watched) -> None:
    shown = watched.ask("show", "presence-fanout")
    assert shown.status == 0
    assert shown.out.endswith("\n      needs CHAT_TOKEN\n")


def test_a_run_whose_transcript_is_no_longer_kept_shows_what_is(watched: Watched) -> None:
    run_id = watched.store("positions", watched.runs["positions"], 40 * 86_400 * SECOND_NS)
    database = f"sqlite:///{watched.server.store.address}"
    assert watched.told("db", "prune", "--database", database)["pruned"]["transcripts"] == 1
    shown = watched.ask("show", run_id)
    assert shown.status == 0
    assert "refused the connection: nothing listens there  tcp.refused" in shown.out
    assert "There is no transcript of this run" in shown.out
    assert watched.told("show", run_id)["run"] is None


def test_a_run_that_is_not_over_says_so(watched: Watched) -> None:
    monitor = watched.server.monitor
    run_id = watched.server.call(monitor.begin, watched.uid("feed"))
    shown = watched.ask("show", run_id)
    assert shown.status == 0
    assert shown.out.startswith(f"run {run_id}  shop  at eu  running\n")
    assert "It is not over yet" in shown.out


def test_a_run_that_there_is_not(watched: Watched) -> None:
    result = watched.ask("show", "0" * 26)
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"checkwire: error: {watched.url}: There is no run with this id, or it is no longer kept\n"
    )
