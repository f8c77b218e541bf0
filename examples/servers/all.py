"""All stand-ins at once, for ``checkwire test``: a project names this as its service.

They listen in the order of :data:`PORTS`, so whoever waits for the last one has all of them::

    [[service]]
    name = "stand-ins"
    command = "python servers/all.py --tls-cert-out .ca.pem"
    ready = "tcp://127.0.0.1:9000"
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from ssl import SSLContext

from binance import binance
from coinbase import coinbase
from kraken import kraken
from login import login
from serving import port_of, stop_on_signal
from websockets.asyncio.server import Server

from checkwire.echo import EchoServer
from checkwire.echo.certificate import make_certificate

PORTS = {
    "binance": 9001,
    "coinbase": 9002,
    "kraken": 9003,
    "login": 9004,
    "echo over TLS": 9005,
    "echo": 9000,
}

FEEDS: dict[str, Callable[[int], AbstractAsyncContextManager[Server]]] = {
    "binance": binance,
    "coinbase": coinbase,
    "kraken": kraken,
    "login": login,
}


async def serve_all(ports: dict[str, int], tls: SSLContext) -> None:
    """Serve until stopped."""
    stop, urls = stop_on_signal(), {}
    async with AsyncExitStack() as servers:
        for name, port in ports.items():
            if name in FEEDS:
                server = await servers.enter_async_context(FEEDS[name](port))
                urls[name] = f"ws://127.0.0.1:{port_of(server)}"
            else:
                context = tls if name == "echo over TLS" else None
                echo = await servers.enter_async_context(EchoServer(port=port, ssl=context))
                urls[name] = echo.url
        told = ", ".join(f"{url} ({name})" for name, url in urls.items())
        print(f"Listening on {told}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve all stand-ins on 127.0.0.1.")
    parser.add_argument(
        "--tls-cert-out", type=Path, metavar="FILE", help="write the authority's certificate here"
    )
    parser.add_argument("--any-ports", action="store_true", help="take free ports, and tell them")
    options = parser.parse_args()
    chosen = dict.fromkeys(PORTS, 0) if options.any_ports else PORTS
    certificate = make_certificate()
    if options.tls_cert_out is not None:
        options.tls_cert_out.write_bytes(certificate.authority)
    asyncio.run(serve_all(chosen, certificate.context))
