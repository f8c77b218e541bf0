"""A list of incidents."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from checkwire.cli.client.access import find_access
from checkwire.cli.client.answers import IncidentAnswer, decoded, short_name, watches_several
from checkwire.cli.client.finding import find_check
from checkwire.cli.client.runs import names_of_checks, sentence_lines
from checkwire.cli.client.server import Server
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.instants import instant, span
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import MARKS
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, clean, width_of

__all__ = ["show_incidents"]

_PAGE = 100
_RUN_ID = 26
_SEVERAL = 3
"""Tries after which a notice is late."""


def show_incidents(
    check: str | None,
    only_open: bool,
    limit: int,
    server: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """Write the incidents that fit.

    Raises:
        CheckwireError: the server cannot be asked, or knows no such check.
    """
    asked = Server(find_access(server, token))
    query = {
        "check": None if check is None else find_check(asked, check, removed=True).uid,
        "open": "true" if only_open else None,
    }
    items = asked.pages("/incidents", query, limit)
    found = [decoded(item, IncidentAnswer, asked) for item in items]
    output = Output()
    if as_json:
        document = {"server": asked.access.server, "incidents": msgspec.to_builtins(found)}
        output.write(format_document(document))
        return
    console = Console(output)
    if not found:
        what = "no incident is open" if only_open else "there has been no incident"
        console.lines([Text(what, "bold")])
        return
    names = names_of_checks(asked)
    several = watches_several(asked)
    console.lines(_lines(found, names, console.width, time.time_ns(), several=several))


def _lines(
    incidents: Sequence[IncidentAnswer],
    known: Mapping[str, str],
    width: int,
    now_ns: int,
    *,
    several: bool,
) -> Iterator[Text]:
    begins = [instant(one.began_ns, now_ns) for one in incidents]
    lasted = [_lasted(one, now_ns) for one in incidents]
    names = [known.get(one.check_uid) or short_name(one.check) for one in incidents]
    if several:
        names = [f"{one.project}/{name}" for one, name in zip(incidents, names, strict=True)]
    begin = max(len("began"), *map(len, begins))
    last = max(len("lasted"), *map(len, lasted))
    fixed = 4 + begin + 2 + 2 + last + 2 + _RUN_ID
    longest = max(width_of(clean(name)) for name in names)
    column = max(min(longest, width - fixed), 8)
    at_lasted = 4 + begin + 2 + column + 2
    heading = Text("    ").add("began".ljust(begin), "dim").add("  ").add("check", "dim")
    heading.pad(at_lasted).add("lasted".ljust(last), "dim")
    yield heading.add("  ").add("opened by run", "dim").cut(width)
    for one, at, name, long in zip(incidents, begins, names, lasted, strict=True):
        mark = MARKS["failed" if one.open else "passed"]
        line = Text("  ").add(mark.shape, mark.style).add(" ").add(at.ljust(begin), "dim").add("  ")
        line.join(Text(name, "fail bold" if one.open else "").cut(column)).pad(at_lasted)
        line.add(long.ljust(last), "fail" if one.open else "").add("  ").add(one.opened_by, "dim")
        yield line.cut(width)
        page = min(width, _PAGE)
        if one.message:
            yield from sentence_lines(one.message, one.code, 6, page, "dim")
        for told, style in _told(one):
            yield from sentence_lines(told, "", 6, page, style)


def _lasted(one: IncidentAnswer, now_ns: int) -> str:
    if one.open:
        return f"{span(now_ns - one.began_ns)}, open"
    return span(one.duration_ns or 0)


def _told(one: IncidentAnswer) -> Iterator[tuple[str, str]]:
    """Who was told, and who was not: sentences, each with its style."""
    if not one.notices:
        yield (
            f"Nobody {'is' if one.open else 'was'} told of it: the project had no channel.",
            "warn",
        )
        return
    reached = [notice for notice in one.notices if notice.status == "delivered"]
    told = list(dict.fromkeys(notice.channel for notice in reached))
    if told:
        yield f"Told: {', '.join(told)}.", "dim"
    for notice in one.notices:
        what = "beginning" if notice.event == "opened" else "end"
        why = (notice.error or "nobody knows why").rstrip(".")
        if notice.status == "given_up":
            yield f"Channel {notice.channel} was not told of its {what}: {why}.", "warn"
        elif notice.status == "waiting" and notice.tries >= _SEVERAL:
            yield f"Channel {notice.channel} is yet to be told of its {what}: {why}.", "warn"
