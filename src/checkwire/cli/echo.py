"""``checkwire echo``: a local stand-in for echo.websocket.org."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from checkwire.cli.help import ExampleCommand
from checkwire.cli.listening import port_option, why_not_listening
from checkwire.cli.stderr import tell
from checkwire.model.errors import CheckwireError

if TYPE_CHECKING:
    from ssl import SSLContext

    from checkwire.echo import EchoServer, Exchange

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire echo", "ws://127.0.0.1:8080"),
        ("checkwire echo --port 0 --quiet", "any free port, and no log"),
        ("checkwire echo --host 0.0.0.0", "for other machines, too"),
        ("checkwire echo --tls --tls-cert-out ca.pem", "wss://, and the CA to trust"),
    ),
)
@click.option(
    "--host", default="127.0.0.1", metavar="HOST", show_default=True, help="Address to listen on."
)
@click.option(
    "-p",
    "--port",
    type=int,
    callback=port_option,
    default=8080,
    metavar="PORT",
    show_default=True,
    help="Port to listen on; 0 for any free one.",
)
@click.option("--tls", is_flag=True, help="Serve wss:// with a certificate made on the spot.")
@click.option(
    "--tls-name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Another host name or IP address for the certificate. It always has localhost, "
    "127.0.0.1, ::1 and echo.websocket.org. Can be given several times; implies --tls.",
)
@click.option(
    "--tls-cert-out",
    "authority_out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the certificate of the authority that clients must trust here (PEM). Implies "
    "--tls.",
)
@click.option("--no-greeting", is_flag=True, help="Do not say “Request served by …” first.")
@click.option("-q", "--quiet", is_flag=True, help="Print the first line, and no more.")
def command(
    host: str,
    port: int,
    tls: bool,
    names: tuple[str, ...],
    authority_out: Path | None,
    no_greeting: bool,
    quiet: bool,
) -> None:
    """Serve a local stand-in for wss://echo.websocket.org.

    It greets with one line of text, then sends back every message as it is. On the same port are
    a page to try it by hand (/.ws), server-sent events (/.sse), and a description of any other
    request. Ctrl-C stops it.
    """
    import asyncio

    from checkwire.echo import EchoServer

    context = _certificate(names, authority_out) if tls or names or authority_out else None
    server = EchoServer(
        host,
        port,
        ssl=context,
        greeting=not no_greeting,
        report=None if quiet else _log,
    )
    asyncio.run(_serve(server, authority_out, quiet))


async def _serve(server: EchoServer, authority: Path | None, quiet: bool) -> None:
    import asyncio
    import signal

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await server.start()
    except OSError as error:
        raise CheckwireError(why_not_listening(error, server.host, server.port)) from None
    try:
        _announce(server, authority, quiet)
        await stop.wait()
    finally:
        await server.close()


def _certificate(names: tuple[str, ...], authority_out: Path | None) -> SSLContext:
    from checkwire.echo.certificate import make_certificate

    try:
        made = make_certificate(names)
    except ValueError as error:
        raise CheckwireError(f"cannot make a certificate for {', '.join(names)}: {error}") from None
    if authority_out is not None:
        try:
            authority_out.write_bytes(made.authority)
        except OSError as error:
            raise CheckwireError(f"cannot write {authority_out}: {error.strerror}") from None
    return made.context


def _announce(server: EchoServer, authority: Path | None, quiet: bool) -> None:
    lines = [f"Listening on {server.url}"]
    if not quiet:
        http = "http" + server.url.removeprefix("ws")
        trust = f" --cacert {authority}" if authority is not None else ""
        secure = http.startswith("https")
        lines += [
            "",
            f"  by hand    {http}/.ws",
            f"  events     curl -N{trust or (' -k' if secure else '')} {http}/.sse",
        ]
        if authority is not None:
            lines.append(f"  checks     checkwire test --ca {authority}")
        elif secure:
            lines.append("  trust      --tls-cert-out FILE writes the authority to trust")
        else:
            lines.append(f"  checks     checkwire test --env ECHO_URL={server.url}")
        lines += ["", "Ctrl-C stops it."]
    click.echo("\n".join(lines))


def _log(exchange: Exchange) -> None:
    """One line on stderr, where it cannot be taken for the first one."""
    from checkwire.model.durations import format_ns

    parts = [f"{exchange.client:<21}", f"{exchange.method or '-'} {exchange.target or '-'}"]
    parts.append(str(exchange.status))
    if exchange.close_code is not None:
        messages = "1 message" if exchange.messages == 1 else f"{exchange.messages} messages"
        parts.append(f"{messages}, closed {exchange.close_code}")
    parts.append(format_ns(exchange.duration_ns))
    tell("  ".join(parts))
