"""``proxy.*``: the proxy on the way did not let the connection through."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "proxy.unreachable",
        "The proxy cannot be reached",
        blame="path",
        hint="Check the proxy's address (proxy=, or the https_proxy and all_proxy variables)",
        phase="proxy",
    ),
    FailureCode(
        "proxy.auth_required",
        "The proxy wants other credentials",
        blame="path",
        retryable=False,
        hint="Put user and password in the proxy's URL: http://user:password@proxy:3128",
        phase="proxy",
    ),
    FailureCode(
        "proxy.refused",
        "The proxy refused to connect to the target",
        blame="path",
        hint="The proxy answered, but does not reach the target, or its rules forbid it",
        phase="proxy",
    ),
    FailureCode(
        "proxy.timeout",
        "The proxy did not answer in time",
        blame="path",
        hint="The proxy accepted the connection, then stayed silent; it may wait for the target",
        phase="proxy",
    ),
    FailureCode(
        "proxy.protocol",
        "The proxy does not speak the protocol asked for",
        blame="path",
        retryable=False,
        hint="Check the scheme of the proxy's URL: http://, https://, socks5:// or socks5h://",
        phase="proxy",
    ),
)
