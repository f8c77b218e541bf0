"""Which proxy to go through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.errors import FailureError
from checkwire.wire.dial.proxies import environment_proxy, parse_proxy
from checkwire.wire.url import parse_url

WS = parse_url("ws://api.example.org/")
WSS = parse_url("wss://api.example.org:8443/")


@pytest.mark.parametrize(
    ("url", "scheme", "place"),
    [
        ("http://proxy:3128", "http", "proxy:3128"),
        ("proxy:3128", "http", "proxy:3128"),
        ("http://proxy", "http", "proxy:80"),
        ("https://proxy", "https", "proxy:443"),
        ("socks5://proxy", "socks5", "proxy:1080"),
        ("socks5h://proxy", "socks5h", "proxy:1080"),
        ("socks5://proxy:80", "socks5", "proxy:80"),
        ("SOCKS5H://[::1]:9050", "socks5h", "[::1]:9050"),
    ],
)
def test_a_proxy_has_a_kind_and_a_place(url: str, scheme: str, place: str) -> None:
    proxy = parse_proxy(url)
    assert (proxy.scheme, proxy.place) == (scheme, place)


def test_a_proxy_may_have_credentials() -> None:
    proxy = parse_proxy("http://us%3Aer:p%40ss@proxy:3128")
    assert (proxy.user, proxy.password) == ("us:er", "p@ss")


@pytest.mark.parametrize("url", ["socks4://proxy", "ftp://proxy", "http://", "", "http://p:99999"])
def test_what_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(FailureError) as caught:
        parse_proxy(url)
    assert caught.value.failure.code == "check.bad_url"


def test_a_kind_that_is_not_known_is_told_those_that_are() -> None:
    with pytest.raises(FailureError, match=r"http://, https://, socks5://, socks5h://"):
        parse_proxy("socks4://proxy")


@pytest.mark.parametrize("name", ["ws_proxy", "http_proxy", "all_proxy", "WS_PROXY", "HTTP_PROXY"])
def test_the_environment_names_a_proxy_for_ws(name: str) -> None:
    assert environment_proxy(WS, {name: "http://proxy"}) == "http://proxy"


@pytest.mark.parametrize("name", ["wss_proxy", "https_proxy", "all_proxy", "ALL_PROXY"])
def test_the_environment_names_a_proxy_for_wss(name: str) -> None:
    assert environment_proxy(WSS, {name: "http://proxy"}) == "http://proxy"


def test_the_nearest_variable_wins() -> None:
    environ = {"all_proxy": "all", "https_proxy": "https", "wss_proxy": "wss"}
    assert environment_proxy(WSS, environ) == "wss"
    del environ["wss_proxy"]
    assert environment_proxy(WSS, environ) == "https"
    assert environment_proxy(WS, environ) == "all"


def test_an_empty_variable_names_none() -> None:
    assert environment_proxy(WS, {"ws_proxy": "", "http_proxy": ""}) is None
    assert environment_proxy(WS, {}) is None


@pytest.mark.parametrize(
    "no_proxy",
    [
        "*",
        "api.example.org",
        "example.org",
        ".example.org",
        "*.example.org",
        "other, api.example.org",
        "other api.example.org",
        "API.Example.ORG",
        "api.example.org:80",
    ],
)
def test_no_proxy_excludes_hosts(no_proxy: str) -> None:
    assert environment_proxy(WS, {"all_proxy": "p", "no_proxy": no_proxy}) is None
    assert environment_proxy(WS, {"all_proxy": "p", "NO_PROXY": no_proxy}) is None


@pytest.mark.parametrize(
    "no_proxy", ["", "ample.org", "www.api.example.org", "api.example.org:81", "10.0.0.0/8", ","]
)
def test_no_proxy_excludes_no_others(no_proxy: str) -> None:
    assert environment_proxy(WS, {"all_proxy": "p", "no_proxy": no_proxy}) == "p"


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("ws://10.1.2.3/", "10.0.0.0/8"),
        ("ws://10.1.2.3/", "10.1.2.3"),
        ("ws://10.1.2.3:99/", "10.1.2.3:99"),
        ("ws://[::1]/", "::1"),
        ("ws://[::1]/", "[::1]"),
        ("ws://[::1]:99/", "[::1]:99"),
        ("ws://[fd00::7]/", "fd00::/8"),
    ],
)
def test_no_proxy_excludes_addresses_and_ranges(url: str, no_proxy: str) -> None:
    address = parse_url(url)
    assert environment_proxy(address, {"all_proxy": "p", "no_proxy": no_proxy}) is None
    elsewhere = parse_url("ws://192.0.2.1:98/")
    assert environment_proxy(elsewhere, {"all_proxy": "p", "no_proxy": no_proxy}) == "p"


@given(st.text())
def test_any_no_proxy_is_read(no_proxy: str) -> None:
    assert environment_proxy(WS, {"all_proxy": "p", "no_proxy": no_proxy}) in ("p", None)


@given(st.text())
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    try:
        proxy = parse_proxy(text)
    except FailureError as error:
        assert error.failure.code == "check.bad_url"  # noqa: PT017
    else:
        assert 0 < proxy.port < 65536
