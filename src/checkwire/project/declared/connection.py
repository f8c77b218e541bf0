"""How a declared check connects: the keys that stand for keywords of ``connect()``."""

from __future__ import annotations

from typing import Final

from checkwire.project.declared.composites import Field, ListOf, MapOf, OneOf, TableOf
from checkwire.project.declared.kinds import Duration, Flag, Number, Text
from checkwire.wire.options import Timeouts

__all__ = ["CONNECTION", "HEADERS", "TRANSPORT"]

HEADERS: Final = MapOf(Text(empty=True), ("[!#$%&'*+.^_`|~0-9A-Za-z-]+", "a header's name"))
TLS: Final = TableOf(
    "tls",
    {
        "ca": Field(Text(), "A file of authorities (PEM) to trust besides the system's."),
        "client_cert": Field(Text(), "A file with our certificate (PEM)."),
        "client_key": Field(Text(), "A file with its key, if it is not in the same."),
        "client_key_password": Field(Text(), "The key's password: write ${secret:NAME}."),
        "verify": Field(Flag(), "Whether to check the server's certificate; by default yes."),
        "server_name": Field(Text(), "The name to ask for and verify, instead of the URL's host."),
        "days_left": Field(
            Number(0),
            "The check is degraded when a certificate expires in fewer days than this.",
        ),
    },
    {
        "cert": "client_cert",
        "key": "client_key",
        "insecure": "verify = false",
        "cafile": "ca",
        "ca_cert": "ca",
        "sni": "server_name",
    },
)

CONNECTION: Final[dict[str, Field]] = {
    "headers": Field(HEADERS, "Further request headers."),
    "subprotocols": Field(
        ListOf(Text()), "Offered, best first; if the server accepts none, the check fails."
    ),
    "origin": Field(Text(), "The Origin header."),
    "user_agent": Field(Text(), "The User-Agent header."),
    "compression": Field(Flag(), "Offer permessage-deflate; by default yes."),
    "follow_redirects": Field(
        OneOf(Flag(), Number(0, whole=True)), "Whether, or how many; by default none."
    ),
    "proxy": Field(
        OneOf(Text(), Flag(only=False)),
        "URL of an http, https, socks5 or socks5h proxy; false for none. By default the usual "
        "variables of the environment decide.",
    ),
    "resolve": Field(
        MapOf(Text(), (r".+:[0-9]+", 'a host and a port, as "example.org:443"')),
        'Where to connect to instead: "host:port" = "address" or "address:port".',
    ),
    "unix_socket": Field(Text(), "Path of a Unix socket to connect to."),
    "local_address": Field(Text(), "Source address."),
    "tls": Field(TLS, "Certificates, and how they are verified."),
    "timeouts": Field(
        OneOf(
            Duration(),
            TableOf(
                "timeouts",
                {
                    name: Field(Duration(), f"For the phase {name}.")
                    for name in Timeouts.__struct_fields__
                },
            ),
        ),
        "Time for each phase of connecting, or for some of them.",
    ),
    "max_size": Field(Number(1, whole=True), "Bytes of a message; by default 16 MiB."),
    "browser": Field(Flag(), "Warn of what no web page could do."),
    "probe": Field(Flag(), "Ping before a wait for a message ends in vain; by default yes."),
}

TRANSPORT: Final = {name: CONNECTION[name] for name in ("proxy", "resolve", "unix_socket", "tls")}
"""What holds for an HTTP request, too."""
