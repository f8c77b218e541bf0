"""WebSocket addresses, good and bad."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.errors import FailureError
from checkwire.wire.url import is_ip, parse_url


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("ws://example.org", "example.org", 80, "/"),
        ("wss://example.org", "example.org", 443, "/"),
        ("ws://example.org:8080/chat?room=1&x=%2F", "example.org", 8080, "/chat?room=1&x=%2F"),
        ("WSS://EXAMPLE.org:443/Path", "example.org", 443, "/Path"),
        ("ws://[::1]:9001/", "::1", 9001, "/"),
        ("ws://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "/"),
        ("ws://bücher.example/ü?q=é", "xn--bcher-kva.example", 80, "/%C3%BC?q=%C3%A9"),
        ("ws://127.0.0.1?token=a", "127.0.0.1", 80, "/?token=a"),
    ],
)
def test_a_url_says_where_to_connect_and_what_to_ask_for(
    url: str, host: str, port: int, target: str
) -> None:
    address = parse_url(url)
    assert (address.host, address.port, address.target) == (host, port, target)
    assert address.secure == url.lower().startswith("wss")


@pytest.mark.parametrize(
    ("url", "netloc", "place"),
    [
        ("ws://a.example/", "a.example", "a.example:80"),
        ("wss://a.example:80/", "a.example:80", "a.example:80"),
        ("ws://[::1]/", "[::1]", "[::1]:80"),
        ("ws://[::1]:81/", "[::1]:81", "[::1]:81"),
    ],
)
def test_the_port_is_named_in_a_host_header_only_if_it_is_not_the_usual_one(
    url: str, netloc: str, place: str
) -> None:
    assert parse_url(url).netloc == netloc
    assert parse_url(url).place == place


def test_credentials_are_taken_from_the_url_as_they_are_meant() -> None:
    address = parse_url("ws://us%40er:p%3Ass@example.org/")
    assert (address.user, address.password) == ("us@er", "p:ss")
    assert parse_url("ws://example.org/").user is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("example.org", "a scheme is missing"),
        ("example.org:443/x", "a scheme is missing"),
        ("http://example.org", "http:// is not a WebSocket address"),
        ("https://example.org", "https:// is not a WebSocket address"),
        ("htp:/nowhere", "htp:// is not one of ws://, wss://"),
        ("ftp://example.org", "ftp:// is not one of ws://, wss://"),
        ("ws://", "a host is missing"),
        ("ws:///path", "a host is missing"),
        ("ws://example.org/#top", "a fragment"),
        ("ws://example.org/#", "a fragment"),
        ("ws://example.org:0/", "port 0"),
        ("ws://example.org:65536/", "port out of range"),
        ("ws://example.org:x/", "port could not be cast"),
        ("ws://[::1/", "invalid ipv6 url"),
        (" ws://example.org/", "white space"),
        ("ws://example.org/a b", "white space"),
        ("ws://example.org/\r\nX: y", "white space"),
        ("ws://exa\\mple.org/", "is not a host name"),
        ("ws://ex%61mple.org/", "is not a host name"),
        ("ws://user@%N/", "is not a host name"),
        ("ws://[::1%25]/", "is not a host name"),
        ("ws://[::%25@219]/", "is not a host name"),
        ("ws://[::1]0/", "'0' stands where only a port may"),
        ("ws://us]er@[::1]x:80/", "'x:80' stands where only a port may"),
        ("ws://a" + ".a" * 200 + "/", "at most 255 characters"),
        ("ws://h/\ud800", "half of a surrogate pair"),
        ("ws://us\ud800er@h/", "half of a surrogate pair"),
        ("ws://user:\udc80@h/", "half of a surrogate pair"),
        (5, "a URL is a string"),
        (["ws://h/"], "a URL is a string"),
    ],
)
def test_a_url_that_cannot_be_connected_to_says_why(url: Any, reason: str) -> None:
    with pytest.raises(FailureError) as caught:
        parse_url(url)
    assert caught.value.failure.code == "check.bad_url"
    assert reason in caught.value.failure.message


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://example.org", "Write ws:// instead"),
        ("https://example.org", "Write wss:// instead"),
        ("example.org/x", "Write ws://example.org/x or wss://example.org/x"),
    ],
)
def test_a_mistake_that_is_often_made_comes_with_its_correction(url: str, hint: str) -> None:
    with pytest.raises(FailureError) as caught:
        parse_url(url)
    assert caught.value.failure.hint == hint


@given(st.text() | st.from_regex(r"wss?://[^/]{0,20}(:\d{0,6})?/.{0,10}", fullmatch=True))
def test_any_text_is_an_address_or_a_bad_url(text: str) -> None:
    try:
        address = parse_url(text)
    except FailureError as error:
        assert error.failure.code == "check.bad_url"  # noqa: PT017
    else:
        assert 0 < address.port < 65536
        # Nothing of it can end a line of the request or the Host header.
        assert (address.target + address.netloc).isascii()
        assert (address.target + address.netloc).isprintable()
        assert " " not in address.target


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%lo"])
def test_an_ip_address_is_told_from_a_name(host: str) -> None:
    assert is_ip(host)
    assert not is_ip("x" + host)
