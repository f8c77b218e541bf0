"""``dns.*``: the host's name could not be turned into an address."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "dns.not_found",
        "The name does not exist",
        retryable=False,
        hint="Check the spelling of the host, and that its DNS record exists: dig +short HOST",
        phase="dns",
    ),
    FailureCode(
        "dns.no_address",
        "The name exists, but has no address",
        retryable=False,
        hint="The name has no A or AAAA record: dig A HOST; dig AAAA HOST",
        phase="dns",
    ),
    FailureCode(
        "dns.temporary",
        "The resolver could not answer for now",
        blame="path",
        hint="The resolver or the zone's own servers are failing; compare with: dig @1.1.1.1 HOST",
        phase="dns",
    ),
    FailureCode(
        "dns.timeout",
        "The resolver did not answer in time",
        blame="path",
        hint="Check that the resolvers in /etc/resolv.conf can be reached from this machine",
        phase="dns",
    ),
    FailureCode(
        "dns.failed",
        "The look-up failed",
        blame="path",
        hint="The resolver's reason is in the message; compare with: getent ahosts HOST",
        phase="dns",
    ),
)
