"""``browser.*``: it works here, and a browser would refuse it. Told as warnings."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "browser.redirect",
        "A redirect was followed, which no browser does for a WebSocket",
        retryable=False,
        hint="Connect to the address that it points to; web pages must do so, too",
        phase="upgrade",
    ),
    FailureCode(
        "browser.mixed_content",
        "A secure page's Origin on a connection that is not secure",
        blame="check",
        retryable=False,
        hint="Use wss://: browsers block ws:// from pages of https://",
        phase="upgrade",
    ),
    FailureCode(
        "browser.blocked_port",
        "No browser connects to this port",
        retryable=False,
        hint="Browsers refuse the ports of other protocols (Fetch, 'bad port'); serve it on 443",
        phase="tcp",
    ),
    FailureCode(
        "browser.certificate",
        "The certificate was not verified",
        blame="check",
        retryable=False,
        hint="A browser verifies it: leave verify=False out; trust a private authority with ca=",
        phase="tls",
    ),
    FailureCode(
        "browser.header",
        "A header that no web page can set on a WebSocket",
        blame="check",
        retryable=False,
        hint="Web pages send credentials in a cookie, in the URL, as a subprotocol, or in the "
        "first message; check that way as well",
        phase="upgrade",
    ),
)
