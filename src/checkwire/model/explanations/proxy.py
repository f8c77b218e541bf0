"""``proxy.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_THROUGH = "curl -v -x PROXY https://HOST:PORT/"
_HEAD = {
    "request": "the CONNECT line that was sent",
    "status": "the HTTP status that the proxy answered",
    "reason": "the words beside it",
    "headers": "the headers of its answer, as pairs",
}

EXPLANATIONS = {
    "proxy.unreachable": Explanation(
        messages=("The proxy {place} cannot be reached: {cause}",),
        cause="The connection to the proxy itself failed: its name is not found, nothing listens "
        "there, or nothing answers. The target was not involved. After the colon stands what went "
        "wrong; cause in the evidence is its code, with a page of its own.\n\n"
        "Commonly: a proxy that comes from the environment (https_proxy, all_proxy) and is not "
        "meant for this target, or one that is down.",
        confirm=(
            Look("env | grep -i proxy", "where the proxy's address comes from"),
            Look("nc -vz PROXYHOST PROXYPORT", "refused, timed out, or name not known"),
        ),
        remedy="Correct the address (proxy=, or the variable), or start the proxy. If the target "
        "should be reached without it: proxy=None, or the host in no_proxy.",
        evidence={
            "cause": "the code of what went wrong, such as tcp.refused",
            "host": "as of dns.*",
            "error": "as of dns.*",
            "duration_ms": "as of dns.*",
            "errno": "as of tcp.*",
            "tries": "as of tcp.*",
            "PHASE_ns": "of an HTTP request that ran out of time: how long each phase before took",
            "place": "address and port of the proxy",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "waiting": "connections that wait to be accepted",
        },
    ),
    "proxy.auth_required": Explanation(
        messages=(
            "The proxy at {place} wants other credentials (407 {reason})",
            "The proxy at {place} rejected user and password",
            "The proxy at {place} accepts none of the ways to log in that are offered",
            "SOCKS5 takes credentials of up to 255 bytes",
            "The proxy at {place} wants other credentials ({status})",
        ),
        cause="The proxy answered 407, or refused the login of SOCKS5. Credentials are missing, "
        "wrong, or of a kind that Checkwire does not speak: it knows Basic for HTTP, and user "
        "with password for SOCKS5; not NTLM, Kerberos or Digest.",
        confirm=(
            Look(_THROUGH, "407, and Proxy-Authenticate: which kind the proxy wants"),
            Look(
                "curl -v -x http://USER:PASSWORD@PROXYHOST:PROXYPORT https://HOST:PORT/",
                "200 Connection established, if the credentials are right",
            ),
        ),
        remedy="Put them in the proxy's URL: http://user:password@proxy:3128. Escape what has a "
        "meaning in URLs: @ is %40, : is %3A, / is %2F. If the proxy only takes NTLM or Kerberos, "
        "have it let this machine through, or put a helper such as cntlm in between.",
        evidence={
            **_HEAD,
            "method": "SOCKS5: the method the proxy chose; 255 is none of those offered",
            "place": "address and port of the proxy",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 9110 11.7", "RFC 1929 2", "RFC 1928 3"),
    ),
    "proxy.refused": Explanation(
        messages=(
            "The proxy at {place} refused to connect to {target} ({status})",
            "The proxy at {place} could not connect to {target}: {reason}",
        ),
        cause="The proxy understood the request and did not open a tunnel. Either its rules "
        "forbid it (403, not allowed by its rules), or it tried and failed (502, 503, 504, host "
        "unreachable, connection refused): then the target has a problem as seen from the "
        "proxy.\n\n"
        "Commonly: the proxy allows CONNECT to port 443 only; the target is not on its list; the "
        "proxy cannot resolve an internal name.",
        confirm=(
            Look(_THROUGH, "the proxy's status and its page, which often names the rule"),
            Look("curl -v https://HOST:PORT/", "from the proxy's machine: whether it gets there"),
        ),
        remedy="Have the proxy allow this host and port for CONNECT, or go around it with "
        "no_proxy. With 502 to 504 or a reply other than 2, look at the target from the proxy's "
        "machine. With socks5:// names are looked up here; with socks5h:// by the proxy.",
        evidence={
            **_HEAD,
            "socks_reply": "SOCKS5: the reply code, 1 to 8",
            "place": "address and port of the proxy",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 9110 9.3.6", "RFC 1928 6"),
    ),
    "proxy.timeout": Explanation(
        messages=("The proxy at {place} did not open a tunnel to {target} within {limit}",),
        cause="The proxy took the connection, and then did not say yes or no in time (10 s; for "
        "http the timeout of the request).\n\n"
        "Commonly: it is waiting for the target itself, which does not answer it; it is "
        "overloaded; or what listens there is no proxy and waits for something else.",
        confirm=(
            Look(_THROUGH, "CONNECT is sent, and nothing comes"),
            Look("nc -vz -w 5 HOST PORT", "from the proxy's machine: whether the target answers"),
        ),
        remedy="See whether the target answers without the proxy. If it does, look at the proxy's "
        "log and load.",
        evidence={
            "PHASE_ns": "of an HTTP request: how long each phase before took",
            "place": "address and port of the proxy",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 9110 9.3.6",),
    ),
    "proxy.protocol": Explanation(
        messages=(
            "The proxy at {place} did not answer CONNECT with HTTP",
            "The proxy at {place} does not speak SOCKS5",
            "The proxy at {place} opened a tunnel, and sent {count} bytes through it before "
            "anything was asked",
            "The proxy at {place} did not open a tunnel to {target}: {reason}",
            "The proxy at {place} does not agree on TLS: {reason}",
        ),
        cause="What listens there does not speak the protocol of the proxy's URL, or ended the "
        "connection in the middle of it.\n\n"
        "Commonly: http:// written where it is a SOCKS proxy, or the reverse; https:// for a "
        "proxy that takes CONNECT in plain text (nearly all do: the scheme is that of the proxy, "
        "not of the target); another service on that port; a proxy that crashes or drops clients.",
        confirm=(
            Look("curl -v -x http://PROXYHOST:PROXYPORT https://HOST:PORT/", "works: it is HTTP"),
            Look("curl -v -x socks5h://PROXYHOST:PROXYPORT https://HOST:PORT/", "works: SOCKS5"),
            Look("curl -v -x https://PROXYHOST:PROXYPORT https://HOST:PORT/", "works: HTTP in TLS"),
        ),
        remedy="Write the scheme that works with curl. If none does, it is not a proxy.",
        evidence={
            "first_bytes": "what came instead, up to 32 bytes in hex",
            "place": "address and port of the proxy",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 9110 9.3.6", "RFC 1928 3"),
    ),
}
