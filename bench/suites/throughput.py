"""Messages received per second over one connection, which the server sends as fast as it can."""

from __future__ import annotations

from collections import defaultdict

from harness.peers import OURS, PEERS, serving, started
from harness.table import median, number, table

__all__ = ["throughput"]

# Name, bytes, deflated, messages per round.
_LOADS = (
    ("100 B", 100, False, 100_000),
    ("100 B deflated", 100, True, 100_000),
    ("64 KiB", 65536, False, 8_000),
    ("64 KiB deflated", 65536, True, 2_000),
)
_KINDS = (
    OURS,
    OURS.variant("checkwire, transcript encoded", "--record", "full"),
    OURS.variant("checkwire, no transcript", "--record", "none"),
    *PEERS[1:],
)


def throughput(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    spent: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with serving("echo.py", files) as server, started(_KINDS, files) as peers:
        for _ in range(rounds):
            for name, size, deflate, count in _LOADS:
                for peer in peers:
                    # Node inflates in its thread pool, message by message: give it fewer.
                    some = count // 20 if deflate and peer.name == "Node ws" else count
                    url = f"{server.urls['ws']}/flood?size={size}&deflate={int(deflate)}"
                    result = peer.do("receive", url=url, count=some, deflate=deflate)
                    spent[peer.name, name].append((result["wall"] / some, result["cpu"] / some))
        versions = {peer.name: peer.version for peer in peers}
    heads = [name for name, *_ in _LOADS]
    speed, cost = [], []
    for name, version in versions.items():
        walls = [median([wall for wall, _ in spent[name, head]]) for head in heads]
        peers_walls = [median([wall for wall, _ in spent["websockets", head]]) for head in heads]
        pairs = zip(walls, peers_walls, strict=True)
        label = name if name.startswith("checkwire,") else f"{name} {version}"
        speed.append([label, *(f"{number(1 / w)} ({p / w:.2f})" for w, p in pairs)])
        cpus = [[cpu * 1e6 for _, cpu in spent[name, head]] for head in heads]
        cost.append([name, *(f"{number(median(c))} / {number(min(c))}" for c in cpus)])
    return "\n\n".join(
        [
            f"Messages per second; in brackets, as a multiple of websockets'. Median of {rounds}"
            " rounds.",
            table(["client", *heads], speed),
            "CPU time of the client per message, µs: median / least of the rounds.",
            table(["client", *heads], cost),
        ]
    )
