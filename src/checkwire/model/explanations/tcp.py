"""``tcp.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_TRIES = "each address tried: when, for how long, and what came of it"
_ERRNO = "the operating system's number of the error, null for silence"
_PLACE = {
    "place": "address and port of the peer",
    "elapsed_ms": "time from the beginning of the phase to the failure",
}
_OF_A_TRY = {**_PLACE, "errno": _ERRNO, "tries": _TRIES}
_SILENT = "{place} did not answer the connection request within {limit}"

EXPLANATIONS = {
    "tcp.refused": Explanation(
        messages=("Nothing listens on {place}", "There is no socket at {place}"),
        cause="The machine answered, and said that no process listens on this port. The server is "
        "down, listens on another port or only on another address (127.0.0.1 instead of all), or "
        "a firewall rejects with a reset.",
        confirm=(
            Look("nc -vz HOST PORT", "Connection refused"),
            Look("ss -ltn", "on the server: no line with this port"),
        ),
        remedy="Start the server, and compare the address it listens on with the one connected to.",
        evidence=_OF_A_TRY,
        see=("RFC 9293 3.5.2",),
    ),
    "tcp.queue_full": Explanation(
        messages=(
            "{place} has a full accept queue, and took no connection within {limit}",
            "{place} has a full accept queue, and took no connection within {limit} "
            "({waiting} wait already{rest})",
        ),
        cause="A process of this machine listens on the port, and does not accept: connections "
        "wait in its queue, which is full, and the kernel drops further requests in silence. The "
        "process is blocked, overloaded, or has no descriptor left. On another machine this looks "
        "like a firewall, and is called tcp.timeout.",
        confirm=(
            Look("ss -ltn sport = :PORT", "Recv-Q at or above Send-Q"),
            Look("ls /proc/PID/fd | wc -l", "as many as ulimit -n allows"),
        ),
        remedy="Find out what the server's process waits for. If it is merely slow at peaks, give "
        "it a larger backlog, and the machine a larger net.core.somaxconn.",
        evidence={**_OF_A_TRY, "waiting": "connections that wait to be accepted"},
        see=("listen(2)", "tcp(7)"),
    ),
    "tcp.timeout": Explanation(
        messages=(_SILENT,),
        cause="No answer at all. Either a firewall or security group drops the packets, or the "
        "address is of no machine, or the server's accept queue is full. A server that is merely "
        "down would have refused.",
        confirm=(
            Look("nc -vz -w 5 HOST PORT", "timed out"),
            Look("nc -vz -w 5 HOST OTHER_PORT", "refused: the machine is there, so it is a filter"),
            Look("ss -ltn", "on the server: Recv-Q above Send-Q if its queue is full"),
        ),
        remedy="Look at the firewall for the probe's address first, then at the server's queue.",
        evidence=_OF_A_TRY,
        see=("RFC 9293 3.8.3",),
    ),
    "tcp.unreachable": Explanation(
        messages=(
            "There is no route to {place}",
            "This machine does not speak the family of {place}",
        ),
        cause="This machine or a router knows no way to the address (errno 101: here, 113: further "
        "on, or a neighbour that does not answer), or has no address of its family.",
        confirm=(Look("ip route get ADDRESS", "unreachable, or a gateway that is not there"),),
        remedy="Repair the route, or the family's addresses on the probe.",
        evidence=_OF_A_TRY,
        see=("ip(7)",),
    ),
    "tcp.reset": Explanation(
        messages=(
            "{place} reset the connection before it said anything",
            "{place} reset the connection",
        ),
        cause="The connection was made and thrown away (RST) with nothing received. A load "
        "balancer without a healthy backend does so, a process that crashes on accept or closes "
        "without reading, a limit on connections, or a filter on the way.",
        confirm=(
            Look("tcpdump -ni any host ADDRESS and port PORT", "[R] from the server, no data"),
            Look("curl -v http://HOST:PORT/", "Connection reset by peer"),
        ),
        remedy="Look at the health of the backends, then at the server's log and limits.",
        evidence={
            **_OF_A_TRY,
            "bytes_received": "0",
            "ended": "rst",
            "failed_as": "this code, if another connection found the other protocol spoken",
        },
        see=("RFC 9293 3.5.2",),
    ),
    "tcp.prohibited": Explanation(
        messages=("This machine does not allow a connection to {place} ({reason})",),
        cause="The probe's own kernel refused to send: a rule of its firewall, a route of the kind "
        "prohibit, a sandbox, or the rights of a Unix socket's file. The target was never asked.",
        confirm=(
            Look("ip route get ADDRESS", "RTNETLINK answers: Permission denied"),
            Look("nft list ruleset", "a rule for output that rejects this place"),
        ),
        remedy="Allow it on the probe, or run the check from a location that may.",
        evidence=_OF_A_TRY,
        see=("ip-route(8)",),
    ),
    "tcp.family_broken": Explanation(
        messages=("{place} ({family}) did not answer; {other} ({family}) did, {wait} later",),
        cause="The name has addresses of both families, and those of one are silent. Checkwire, "
        "as browsers, went on with the other after a moment (Happy Eyeballs); simpler clients "
        "hang until their timeout.",
        confirm=(
            Look("curl -6 -m 5 http://HOST:PORT/", "timed out, if it is IPv6"),
            Look("curl -4 -m 5 http://HOST:PORT/", "an answer"),
        ),
        remedy="Repair the family's route or firewall, or remove its record.",
        evidence={"tries": _TRIES},
        see=("RFC 8305",),
    ),
    "tcp.local_address": Explanation(
        messages=("The source address cannot be used for {place} ({reason})",),
        cause="local_address= is no address of this machine, or not of the target's family.",
        confirm=(Look("ip address", "the addresses that there are"),),
        remedy="Give one of them, of the same family as the target's, or none.",
        evidence=_OF_A_TRY,
        see=("bind(2)",),
    ),
    "tcp.failed": Explanation(
        messages=("Connecting to {place} failed ({reason})",),
        cause="The operating system gave another reason, which is in the message: no descriptor "
        "left, for example, or a path that is no stream socket.",
        remedy="Look up the number of the error in errno(3).",
        evidence=_OF_A_TRY,
        see=("connect(2)",),
    ),
}
