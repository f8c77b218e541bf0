"""Writes docs/close-codes.md: what close codes mean.

Run it after a change of ``checkwire.model.close_codes``: ``python docs/close_codes.py``.
"""

from __future__ import annotations

from pathlib import Path

from checkwire.model.close_codes import FAMILIES, REGISTERED, CloseCode, Family
from checkwire.model.close_families import Kind

FAILURES: dict[Kind, str] = {
    "": "`ws.closed`",
    "draining": "`ws.draining`",
    "auth": "`ws.auth_expired`, or `ws.closed` if it was never accepted",
    "expired": "`ws.auth_expired`",
    "evicted": "`ws.evicted`",
}
RECONNECT = {"yes": "yes", "later": "after a moment", "no": "not unchanged", "unknown": ""}
INTRODUCTION = """\
# Close codes

<!-- Written by docs/close_codes.py from checkwire.model.close_codes. -->

A Close frame has a code. Up to 2999 they are those of WebSocket itself, from 3000 on they can be
registered, from 4000 on they are private: they mean what the protocol on top of WebSocket says.
Checkwire says what the code means and who defines it in the message of the failure and in its
evidence (`name`, `family`), and there whether to connect again (`reconnect`).

Which protocol is spoken, the subprotocol tells, or the URL. If neither does, those who define the
code are named as candidates.
"""


def row(code: CloseCode) -> str:
    """The row of a code in its table."""
    number = f"{code.code}–{code.last}" if code.last else str(code.code)
    cells = [number, code.name, code.meaning, RECONNECT[code.reconnect], FAILURES[code.kind]]
    if code.code in (1000, 1005):
        cells[4] = "`ws.closed`, if something was awaited"
    elif code.code == 1006:
        cells[4] = "`ws.closed_abnormally`"
    elif code.code == 1015:
        cells[4] = "`tls.*`"
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def section(family: Family) -> list[str]:
    """The section of a protocol."""
    told = []
    if family.subprotocols:
        names = [f"`{name}`" for name in family.subprotocols]
        told.append(f"subprotocol {', '.join(names)}")
    if family.url:
        told.append(f"a URL that matches `{family.url}`")
    lines = [f"## {family.name}", ""]
    if told:
        lines += [f"Told by {'; or '.join(told)}.", ""]
    lines += [f"Source: <{family.source}>", ""]
    if family.note:
        return [*lines, f"{family.note}.", ""]
    return [
        *lines,
        "| code | name | meaning | reconnect | told as |",
        "| --- | --- | --- | --- | --- |",
        *map(row, family.codes),
        "",
    ]


def page() -> str:
    """The page."""
    sections = [line for family in (REGISTERED, *FAMILIES) for line in section(family)]
    return "\n".join([INTRODUCTION, *sections])


if __name__ == "__main__":
    (Path(__file__).parent / "close-codes.md").write_text(page())
