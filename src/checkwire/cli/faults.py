"""``checkwire faults``: servers that go wrong on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from checkwire.cli.help import ExampleCommand
from checkwire.cli.listening import port_option, why_not_listening
from checkwire.cli.stderr import tell
from checkwire.model.errors import CheckwireError, UsageError
from checkwire.model.failures import CODES, code_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkwire.faults import Fault, FaultServer

__all__ = ["command"]

_MEANT = 5


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire faults", "all of them"),
        ("checkwire faults tls", "those whose code begins with tls"),
        ("checkwire faults ws.no_pong", "serve one: ws://127.0.0.1:8765/"),
        ("checkwire faults tls.certificate_expired --ca-out ca.pem", "and the CA to trust"),
        ("checkwire faults ws.no_pong --check > no_pong_check.py", "the check that meets it"),
        ("checkwire faults --json", "for programs"),
    ),
)
@click.argument("name", required=False, metavar="[CODE]")
@click.option(
    "--host", default="127.0.0.1", metavar="HOST", show_default=True, help="Address to listen on."
)
@click.option(
    "-p",
    "--port",
    type=int,
    callback=port_option,
    default=8765,
    metavar="PORT",
    show_default=True,
    help="Port to listen on; 0 for any free one.",
)
@click.option(
    "--ca-out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the certificate of the authority that clients must trust here (PEM).",
)
@click.option("--check", "show_check", is_flag=True, help="Print a check that meets it, and end.")
@click.option("--json", "as_json", is_flag=True, help="List them for programs.")
@click.option("-q", "--quiet", is_flag=True, help="Print the first line, and no more.")
def command(
    name: str | None,
    host: str,
    port: int,
    ca_out: Path | None,
    show_check: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Serve what goes wrong, one fault at a time.

    A fault is a server that goes wrong in one way, the same with every connection. See
    what your monitoring says about it. Each is named by the code that a check fails with; some
    codes have several ways to them, as ws.protocol_error/opcode. Faults that no server can make
    are made by a check: --check prints it. Ctrl-C stops the server.
    """
    from checkwire.faults import all_faults, check_source, find

    fault = find(name) if name else None
    if fault is None:
        shown = _of(name, all_faults())
        if as_json:
            _list_as_json(shown)
        else:
            _list(shown, whole=not name)
        return
    if as_json:
        _list_as_json([fault])
    elif show_check:
        click.echo(check_source(fault), nl=False)
    elif not fault.serves:
        raise UsageError(
            f"no server can make {fault.name}, a check does: "
            f"checkwire faults {fault.name} --check > fault_check.py"
        )
    else:
        _serve(fault, host, port, ca_out, quiet)


def _of(name: str | None, faults: Sequence[Fault]) -> Sequence[Fault]:
    """Those of a family, or all.

    Raises:
        UsageError: there are none; what may have been meant is said.
    """
    if not name:
        return faults
    family = name.removesuffix("*").removesuffix(".")
    if found := [fault for fault in faults if fault.code.partition(".")[0] == family]:
        return found
    if name in CODES and not any(fault.code == name for fault in faults):
        raise UsageError(
            f"nobody can make {name} on purpose, on a machine that is well: "
            f"checkwire explain {name} says what leads to it"
        )
    from difflib import get_close_matches

    known = [fault.name for fault in faults]
    last = name.rpartition(".")[2]
    like = [one for one in known if len(last) > 2 and last in one]
    like += get_close_matches(name, known, n=_MEANT, cutoff=0.6)
    meant = ", ".join(dict.fromkeys(like[:_MEANT]))
    raise UsageError(
        f"there is no fault {name}: "
        + (f"perhaps {meant}" if meant else "`checkwire faults` lists all of them")
    )


def _list(faults: Sequence[Fault], *, whole: bool) -> None:
    width = max(len(fault.name) for fault in faults) + 2
    family = ""
    lines = []
    for fault in faults:
        if (now := fault.code.partition(".")[0]) != family:
            family = now
            lines += ["", click.style(family, bold=True)]
        made_by = "" if fault.serves else click.style("check: ", dim=True)
        lines.append(f"  {fault.name:<{width}}{made_by}{fault.does}")
    if whole:
        codes = len({fault.code for fault in faults})
        lines += [
            "",
            f"{len(faults)} ways to {codes} codes. Where it does not say “check”, a server makes "
            "it:",
            "  checkwire faults CODE            serves it",
            "  checkwire faults CODE --check    prints a check that meets it",
        ]
    click.echo("\n".join(lines[1:]))


def _list_as_json(faults: Sequence[Fault]) -> None:
    import json

    found = []
    for fault in faults:
        code = code_of(fault.code)
        found.append(
            {
                "name": fault.name,
                "code": fault.code,
                "title": code.title,
                "blame": code.blame,
                "severity": fault.severity,
                "made_by": "server" if fault.serves else "check",
                "does": fault.does,
                "needs": fault.needs or None,
            }
        )
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _serve(fault: Fault, host: str, port: int, ca_out: Path | None, quiet: bool) -> None:
    import signal
    import threading

    from checkwire.faults import Authority, FaultServer

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Authority() as authority:
        if ca_out is not None:
            try:
                ca_out.write_bytes(Path(authority.ca).read_bytes())
            except OSError as error:
                raise CheckwireError(f"cannot write {ca_out}: {error.strerror}") from None
        report = None if quiet else tell
        server = FaultServer(fault, authority, host=host, port=port, report=report)
        try:
            with server:
                _announce(server, str(ca_out or authority.ca), authority.client, quiet)
                stop.wait()
        except OSError as error:
            raise CheckwireError(why_not_listening(error, host, port)) from None


def _announce(server: FaultServer, ca: str, client: str, quiet: bool) -> None:
    fault = server.fault
    lines = [f"Listening on {server.url}"]
    if not quiet:
        code = code_of(fault.code)
        given = f"URL={server.url}"
        lines += ["", f"  does     {fault.does}", f"  failure  {code.code}: {code.title}"]
        if fault.tls is not None:
            lines.append(f"  trust    {ca}")
            given += f" CA={ca}"
        if "CLIENT" in fault.check:
            given += f" CLIENT={client}"
        lines += [
            f"  check    checkwire faults {fault.name} --check > fault_check.py",
            f"           {given} checkwire test fault_check.py",
        ]
        if fault.needs == "namespace":
            lines.append("  note     to meet it, this machine's resolver must ask here")
        lines += ["", "Ctrl-C stops it."]
    click.echo("\n".join(lines))
