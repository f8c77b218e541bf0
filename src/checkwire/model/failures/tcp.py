"""``tcp.*``: no TCP connection could be made, or it was cut before WebSocket began."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "tcp.refused",
        "Nothing listens on the port",
        hint="Check that the server runs and listens on this port: ss -ltn, on its machine",
        phase="tcp",
    ),
    FailureCode(
        "tcp.timeout",
        "No answer to the connection request",
        blame="path",
        hint="A firewall drops the packets, or the server's accept queue is full; "
        "a server that is merely down would have refused",
        phase="tcp",
    ),
    FailureCode(
        "tcp.queue_full",
        "The server does not accept its connections",
        hint="It listens, and its accept queue is full: its process is blocked, overloaded or "
        "out of descriptors; compare Recv-Q with Send-Q in: ss -ltn",
        phase="tcp",
    ),
    FailureCode(
        "tcp.unreachable",
        "No route to the address",
        blame="path",
        hint="Check this machine's routes, and its address families: ip route get ADDRESS",
        phase="tcp",
    ),
    FailureCode(
        "tcp.reset",
        "The peer reset the connection",
        hint="Something accepted the connection and threw it away: a load balancer without a "
        "healthy backend, a crashed process, or a middlebox",
        phase="tcp",
    ),
    FailureCode(
        "tcp.prohibited",
        "This machine's own rules forbid the connection",
        blame="probe",
        retryable=False,
        hint="A firewall or a prohibited route of this machine, or the rights of a socket's file: "
        "ip route get ADDRESS; nft list ruleset",
        phase="tcp",
    ),
    FailureCode(
        "tcp.family_broken",
        "One address family does not answer, the other does",
        blame="path",
        hint="Clients without Happy Eyeballs hang here; repair the family or remove its record",
        phase="tcp",
    ),
    FailureCode(
        "tcp.local_address",
        "The source address cannot be used",
        blame="probe",
        retryable=False,
        hint="local_address must be an address of this machine, of the same family as the target's",
        phase="tcp",
    ),
    FailureCode(
        "tcp.failed",
        "The connection could not be made",
        blame="path",
        hint="The operating system's reason is in the message: checkwire explain tcp.failed says "
        "what each commonly means",
        phase="tcp",
    ),
)
