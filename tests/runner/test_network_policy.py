"""``[network] deny``: where a project's checks must not connect to."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkwire.model.attempt import Attempt
from checkwire.model.errors import DefinitionError
from checkwire.project.config import load_project
from support.checks import headline, run_one
from support.httpserver import HttpServer, reply
from support.program import checkwire
from support.wsserver import echo, served


def run_denying(root: Path, deny: str, body: str) -> Attempt:
    (root / "checkwire.toml").write_text(f"[network]\ndeny = {deny}\n")
    lines = "\n    ".join(body.splitlines())
    source = f"from checkwire import connect, http\n@check\nasync def a():\n    {lines}\n"
    return run_one(root, source)


@pytest.mark.parametrize(
    ("deny", "host", "address"),
    [
        ('["127.0.0.0/8"]', "127.0.0.1", "127.0.0.1"),
        ('["10.0.0.0/8", "127.0.0.1"]', "127.0.0.1", "127.0.0.1"),
        ('["127.0.0.1"]', "[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ('["127.0.0.0/8", "::1"]', "localhost", "localhost"),
    ],
)
@pytest.mark.parametrize(
    "call", ["async with connect('ws://{}'): pass", "await http.get('http://{}')"]
)
def test_a_denied_address_is_not_connected_to(
    tmp_path: Path, deny: str, host: str, address: str, call: str
) -> None:
    with HttpServer(lambda _: reply()) as server:
        port = server.url.rsplit(":", 1)[1].strip("/")
        attempt = run_denying(tmp_path, deny, call.format(f"{host}:{port}/"))
        assert not server.seen
    assert headline(attempt) == "tcp.denied"
    assert attempt.status == "error"
    assert attempt.failure is not None
    assert address in attempt.failure.message
    assert "[network] deny" in attempt.failure.message
    assert attempt.failure.phase == "tcp"


def test_what_is_not_denied_is_connected_to(tmp_path: Path) -> None:
    with served(echo) as url:
        attempt = run_denying(
            tmp_path,
            '["169.254.0.0/16", "::1"]',
            f"async with connect({url.replace('127.0.0.1', 'localhost')!r}) as ws:\n"
            "    await ws.send('a')\n    assert await ws.receive() == 'a'",
        )
    assert attempt.status == "passed"


def test_a_redirect_does_not_lead_there(tmp_path: Path) -> None:
    location = "Location: http://169.254.169.254/latest/meta-data/"
    with HttpServer(lambda _: reply("302 Found", b"", location)) as server:
        attempt = run_denying(
            tmp_path,
            '["169.254.0.0/16"]',
            f"await http.get({server.url!r}, follow_redirects=True)",
        )
    assert headline(attempt) == "tcp.denied"


@pytest.mark.parametrize("proxy", ["http", "socks5"])
def test_a_proxy_is_not_asked_for_it(tmp_path: Path, proxy: str) -> None:
    attempt = run_denying(
        tmp_path,
        '["169.254.0.0/16"]',
        f"async with connect('ws://169.254.169.254/', proxy='{proxy}://127.0.0.1:9'): pass",
    )
    assert headline(attempt) == "tcp.denied"


def test_the_program_tells_it(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text('[network]\ndeny = ["169.254.0.0/16"]\n')
    (tmp_path / "a_check.py").write_text(
        "from checkwire import check, connect\n@check\nasync def a():\n"
        "    async with connect('ws://169.254.169.254/'):\n        pass\n"
    )
    result = checkwire("test", cwd=tmp_path)
    assert result.status == 2
    assert "tcp.denied" in result.out
    assert "169.254.169.254:80 is in 169.254.0.0/16" in result.out


@pytest.mark.parametrize(
    ("deny", "said"),
    [
        ('["metadata"]', 'network.deny: "metadata" is not a range of addresses: write'),
        ('["169.254.169.254/16"]', 'begins in the middle of a range: write "169.254.0.0/16"'),
        ("[1]", "item 1 of network.deny must be a string, not an integer"),
        ('"10.0.0.0/8"', "network.deny must be an array, not a string"),
    ],
)
def test_a_range_that_is_none_is_told_with_its_line(tmp_path: Path, deny: str, said: str) -> None:
    (tmp_path / "checkwire.toml").write_text(f"[network]\n\ndeny = {deny}\n")
    with pytest.raises(DefinitionError) as caught:
        load_project(tmp_path)
    assert said in str(caught.value)
    assert "checkwire.toml:3" in str(caught.value)
