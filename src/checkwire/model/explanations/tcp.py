"""``tcp.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_TRIES = "each address that was tried: address, started_ns, duration_ns, and the result"
_EVIDENCE = {
    "errno": "the error of connect(2) that gave the failure its name; null if nothing came",
    "tries": _TRIES,
}

EXPLANATIONS = {
    "tcp.refused": Explanation(
        messages=(
            "Nothing listens on {place} (refused after {time})[; {others}]",
            "There is no socket at {place}[; {others}]",
            "Nothing listens on {place}",
            "There is no socket at {place}",
        ),
        cause="The machine is there and said no (RST): no process listens on this address and "
        "port.\n\n"
        "Commonly: the server is not running, or crashed, or has not finished starting; it "
        "listens on 127.0.0.1 only, or on another port; a container's port is not published; a "
        "firewall rejects instead of dropping (REJECT --reject-with tcp-reset). The time of the "
        "refusal tells how far away it was said: well under a millisecond is this machine.\n\n"
        "For a Unix socket: its file is not there, or is left from a process that has ended.",
        confirm=(
            Look("nc -vz HOST PORT", "Connection refused"),
            Look(
                "ss -ltnp 'sport = :PORT'",
                "on the server: no line, or one with 127.0.0.1 as local address",
            ),
            Look("journalctl -u UNIT -n 50", "on the server: why it ended or does not start"),
        ),
        remedy="Start the server, or see in its log why it ends. If it runs, compare the address "
        "and port it listens on with the URL; make it listen on 0.0.0.0 or [::] if others are to "
        "reach it.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 9293 3.5.2", "connect(2) ECONNREFUSED"),
    ),
    "tcp.timeout": Explanation(
        messages=(
            "{place} did not answer the connection request[ within {limit}][; {others}]",
            "{place} did not answer the connection request[ within {limit}]",
            "{place} did not answer the connection request within {limit}",
        ),
        cause="The request (SYN) was sent, and sent again several times, and nothing came back: "
        "neither yes nor no. A server that is merely down would have refused.\n\n"
        "Commonly: a firewall or a security group drops the packets; the address is of a machine "
        "that is off or gone; the way back is missing (asymmetric routes). Or the server's accept "
        "queue is full: its process is stalled and accepts nothing, and the kernel of Linux then "
        "drops requests without a word.",
        confirm=(
            Look("nc -vz -w 5 HOST PORT", "timed out"),
            Look(
                "tcpdump -ni any 'host HOST and tcp port PORT'",
                "[S] several times, and no [S.] and no [R.]",
            ),
            Look(
                "ss -ltn 'sport = :PORT'",
                "on the server: Recv-Q above Send-Q is a full accept queue",
            ),
        ),
        remedy="Run tcpdump on the server too. If the SYN arrives there and no answer leaves, the "
        "accept queue is full, or its own firewall drops: look at the process, then at nft list "
        "ruleset. If it does not arrive, it is lost on the way: security groups, routes.",
        evidence={
            **_EVIDENCE,
            "PHASE_ns": "of an HTTP request, instead of these: how long each phase before took",
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 9293 3.8.3", "listen(2)", "tcp(7) tcp_abort_on_overflow"),
    ),
    "tcp.unreachable": Explanation(
        messages=(
            "There is no route to {place}[; {others}]",
            "This machine does not speak the family of {place}[; {others}]",
            "There is no route to {place}",
            "This machine does not speak the family of {place}",
        ),
        cause="No packet went out to the server, or one did and a router sent it back.\n\n"
        "ENETUNREACH (101): this machine has no route there; most often an IPv6 address on a "
        "machine without IPv6, or no default route. EHOSTUNREACH (113): a router said so (ICMP), "
        "or the last hop did not answer ARP, which takes about 3 s. EAFNOSUPPORT (97): the kernel "
        "has no such address family.",
        confirm=(
            Look("ip route get ADDRESS", "Network is unreachable, or the way that is taken"),
            Look("ip -6 addr show scope global", "nothing: this machine has no IPv6"),
            Look("ip neigh show ADDRESS", "FAILED: a machine of this network does not answer"),
        ),
        remedy="For an IPv6 address on a machine without IPv6: give it IPv6, or check by an IPv4 "
        "address. Otherwise repair the route, or the router that sends packets back. If only some "
        "locations see it, the fault is at them and not at the target.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 1812 5.2.7.1", "connect(2) ENETUNREACH"),
    ),
    "tcp.reset": Explanation(
        messages=(
            "{place} reset the connection[; {others}]",
            "{place} reset the connection before it said anything",
            "{place} reset the connection",
        ),
        cause="Something answered the connection request and threw the connection away before a "
        "byte was exchanged.\n\n"
        "Commonly: a load balancer without a healthy backend; a middlebox or firewall that lets "
        "the handshake through and then intervenes; a server that closes at once because it is "
        "over a limit, or does not like the address.",
        confirm=(
            Look("nc -v HOST PORT", "connected, and ended at once"),
            Look(
                "tcpdump -ni any 'host HOST and tcp port PORT'",
                "[S], [S.], [.], then [R.] or [R] from the server; its TTL unlike that of [S.] "
                "gives a middlebox away",
            ),
        ),
        remedy="Look at the load balancer's list of healthy backends, then at the server's limits "
        "of connections. From another network, see whether it is something on this one's way.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "bytes_received": "0",
            "ended": "rst",
            "failed_as": "this code, if another connection found the other protocol spoken",
        },
        see=("RFC 9293 3.5.2", "connect(2)"),
    ),
    "tcp.family_broken": Explanation(
        messages=(
            "{address} ({family}) did not answer; {address} ({family}) did, {time} later",
            "{place} ({family}) did not answer; {other} ({family}) did, {wait} later",
        ),
        cause="The name has addresses of both families. One did not answer at all, the other did. "
        "It is a warning: Checkwire tries the next address after 250 ms, as browsers do (Happy "
        "Eyeballs), and so got through. A client that tries one after the other hangs for minutes "
        "instead.\n\n"
        "Commonly: an AAAA record of a server that has no working IPv6, or whose firewall lets "
        "only IPv4 in; a broken IPv6 route of this machine's provider.",
        confirm=(
            Look("curl -6 -v --max-time 5 https://HOST:PORT/", "timed out"),
            Look("curl -4 -v --max-time 5 https://HOST:PORT/", "connected"),
            Look("ping -6 HOST", "no answer; if ping -6 to others fails too, it is this machine"),
        ),
        remedy="Repair the family that is broken: the server's firewall, its listen address "
        "([::]), or the route. Until then remove its record from DNS.",
        evidence={"tries": _TRIES},
        see=("RFC 8305 5",),
    ),
    "tcp.local_address": Explanation(
        messages=(
            "The source address cannot be used for {place} ({reason})[; {others}]",
            "The source address cannot be used for {place} ({reason})",
        ),
        cause="local_address= is not an address of this machine, or it is IPv4 and the target "
        "IPv6 (or the reverse), or all its ports towards this target are taken "
        "(EADDRNOTAVAIL).\n\n"
        "The last also happens without local_address=, on a machine that opens very many "
        "connections to one address: closed ones keep their port for a minute (TIME-WAIT).",
        confirm=(
            Look("ip -br addr", "the addresses that this machine has"),
            Look("ss -tan state time-wait | wc -l", "tens of thousands: the ports are used up"),
            Look("sysctl net.ipv4.ip_local_port_range", "the ports that there are"),
        ),
        remedy="Give an address that `ip -br addr` lists, of the target's family. If ports are "
        "used up: fewer connections, more source addresses, or a wider range.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("bind(2) EADDRNOTAVAIL", "ip(7) ip_local_port_range"),
    ),
    "tcp.failed": Explanation(
        messages=(
            "Connecting to {place} failed ({reason})[; {others}]",
            "Connecting to {place} failed ({reason})",
        ),
        cause="connect(2) or socket(2) failed with an error that is none of the others; the "
        "reason in the message is the operating system's.\n\n"
        "Commonly: permission denied or operation not permitted: a firewall rule or a policy "
        "(SELinux, seccomp, a route of type prohibit) on this machine; invalid argument: a "
        "link-local IPv6 address (fe80::) without its link (%eth0); no buffer space: the kernel is "
        "short of memory.",
        confirm=(
            Look("curl -v http://HOST:PORT/", "the same reason: then it is not Checkwire"),
            Look("nft list ruleset", "a rule for outgoing packets that rejects these"),
        ),
        remedy="Go by the reason. checkwire doctor shows the limits of this machine.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("connect(2)", "socket(2)"),
    ),
    "tcp.queue_full": Explanation(
        messages=(
            "{place} has a full accept queue, and took no connection within {limit}",
            (
                "{place} has a full accept queue, and took no connection within {limit} "
                "({waiting} wait already{rest})"
            ),
        ),
        cause=(
            "A process of this machine listens on the port, and does not accept: connections "
            "wait in its queue, which is full, and the kernel drops further requests in "
            "silence. The process is blocked, overloaded, or has no descriptor left. On "
            "another machine this looks like a firewall, and is called tcp.timeout."
        ),
        confirm=(
            Look("ss -ltn sport = :PORT", "Recv-Q at or above Send-Q"),
            Look("ls /proc/PID/fd | wc -l", "as many as ulimit -n allows"),
        ),
        remedy=(
            "Find out what the server's process waits for. If it is merely slow at peaks, give "
            "it a larger backlog, and the machine a larger net.core.somaxconn."
        ),
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "errno": "the operating system's number of the error, null for silence",
            "tries": "each address tried: when, for how long, and what came of it",
            "waiting": "connections that wait to be accepted",
        },
        see=(
            "listen(2)",
            "tcp(7)",
        ),
    ),
    "tcp.prohibited": Explanation(
        messages=("This machine does not allow a connection to {place} ({reason})",),
        cause=(
            "The probe's own kernel refused to send: a rule of its firewall, a route of the "
            "kind prohibit, a sandbox, or the rights of a Unix socket's file. The target was "
            "never asked."
        ),
        confirm=(
            Look("ip route get ADDRESS", "RTNETLINK answers: Permission denied"),
            Look("nft list ruleset", "a rule for output that rejects this place"),
        ),
        remedy="Allow it on the probe, or run the check from a location that may.",
        evidence={
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "errno": "the operating system's number of the error, null for silence",
            "tries": "each address tried: when, for how long, and what came of it",
        },
        see=("ip-route(8)",),
    ),
}
