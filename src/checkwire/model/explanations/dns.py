"""``dns.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_OF_A_LOOK_UP = {
    "place": "the name that was looked up",
    "elapsed_ms": "time from the beginning of the phase to the failure",
    "host": "the name that was looked up",
    "error": "the resolver's number of the error (EAI_*)",
    "duration_ms": "how long the look-up itself took",
}

EXPLANATIONS = {
    "dns.not_found": Explanation(
        messages=("The name {host} does not exist ({reason})",),
        cause="The resolver says that there is no such name: it is misspelt, its record is not "
        "there yet or no more, or it exists only in another network's DNS.",
        confirm=(
            Look("dig HOST", "status: NXDOMAIN"),
            Look("getent ahosts HOST", "nothing, as Checkwire asks by the same way"),
        ),
        remedy="Check the spelling, then the zone; for an internal name, the probe's resolver.",
        evidence=_OF_A_LOOK_UP,
        see=("RFC 2308 2.1", "getaddrinfo(3)"),
    ),
    "dns.no_address": Explanation(
        messages=("The name {host} has no address ({reason})",),
        cause="The name exists, with no A or AAAA record: only others, such as MX, or an address "
        "of the family only that this machine does not use.",
        confirm=(Look("dig A HOST; dig AAAA HOST", "status: NOERROR, ANSWER: 0"),),
        remedy="Add the record, or connect by the name that has one.",
        evidence=_OF_A_LOOK_UP,
        see=("RFC 2308 2.2",),
    ),
    "dns.temporary": Explanation(
        messages=("The resolver could not look up {host} for now ({reason})",),
        cause="The resolver failed or refused: the zone's own servers do not answer, their "
        "signatures do not verify, or the resolver does not serve this machine.",
        confirm=(
            Look("dig HOST", "status: SERVFAIL or REFUSED"),
            Look("dig +cd HOST", "an answer: it is DNSSEC"),
        ),
        remedy="Compare with another resolver (dig @1.1.1.1 HOST): if that works, repair yours, "
        "else the zone's servers.",
        evidence=_OF_A_LOOK_UP,
        see=("RFC 8914", "getaddrinfo(3)"),
    ),
    "dns.timeout": Explanation(
        messages=("Looking up {host} got no answer within {limit}",),
        cause="The resolver was silent: it is down, cannot be reached, or waits for the zone's "
        "servers longer than this machine waits for it.",
        confirm=(Look("dig @RESOLVER HOST", "no servers could be reached"),),
        remedy="Check the resolvers in /etc/resolv.conf, and that UDP and TCP port 53 get there.",
        evidence=_OF_A_LOOK_UP,
        see=("resolv.conf(5)",),
    ),
    "dns.failed": Explanation(
        messages=("Looking up {host} failed ({reason})",),
        cause="The look-up failed for a reason that is none of the usual ones; it is in the "
        "message.",
        confirm=(Look("getent ahosts HOST", "the same"),),
        remedy="See the resolver's configuration: /etc/nsswitch.conf, /etc/resolv.conf.",
        evidence=_OF_A_LOOK_UP,
        see=("getaddrinfo(3)",),
    ),
}
