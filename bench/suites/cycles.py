"""Connect, send 100 bytes, receive them, close: per second, and CPU time of each."""

from __future__ import annotations

from collections import defaultdict

from harness.peers import PEERS, serving, started
from harness.table import median, number, table

__all__ = ["cycles"]

# Scheme, how many at once, cycles per round.
_LOADS = (("ws", 1, 400), ("ws", 100, 2000), ("wss", 1, 150), ("wss", 100, 500))


def cycles(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    spent: defaultdict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    busy: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
    with serving("echo.py", files) as server, started(PEERS, files) as peers:
        for _ in range(rounds):
            for scheme, together, count in _LOADS:
                for peer in peers:
                    key = peer.name, scheme, together
                    cpu = server.collect()
                    result = peer.do(
                        "cycles", url=f"{server.urls[scheme]}/echo", count=count,
                        concurrency=together,
                    )  # fmt: skip
                    spent[key].append((result["wall"] / count, result["cpu"] / count))
                    busy[key].append((server.collect() - cpu) / result["wall"])
        versions = {peer.name: peer.version for peer in peers}
    heads = [f"{s} {'in turn' if n == 1 else f'{n} at once'}" for s, n, _ in _LOADS]
    speed, cost = [], []
    for name, version in versions.items():
        keys = [(name, scheme, together) for scheme, together, _ in _LOADS]
        ours = [("checkwire", *key[1:]) for key in keys]
        walls = [median([wall for wall, _ in spent[key]]) for key in keys]
        ratios = [
            median([w for w, _ in spent[key]]) / w for key, w in zip(ours, walls, strict=True)
        ]
        cells = [f"{number(1 / w)} ({r:.2f})" for w, r in zip(walls, ratios, strict=True)]
        speed.append([f"{name} {version}", *cells])
        cpus = [[cpu * 1e6 for _, cpu in spent[key]] for key in keys]
        cost.append([name, *(f"{number(median(c))} / {number(min(c))}" for c in cpus)])
    share = max(median(busy[key]) for key in busy)
    return "\n\n".join(
        [
            f"Cycles per second; in brackets, as a multiple of checkwire's. Median of {rounds}"
            f" rounds. The server's CPU was busy at most {share:.0%} of the time.",
            table(["client", *heads], speed),
            "CPU time of the client per cycle, µs: median / least of the rounds.",
            table(["client", *heads], cost),
        ]
    )
