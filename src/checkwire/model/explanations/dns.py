"""``dns.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_EVIDENCE = {
    "host": "the name that was looked up",
    "error": "the number of getaddrinfo's error (EAI_*); on Linux -2 is NONAME, -3 AGAIN, -4 "
    "FAIL, -5 NODATA",
    "duration_ms": "how long the look-up took",
}

EXPLANATIONS = {
    "dns.not_found": Explanation(
        messages=("The name {host} does not exist ({reason})",),
        cause="The resolver says that there is no such name (NXDOMAIN), or it is not a name that "
        "DNS can hold, such as one with a label of more than 63 characters.\n\n"
        "Commonly: a typing error in the URL; a record that was deleted, or not made yet; a "
        "domain that has expired; a name of an internal zone, looked up from where another "
        "resolver answers. A name that is new may still be remembered as missing: resolvers keep "
        "that answer for as long as the zone's SOA record says.",
        confirm=(
            Look("dig HOST", "status: NXDOMAIN"),
            Look("dig +trace HOST", "the last server that knows a part of the name"),
            Look(
                "getent ahosts HOST",
                "nothing, exit status 2: this is how the system looks up, with /etc/hosts and the "
                "search list",
            ),
        ),
        remedy="Correct the host in the URL, or make the record. If the name exists for others, "
        "compare the resolvers: /etc/resolv.conf here and there.\n\n"
        "To test a server before its name exists: --resolve HOST:PORT:ADDRESS.",
        evidence={
            **_EVIDENCE,
            "place": "the name that was looked up",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 1035 4.1.1", "RFC 2308 5", "getaddrinfo(3)"),
    ),
    "dns.no_address": Explanation(
        messages=("The name {host} has no address ({reason})",),
        cause="The name exists, and has neither an A nor an AAAA record (NODATA).\n\n"
        "Commonly: the record was removed while others (MX, TXT) stayed; the name only exists as "
        "the parent of others, as example.com does for ws.example.com; a CNAME points to a name "
        "without addresses, such as a load balancer that was deleted.",
        confirm=(
            Look("dig A HOST", "status: NOERROR, ANSWER: 0, or a CNAME alone"),
            Look("dig AAAA HOST", "the same"),
            Look("dig ANY HOST", "the records that there are, if the server tells"),
        ),
        remedy="Add the A or AAAA record, or follow the CNAME to its end and repair it there.",
        evidence={
            **_EVIDENCE,
            "place": "the name that was looked up",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 2308 2.2", "getaddrinfo(3)"),
    ),
    "dns.temporary": Explanation(
        messages=("The resolver could not look up {host} for now ({reason})",),
        cause="No useful answer: the resolver said SERVFAIL or REFUSED, or none of those in "
        "/etc/resolv.conf could be asked at all. It says nothing about whether the name "
        "exists.\n\n"
        "Commonly: the zone's own servers are down; its DNSSEC signatures are broken or have "
        "expired; the local resolver (systemd-resolved, dnsmasq, CoreDNS) has stopped; a "
        "container or a machine that has just started has no network yet.",
        confirm=(
            Look("dig HOST", "status: SERVFAIL or REFUSED, or no servers could be reached"),
            Look("dig @1.1.1.1 HOST", "an answer: then the fault is with the resolver here"),
            Look("dig +cd HOST", "an answer, where without +cd there is none: DNSSEC is broken"),
        ),
        remedy="If another resolver answers, repair this one, or name another in "
        "/etc/resolv.conf. If none does, the zone is broken: its operator must repair it.\n\n"
        "Once in a while it is a lost packet: retries= covers that.",
        evidence={
            **_EVIDENCE,
            "place": "the name that was looked up",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("RFC 1035 4.1.1", "RFC 4035 5.5", "resolv.conf(5)"),
    ),
    "dns.timeout": Explanation(
        messages=("Looking up {host} got no answer within {limit}",),
        cause="The look-up did not return in the time that it has: 5 s, or what timeouts= says; "
        "for http the timeout of the whole request. The C library asks one resolver after the "
        "other, and gives each 5 s twice unless resolv.conf says otherwise, so one dead resolver "
        "at the head of the list is enough.\n\n"
        "Commonly: a resolver that is down or behind a firewall (UDP port 53); a VPN that is not "
        "up; a query for AAAA that some middlebox swallows.",
        confirm=(
            Look("cat /etc/resolv.conf", "which resolvers are asked, and in which order"),
            Look("dig @RESOLVER HOST", "communications error, timed out: for each of them"),
            Look(
                "tcpdump -ni any port 53",
                "queries without answers, while the look-up runs",
            ),
        ),
        remedy="Remove or repair the resolver that does not answer. If answers for AAAA are lost, "
        "`options single-request` in resolv.conf helps. If it is only slow, raise timeouts=.",
        evidence={
            "host": "the name that was looked up",
            "PHASE_ns": "of an HTTP request: how long each phase before took",
            "place": "the name that was looked up",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "error": "the resolver's number of the error (EAI_*)",
            "duration_ms": "how long the look-up itself took",
        },
        see=("resolv.conf(5)",),
    ),
    "dns.failed": Explanation(
        messages=("Looking up {host} failed ({reason})",),
        cause="The look-up ended with an error that is none of the others: the resolver said that "
        "it cannot answer and never will (EAI_FAIL), the system's own look-up failed (a broken "
        "NSS module, no memory), or no thread could be started for it.",
        confirm=(
            Look("getent ahosts HOST", "the same error: then it is the system, not Checkwire"),
            Look("grep hosts /etc/nsswitch.conf", "which modules look names up, in which order"),
            Look("dig HOST", "an answer: then a module of NSS is at fault, not DNS"),
        ),
        remedy="Go by the reason in the message. Repair the module that fails, or take it out of "
        "nsswitch.conf. For threads and memory, see checkwire doctor.",
        evidence={
            **_EVIDENCE,
            "place": "the name that was looked up",
            "elapsed_ms": "time from the beginning of the phase to the failure",
        },
        see=("getaddrinfo(3)", "nsswitch.conf(5)"),
    ),
}
