"""Which cookies are kept, and where they are sent (RFC 6265)."""

from __future__ import annotations

import pytest

from checkwire.sdk.http.cookies import CookieJar
from checkwire.wire.url import parse_url

FROM = "https://shop.example.com/a/b/c?x=1"


def _jar(*set_cookie: str, url: str = FROM) -> CookieJar:
    jar = CookieJar()
    jar.store(parse_url(url, ("http", "https")), set_cookie)
    return jar


@pytest.mark.parametrize(
    ("set_cookie", "url", "sent"),
    [
        # Of the host that set it, unless it names a domain.
        ("n=1; Path=/", "https://shop.example.com/", True),
        ("n=1; Path=/", "https://SHOP.example.com:8443/", True),
        ("n=1; Path=/", "https://www.shop.example.com/", False),
        ("n=1; Path=/", "https://example.com/", False),
        ("n=1; Path=/; Domain=example.com", "https://www.example.com/", True),
        ("n=1; Path=/; Domain=.example.com", "https://example.com/", True),
        ("n=1; Path=/; Domain=example.com", "https://badexample.com/", False),
        # A domain that is not the host's own is refused.
        ("n=1; Path=/; Domain=other.com", "https://other.com/", False),
        ("n=1; Path=/; Domain=www.shop.example.com", "https://www.shop.example.com/", False),
        ("n=1; Path=/; Domain=com", "https://other.com/", False),
        # The path, by default that of the folder.
        ("n=1", "https://shop.example.com/a/b/other", True),
        ("n=1", "https://shop.example.com/a/b", True),
        ("n=1", "https://shop.example.com/a/bc", False),
        ("n=1; Path=relative", "https://shop.example.com/a/b/x", True),
        ("n=1; Path=/x/", "https://shop.example.com/x", False),
        ("n=1; Path=/x", "https://shop.example.com/x/y?q", True),
        # Only over TLS.
        ("n=1; Path=/; Secure", "http://shop.example.com/", False),
        ("n=1; Path=/; secure", "wss://shop.example.com/", True),
        ("n=1; Path=/", "ws://shop.example.com/", True),
        # While it lives.
        ("n=1; Path=/; Max-Age=60", "https://shop.example.com/", True),
        ("n=1; Path=/; Max-Age=0", "https://shop.example.com/", False),
        ("n=1; Path=/; Max-Age=-5", "https://shop.example.com/", False),
        (f"n=1; Path=/; Max-Age={'9' * 400}", "https://shop.example.com/", True),
        (f"n=1; Path=/; Max-Age={'9' * 5000}", "https://shop.example.com/", True),
        (f"n=1; Path=/; Max-Age=-{'9' * 5000}", "https://shop.example.com/", False),
        ("n=1; Path=/; Max-Age=5²", "https://shop.example.com/", True),
        ("n=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT", "https://shop.example.com/", False),
        ("n=1; Path=/; Expires=Wed, 21-Oct-2099 07:28:00 GMT", "https://shop.example.com/", True),
        ("n=1; Path=/; Expires=nonsense", "https://shop.example.com/", True),
        (
            "n=1; Path=/; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
            "https://shop.example.com/",
            True,
        ),
        # What is no cookie is ignored.
        ("novalue; Path=/", "https://shop.example.com/", False),
        ("=1; Path=/", "https://shop.example.com/", False),
    ],
)
def test_a_cookie_is_sent_where_it_belongs(set_cookie, url, sent):
    assert _jar(set_cookie).header(url) == ("n=1" if sent else "")


def test_an_address_is_no_domain():
    jar = _jar("n=1; Path=/; Domain=0.0.1", "m=1; Path=/; Domain=127.0.0.1", url="http://127.0.0.1")
    assert jar.header("http://127.0.0.1/") == "m=1"


def test_a_cookie_replaces_its_predecessor_and_can_delete_it():
    jar = _jar("n=1; Path=/", "m=1; Path=/", "n=2; Path=/")
    assert jar.header(FROM) == "m=1; n=2"
    jar.store(parse_url(FROM, ("https",)), ["m=; Path=/; Max-Age=0"])
    assert jar.header(FROM) == "n=2"
    assert dict(jar) == {"n": "2"}


def test_longer_paths_come_first():
    jar = _jar("n=root; Path=/", "n=deep; Path=/a/b")
    assert jar.header(FROM) == "n=deep; n=root"


def test_values_are_kept_as_they_are_and_not_shown():
    jar = _jar('n="a=b c"; Path=/')
    assert jar.header(FROM) == 'n="a=b c"'
    assert "a=b" not in repr(jar)
