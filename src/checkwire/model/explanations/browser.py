"""``browser.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_PLACE = {"place": "host and port that were connected to"}

EXPLANATIONS = {
    "browser.redirect": Explanation(
        messages=("{url} redirects to {place}, and that was followed; a browser fails here",),
        cause="follow_redirects= let the check go where the server pointed. The WebSocket of a "
        "browser does not follow redirects: the page's connection fails.",
        confirm=(Look("new WebSocket(URL)", "in a browser's console: it fails with the 3xx"),),
        remedy="Use the address that it points to, in the check and in the page.",
        evidence={**_PLACE, "url": "what was asked for first"},
        see=("WHATWG WebSockets", "RFC 9110 15.4"),
    ),
    "browser.mixed_content": Explanation(
        messages=(
            "The Origin {origin} is of a secure page, and {place} was connected to without TLS; a "
            "browser blocks that",
        ),
        cause="The check says that it is a page of https://, and uses ws://. A browser does not "
        "let such a page do so, but to its own machine.",
        confirm=(
            Look("new WebSocket('ws://HOST/')", "in the console of a page of https://: blocked"),
        ),
        remedy="Serve the WebSocket over TLS and use wss://; or give the Origin of a page without.",
        evidence={**_PLACE, "origin": "the Origin that was sent"},
        see=("W3C Mixed Content 4", "W3C Secure Contexts 3.1"),
    ),
    "browser.blocked_port": Explanation(
        messages=("No browser connects to port {port} of {host}",),
        cause="Browsers refuse ports that belong to other protocols, such as 25, 6000 or 6667, so "
        "that pages cannot speak to those. The server is never asked.",
        confirm=(Look("new WebSocket(URL)", "in a browser's console: a port that is not allowed"),),
        remedy="Serve it on another port, 443 at best.",
        evidence={**_PLACE, "port": "the port"},
        see=("WHATWG Fetch, bad port",),
    ),
    "browser.certificate": Explanation(
        messages=("The certificate of {place} was not verified; a browser does so",),
        cause="The check has verify=False, and is to be like a browser (browser=True). Whatever is "
        "wrong with the certificate stays unseen.",
        confirm=(
            Look(
                "openssl s_client -connect HOST:PORT -servername HOST </dev/null",
                "Verify return code, other than 0 if something is wrong",
            ),
        ),
        remedy="Leave verify=False out; trust a private authority with ca=.",
        evidence=_PLACE,
    ),
    "browser.header": Explanation(
        messages=("No web page can send {names} with a WebSocket, as was done to {place}",),
        cause="The check sends headers with the upgrade, and is to be like a browser "
        "(browser=True). The WebSocket of a web page takes a URL and subprotocols, no headers.",
        confirm=(
            Look("new WebSocket(URL, PROTOCOLS)", "in a browser's console: it takes nothing else"),
        ),
        remedy="Log in as the page does: by a cookie, the URL, a subprotocol or the first message.",
        evidence={**_PLACE, "headers": "their names"},
        see=("WHATWG WebSockets",),
    ),
}
