"""Where a command listens: its port, and why it cannot."""

from __future__ import annotations

import errno

import click

__all__ = ["port_option", "why_not_listening"]


def port_option(ctx: click.Context, param: click.Parameter, value: int) -> int:
    """Take a port; 0 is any free one."""
    if not 0 <= value <= 65535:
        raise click.BadParameter(f"{value} is not a port: it must be from 0 to 65535.")
    return value


def why_not_listening(error: OSError, host: str, port: int) -> str:
    """A sentence for somebody who gave ``--host`` and ``--port``."""
    import socket

    if isinstance(error, socket.gaierror):
        return f"cannot listen on {host}: no such host. Write an address of this machine"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {port} on {host} is in use: "
                "choose another one with --port, or any free one with --port 0"
            )
        case errno.EACCES:
            return f"port {port} may not be opened by this user: choose one above 1023"
        case errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine: choose another with --host"
        case _:
            return f"cannot listen on {host}, port {port}: {error.strerror}"
