"""What works here and would not in a browser is warned of, once."""

from __future__ import annotations

from typing import Any

import pytest

from checkwire.model.failures import Failure
from support.connecting import opened
from support.loops import run
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, answering, upgraded
from support.sentences import assert_explained


def warnings_of(url: str, times: int = 1, **given: Any) -> list[Failure]:
    """What is warned of when a connection is opened so often, which all work."""
    seen = Recording()

    async def visit() -> None:
        for _ in range(times):
            async with opened(url, seen, **given) as connection:
                await connection.close()

    run(visit())
    assert seen.failures == []
    for warning in seen.warnings:
        assert_explained(warning)
        assert warning.connection is not None
    return seen.warnings


def codes(warnings: list[Failure]) -> list[str]:
    return [warning.code for warning in warnings]


def test_a_connection_as_any_is_not_warned_of(pki: Pki) -> None:
    headers = (("Authorization", "Bearer x"),)
    with RawServer(upgraded(Peer.echo), tls=pki.server()) as server:
        assert warnings_of(server.url, verify=False, headers=headers) == []
        assert warnings_of(server.url, ca=pki.ca, origin="https://page.test", browser=True) == []


def test_a_redirect_that_was_followed() -> None:
    with RawServer(upgraded(Peer.echo)) as target:
        there = answering("HTTP/1.1 302 Found", f"Location: {target.url}")
        with RawServer(there) as server:
            url = f"ws://u:p@{server.place}/"
            (warning,) = warnings_of(url, times=2, follow_redirects=1)
    assert warning.code == "browser.redirect"
    assert target.place in warning.message
    assert "u:p@" not in str(warning)
    assert warning.connection == 2


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("shop.test", "https://shop.test", ["browser.mixed_content"]),
        ("shop.test", "http://shop.test", []),
        ("shop.test", None, []),
        ("localhost", "https://shop.test", []),
        ("a.localhost", "https://shop.test", []),
        ("127.0.0.1", "https://shop.test", []),
    ],
)
def test_a_secure_pages_origin_without_tls(
    host: str, origin: str | None, expected: list[str]
) -> None:
    with RawServer(upgraded(Peer.echo)) as server:
        resolve = {(host, server.port): ("127.0.0.1", server.port)}
        found = warnings_of(f"ws://{host}:{server.port}/", origin=origin, resolve=resolve)
    assert codes(found) == expected


def test_a_port_that_browsers_refuse() -> None:
    with RawServer(upgraded(Peer.echo)) as server:
        resolve = {("chat.test", 6667): ("127.0.0.1", server.port)}
        (warning,) = warnings_of("ws://chat.test:6667/", times=3, resolve=resolve)
    assert warning.code == "browser.blocked_port"
    assert warning.evidence["port"] == 6667


def test_a_header_and_an_unverified_certificate_are_told_to_those_who_ask(pki: Pki) -> None:
    headers = (("Authorization", "Bearer s3cr3t"), ("Cookie", "a=b"), ("X-Key", "k"))
    with RawServer(upgraded(Peer.echo), tls=pki.server()) as server:
        given: Any = {"verify": False, "headers": headers, "browser": True}
        found = warnings_of(server.url, times=2, **given)
    assert codes(found) == ["browser.certificate", "browser.header"]
    assert found[1].evidence["headers"] == ["Authorization", "X-Key"]
    assert "s3cr3t" not in str(found)
