"""``proxy.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_OF_ANY = {
    "place": "address and port of the proxy",
    "elapsed_ms": "time from the beginning of the phase to the failure",
}
_OF_AN_ANSWER = {
    **_OF_ANY,
    "request": "what was asked",
    "status": "the status of the answer",
    "reason": "its reason phrase",
    "headers": "its headers, in order",
}
_CURL = "curl -v -x PROXY_URL https://HOST:PORT/"

EXPLANATIONS = {
    "proxy.unreachable": Explanation(
        messages=("The proxy {place} cannot be reached: {cause}",),
        cause="The target was not asked: the proxy on the way could not be connected to. The cause "
        "is in the message, and by its code in the evidence.",
        confirm=(Look("nc -vz PROXY_HOST PROXY_PORT", "whether it listens"),),
        remedy="Check the proxy's address (proxy=, or https_proxy and all_proxy), and the proxy.",
        evidence={
            **_OF_ANY,
            "cause": "the code of the failure to reach it",
            "errno": "the operating system's number of the error",
            "tries": "each address tried",
            "waiting": "connections that wait to be accepted",
            "host": "the name that was looked up",
            "error": "the resolver's number of the error",
            "duration_ms": "how long the look-up took",
        },
    ),
    "proxy.auth_required": Explanation(
        messages=(
            "The proxy at {place} wants other credentials ({status})",
            "The proxy at {place} rejected user and password",
            "The proxy at {place} accepts none of the ways to log in that are offered",
            "SOCKS5 takes credentials of up to 255 bytes",
        ),
        cause="The proxy lets nobody through without a login, and got none or a wrong one.",
        confirm=(Look(_CURL, "407"),),
        remedy="Put user and password in its URL: http://user:password@proxy:3128.",
        evidence={**_OF_AN_ANSWER, "method": "the way to log in that a SOCKS proxy chose"},
        see=("RFC 9110 11.7", "RFC 1929"),
    ),
    "proxy.refused": Explanation(
        messages=(
            "The proxy at {place} refused to connect to {target} ({status})",
            "The proxy at {place} could not connect to {target}: {reason}",
        ),
        cause="The proxy works, and does not reach the target, or its rules forbid it.",
        confirm=(Look(_CURL, "the same refusal"),),
        remedy="See the proxy's log; ask for the target to be allowed, or go without a proxy "
        "(proxy=None, no_proxy).",
        evidence={**_OF_AN_ANSWER, "socks_reply": "the number of a SOCKS proxy's reply"},
        see=("RFC 9110 9.3.6", "RFC 1928 6"),
    ),
    "proxy.timeout": Explanation(
        messages=("The proxy at {place} did not open a tunnel to {target} within {limit}",),
        cause="The proxy accepted the connection and stayed silent: it may wait for the target, "
        "whose packets a firewall drops, or be stuck itself.",
        confirm=(Look(f"{_CURL} -m 10", "whether it answers CONNECT"),),
        remedy="Try the target from the proxy's machine, then look at the proxy.",
        evidence=_OF_ANY,
    ),
    "proxy.protocol": Explanation(
        messages=(
            "The proxy at {place} did not open a tunnel to {target}: {reason}",
            "The proxy at {place} did not answer CONNECT with HTTP",
            "The proxy at {place} does not speak SOCKS5",
            "The proxy at {place} does not agree on TLS: {reason}",
            "The proxy at {place} opened a tunnel, and sent {count} bytes through it before "
            "anything was asked",
        ),
        cause="What answers is no proxy of the kind that the URL says, or it hung up.",
        confirm=(Look(_CURL, "what it says instead"),),
        remedy="Check the scheme of the proxy's URL: http://, https://, socks5:// or socks5h://.",
        evidence={**_OF_ANY, "first_bytes": "the first 32 bytes that came, in hex"},
        see=("RFC 9110 9.3.6", "RFC 1928"),
    ),
}
