"""Writes docs/timers.md: the timers that end silent or old connections.

Run it after a change of ``checkwire.model.timers``: ``python docs/timers.py``.
"""

from __future__ import annotations

from pathlib import Path

from checkwire.model.timers import TIMERS, Timer, ping_interval

COUNTS = {
    "either": "frames of either side",
    "client": "frames of the client",
    "server": "frames of the server",
    "life": "nothing",
}
INTRODUCTION = """\
# Timers that end WebSockets

<!-- Written by docs/timers.py from checkwire.model.timers. -->

Proxies, load balancers and clouds end connections that are silent for too long, and some end them
at a certain age however busy they are. They rarely say so: the client sees a connection that ended
without a Close frame (1006). But they are punctual, so the time tells.

When a connection ends within the tolerance of one of these timers, and nothing else says why, the
failure is `ws.idle_timeout` or `ws.lifetime_limit`. It names all products that fit best, and says
how often to ping. Times are those that the product has if nobody changed it; a timer that somebody
set otherwise is not recognised.

- Pings and pongs are frames like any other, and so restart a timer. TCP keepalive is not: it
  restarts few of them.
- A Close frame whose code or reason says why (1012, a code of the application, "token expired") is
  not laid to a timer. Neither is an end in the middle of a frame or message.
- Products marked `¹` may end a silent connection without a word. The next frame that is sent is
  answered with a reset, and then it is told.
"""


def span(seconds: float) -> str:
    """Seconds as people write them."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def row(timer: Timer) -> str:
    """The row of a timer in its table."""
    cells = [
        timer.product + (" ¹" if timer.silent else ""),
        f"{span(timer.seconds)} ± {timer.tolerance:g} s",
    ]
    if timer.counts != "life":
        cells += [COUNTS[timer.counts], span(ping_interval(timer.seconds))]
    cells += [f"`{timer.setting}`" if timer.setting else "", timer.note, f"[page]({timer.source})"]
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def page() -> str:
    """The page."""
    idle = sorted((t for t in TIMERS if t.counts != "life"), key=lambda t: t.seconds)
    life = sorted((t for t in TIMERS if t.counts == "life"), key=lambda t: t.seconds)
    return "\n".join(
        [
            INTRODUCTION,
            "## Silence",
            "",
            "| product | after | restarted by | ping every | setting | | source |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *map(row, idle),
            "",
            "Phoenix is no proxy: its timer counts where Phoenix channels are spoken.",
            "",
            "## Age",
            "",
            "| product | at | setting | | source |",
            "| --- | --- | --- | --- | --- |",
            *map(row, life),
            "",
        ]
    )


if __name__ == "__main__":
    (Path(__file__).parent / "timers.md").write_text(page())
