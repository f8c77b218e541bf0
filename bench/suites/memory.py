"""Memory of an open, idle connection: growth of the client's resident set, per connection."""

from __future__ import annotations

from harness.peers import PEERS, serving, started
from harness.table import number, table

__all__ = ["memory"]


def memory(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its table."""
    count = 2000 if rounds > 2 else 500
    rows: dict[str, list[str]] = {}
    with serving("echo.py", files) as server:
        for scheme in ("ws", "wss"):
            for kind in PEERS:
                # A process of its own each: memory once taken is seldom given back.
                with started([kind], files) as (peer,):
                    url = f"{server.urls[scheme]}/hold"
                    kib = peer.do("hold", url=url, count=count)["kib"] / count
                    rows.setdefault(peer.name, [f"{peer.name} {peer.version}"]).append(number(kib))
    return "\n\n".join(
        [
            f"KiB per connection, {count:,} of them (the kernel's socket buffers not counted).",
            table(["client", "ws", "wss"], rows.values()),
        ]
    )
