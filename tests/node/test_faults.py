"""What breaks a connection has the same name, whatever library of Node the script uses.

The scripts only log what goes wrong, as those do that there are.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from checkwire.faults import Authority, Fault, FaultServer, all_faults
from support.npm import npm_folder
from support.program import report

LIBRARY = """// checkwire: timeout=2s
const WebSocket = require('%s');
const ws = new WebSocket(%s, %s);
ws.on('open', () => ws.send('hello'));
ws.on('message', (data) => console.log('got', data.length));
ws.on('error', (error) => console.error('error', error.message));
ws.on('close', (code) => console.log('closed', code));
setTimeout(() => ws.close(), 700);
"""
BUILTIN = """// checkwire: timeout=2s
const ws = new WebSocket(%s, %s);
ws.onopen = () => ws.send('hello');
ws.onmessage = ({ data }) => console.log('got', data.length);
ws.onerror = (event) => console.error('error', event.message);
ws.onclose = ({ code }) => console.log('closed', code);
setTimeout(() => ws.close(), 700);
"""

ELSEWHERE = {
    # Faults that an option of the Python check provokes.
    "tcp.local_address", "tcp.failed", "tls.client_certificate_rejected", "ws.too_big",
    "ws.too_big/bomb",
    # Those that need a ping, a wait, or a slow reader.
    "ws.no_pong", "ws.no_pong/receive", "ws.slow_consumer", "ws.send_blocked", "ws.idle_timeout",
    "ws.lifetime_limit",
    # What comes before a reset, and bytes that are no TLS, Node keeps to itself.
    "upgrade.tls_expected", "tls.not_tls",
    # Python looks a second time at what a server wants that only hung up.
    "tls.client_certificate_required/tls1.2",
}  # fmt: skip
FAMILIES = ("tcp", "tls", "upgrade", "ws")
FEW = {
    "tcp.refused", "tcp.reset/request", "tls.certificate_expired", "tls.hostname_mismatch",
    "tls.protocol_version", "upgrade.status/401", "upgrade.redirect", "upgrade.bad_accept",
    "upgrade.subprotocol", "upgrade.extension", "upgrade.closed", "ws.closed", "ws.draining",
    "ws.closed_abnormally", "ws.closed_abnormally/reset", "ws.protocol_error/opcode",
    "ws.protocol_error/close_code", "ws.protocol_error/continuation_rsv1",
    "ws.protocol_error/control_rsv1", "ws.protocol_error/length", "ws.protocol_error/length_bit",
    "ws.invalid_utf8", "ws.bad_compression", "ws.not_websocket", "ws.not_websocket/inside",
    "ws.close_timeout", "ws.closed/graphql", "ws.draining/pusher",
}  # fmt: skip


def faults() -> list[Fault]:
    """Those that a script meets on loopback."""
    return [
        fault
        for fault in all_faults()
        if not fault.needs
        and fault.code.partition(".")[0] in FAMILIES
        and fault.name not in ELSEWHERE
    ]


def test_the_exceptions_are_faults() -> None:
    assert {fault.name for fault in all_faults()} >= ELSEWHERE | FEW


@pytest.mark.parametrize("library", ["ws8", "ws7", "builtin"])
def test_every_fault_has_its_name(library: str, tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text('[project]\nid = "faults"\n')
    names: dict[str, Fault] = {}
    with ExitStack() as stack:
        authority = stack.enter_context(Authority())
        for fault in faults():
            if library != "ws8" and fault.name not in FEW:
                continue
            url = stack.enter_context(FaultServer(fault, authority)).url
            path = fault.name.replace("/", "_") + ".check.js"
            names[path] = fault
            (tmp_path / path).write_text(script(library, fault, url))
        document = report("--ca", authority.ca, cwd=tmp_path)
    seen = {run["check"]["path"]: run["attempts"][-1] for run in document["runs"]}
    assert seen.keys() == names.keys()
    wrong = {
        fault.name: shown(seen[path])
        for path, fault in names.items()
        if seen[path].get("failure", {}).get("code") != fault.code
    }
    assert not wrong


def script(library: str, fault: Fault, url: str) -> str:
    """It asks for what the fault's own check asks for: a subprotocol, a path."""
    asked = re.search(r"subprotocols=(\[.*?\])", fault.check)
    subprotocols = (
        asked[1] if asked else json.dumps(["chat"] if "subprotocol" in fault.name else [])
    )
    if path := re.search(r'URL \+ "(.*?)"', fault.check):
        url += path[1]
    if library == "builtin":
        return BUILTIN % (json.dumps(url), subprotocols)
    return LIBRARY % (npm_folder() / library, json.dumps(url), subprotocols)


def shown(attempt: dict[str, Any]) -> list[str]:
    failures = [attempt.get("failure") or {}]
    failures += [one["failure"] for one in attempt.get("failures", ())]
    return [f"{one.get('code')}: {one.get('message')}"[:200] for one in failures]
