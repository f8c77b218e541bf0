"""``browser.*``: what works here, and would not in a browser. All are warnings."""

from __future__ import annotations

from checkwire.faults.authority import Authority
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, upgraded

faults = Family()

_GREETS = upgraded(Peer.echo)


def _asks(url: str = "URL", more: str = "") -> str:
    return f"""
async with connect({url}{more}) as ws:
    await ws.send("hello")
    assert await ws.receive(within="1s") == "hello"
"""


@faults.served(
    "browser.redirect", does="sends the client to another path first", severity="warning",
    check=_asks(more=", follow_redirects=True"),
)  # fmt: skip
def moved(peer: Peer) -> None:
    if peer.read_head().startswith("GET /moved "):
        peer.send(peer.acceptance())
        peer.echo()
    else:
        peer.send(b"HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n")
        peer.read_to_end()


faults.add(
    "browser.header", does="is sent a header that no web page can set", severity="warning",
    script=_GREETS,
    check=_asks(more=', headers={"Authorization": "Bearer x"}, browser=True'),
)  # fmt: skip
faults.add(
    "browser.certificate", does="shows a certificate that is not verified", severity="warning",
    tls=Authority.strange, script=_GREETS, check=_asks(more=", verify=False, browser=True"),
)  # fmt: skip
faults.add(
    "browser.mixed_content", does="is asked without TLS for a page of https://",
    severity="warning", script=_GREETS,
    check=_asks(
        '"ws://feed.fault.test/"',
        ', origin="https://shop.fault.test", '
        'resolve={"feed.fault.test:80": URL.removeprefix("ws://").rstrip("/")}',
    ),
)  # fmt: skip
faults.add(
    "browser.blocked_port", does="is asked at a port that browsers refuse", severity="warning",
    script=_GREETS,
    check=_asks(
        '"ws://feed.fault.test:6667/"',
        ', resolve={"feed.fault.test:6667": URL.removeprefix("ws://").rstrip("/")}',
    ),
)  # fmt: skip
