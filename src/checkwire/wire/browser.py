"""What a browser would have refused of a connection that was opened."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from checkwire.model.failures import Failure
from checkwire.model.masking import without_credentials
from checkwire.wire.options import ConnectOptions
from checkwire.wire.url import Address, is_ip

__all__ = ["unlike_a_browser"]

_BLOCKED = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161),
        *(179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563),
        *(587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060),
        *(5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)
"""The "bad ports" of the Fetch standard, section 2.9."""

_ITS_OWN = frozenset(
    (
        *("accept-encoding", "accept-language", "cache-control", "cookie", "host", "origin"),
        *("pragma", "user-agent"),
    )
)
"""Headers that a browser sends by itself with the request of a WebSocket."""


def unlike_a_browser(
    address: Address, options: ConnectOptions, redirected: str | None
) -> Iterator[Failure]:
    """What to warn of.

    What is usual for clients other than browsers is left out, unless ``options.browser`` asks.

    Args:
        address: what was connected to in the end.
        options: how.
        redirected: the URL that was asked for first, if it was another one.
    """
    if redirected is not None:
        asked = without_credentials(redirected)
        yield _warning(
            "browser.redirect",
            f"{asked} redirects to {address.place}, and that was followed; a browser fails here",
            "upgrade",
            place=address.place,
            url=asked,
        )
    origin = (options.origin or "").lower()
    if origin.startswith("https:") and not address.secure and not _is_loopback(address.host):
        yield _warning(
            "browser.mixed_content",
            f"The Origin {options.origin} is of a secure page, and {address.place} was connected "
            "to without TLS; a browser blocks that",
            "upgrade",
            place=address.place,
            origin=options.origin,
        )
    if address.port in _BLOCKED:
        yield _warning(
            "browser.blocked_port",
            f"No browser connects to port {address.port} of {address.host}",
            "tcp",
            place=address.place,
            port=address.port,
        )
    if not options.browser:
        return
    if address.secure and not options.tls.verify:
        yield _warning(
            "browser.certificate",
            f"The certificate of {address.place} was not verified; a browser does so",
            "tls",
            place=address.place,
        )
    names = [name for name, _ in options.headers if name.lower() not in _ITS_OWN]
    if names:
        named = ", ".join(dict.fromkeys(names))
        yield _warning(
            "browser.header",
            f"No web page can send {named} with a WebSocket, as was done to {address.place}",
            "upgrade",
            place=address.place,
            headers=list(dict.fromkeys(names)),
        )


def _warning(code: str, message: str, phase: str, **evidence: object) -> Failure:
    return Failure(code=code, message=message, phase=phase, evidence=evidence)


def _is_loopback(host: str) -> bool:
    """What pages of https may connect to without TLS (W3C Secure Contexts, section 3.1)."""
    if is_ip(host):
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    return host == "localhost" or host.endswith(".localhost")
