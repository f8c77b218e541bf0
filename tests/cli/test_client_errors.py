"""A server that cannot be asked: one line says why, and what to do."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire import __version__
from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.pki import Pki
from support.program import Result, checkwire
from support.rawserver import Peer, RawServer

COMMANDS = (
    ["status"],
    ["runs"],
    ["show", "x"],
    ["trigger", "x"],
    ["pause", "x"],
    ["resume", "x"],
)
PROBLEM = "Content-Type: application/problem+json"


def ask(cwd: Path, *arguments: str, **variables: str) -> Result:
    """A command as a user without any logins gives it."""
    return checkwire(*arguments, cwd=cwd, **{"XDG_CONFIG_HOME": str(cwd / "config"), **variables})


def complaint(cwd: Path, *arguments: str, **variables: str) -> str:
    """The only line that it says."""
    result = ask(cwd, *arguments, **variables)
    assert (result.status, result.out) == (2, "")
    assert re.fullmatch(r"checkwire: error: [^\n]+\n", result.err)
    return result.err.removeprefix("checkwire: error: ").removesuffix("\n")


@pytest.fixture
def unused() -> Iterator[str]:
    """An address where nobody listens, and nobody else can."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_does_not_run(tmp_path: Path, unused: str, command: list[str]) -> None:
    assert complaint(tmp_path, *command, "--server", unused) == (
        f"no server answers on {unused}: is it running, and the address right?"
    )


def test_the_usual_server_that_does_not_run_comes_with_how_to_start_it(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", 8733))
        except OSError:
            pytest.skip("somebody listens on the usual port of this machine")
        assert complaint(tmp_path, "status") == (
            "no server answers on http://127.0.0.1:8733: start one with checkwire serve, or name "
            "another with --server"
        )


def test_a_host_that_does_not_exist(tmp_path: Path) -> None:
    said = complaint(tmp_path, "status", "--server", "http://nowhere.invalid")
    assert said == "there is no host nowhere.invalid: is http://nowhere.invalid right?"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply("200 OK", b"<html>", "Content-Type: text/html"), "is no Checkwire server, or of "),
        (reply("404 Not Found", b"no", "Content-Type: text/plain"), "it answers 404 Not Found"),
        (json_reply('{"a": 1}'), "is not understood (Object missing required field `version`): "),
        (json_reply("[" * 100_000), "it answers 200 without JSON"),
        (
            reply("301 Moved", b"", "Location: http://elsewhere/"),
            "sends us on to http://elsewhere/",
        ),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "it does not speak HTTP"),
        (b"", "closed the connection without an answer (does it speak https:// instead?)"),
        (
            reply("429 Too Many", b'{"type": "urn:x:too_many"}', PROBLEM, "Retry-After: 7"),
            "too many wrong tokens came from here; try again in 7 s",
        ),
        (
            reply("503 x", b'{"type": "x", "detail": "The database does not answer."}', PROBLEM),
            ": The database does not answer",
        ),
        (
            reply("500 x", b'{"detail": "\\u001b[31mred"}', PROBLEM),
            ": \\x1b[31mred",
        ),
        (
            reply("500 x", b'{"detail": "' + b"x" * 5000 + b'"}', PROBLEM),
            f": {'x' * 300}…",
        ),
    ],
)
def test_what_answers_and_is_not_what_was_expected(
    tmp_path: Path, answer: bytes, said: str
) -> None:
    with HttpServer(lambda request: answer, requests_per_connection=1) as server:
        text = complaint(tmp_path, "status", "--server", server.url)
    assert said in text
    assert server.url in text


def test_another_version_is_named(tmp_path: Path) -> None:
    def answer(request: SeenRequest) -> bytes:
        if request.path == "/api/v1/server":
            return json_reply('{"version": "9.9.9", "started_ns": 1}')
        return json_reply('{"items": [{"uid": 7}], "next": null}')

    with HttpServer(answer) as server:
        said = complaint(tmp_path, "status", "--server", server.url)
    assert said.endswith(
        f"it is version 9.9.9, this is {__version__}; install the same version here"
    )


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, pki: Pki) -> None:
    with HttpServer(tls=pki.server()) as server:
        said = complaint(tmp_path, "status", "--server", server.url)
    assert said == (
        f"the certificate of {server.url} is not to be trusted: unable to get local issuer "
        "certificate. If its authority is your own: SSL_CERT_FILE=FILE"
    )


def test_a_certificate_of_ones_own_authority_does_with_its_file(tmp_path: Path, pki: Pki) -> None:
    with HttpServer(lambda request: reply("404 x"), tls=pki.server()) as server:
        said = complaint(tmp_path, "status", "--server", server.url, SSL_CERT_FILE=pki.ca)
    assert "it answers 404" in said


def test_https_where_http_is_spoken(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.read(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.read_to_end()

    with RawServer(script) as server:
        address = f"https://{server.place}"
        said = complaint(tmp_path, "status", "--server", address)
    assert said.startswith(f"no TLS with {address}: ")
    assert said.endswith("(does it speak http:// instead?)")


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (
            ["--server", "x.org:80"],
            {},
            "--server: x.org:80 does not say how it is asked: write https://x.org:80 or "
            "http://x.org:80",
        ),
        (
            ["--server", "localhost.org"],
            {},
            "--server: localhost.org does not say how it is asked: write https://localhost.org",
        ),
        (["--server", "/x"], {}, '--server: "/x" is not the address of a server: write https://'),
        ([], {"CHECKWIRE_SERVER": "ftp://x"}, 'CHECKWIRE_SERVER: "ftp://x" is not the address'),
        (["--token", "two words"], {}, "--token is not a token: it is one word"),
        ([], {"CHECKWIRE_TOKEN": "a\tb"}, "CHECKWIRE_TOKEN is not a token"),
    ],
)
def test_an_address_or_a_token_that_is_none(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], said: str
) -> None:
    assert complaint(tmp_path, "status", *arguments, **variables).startswith(said)
