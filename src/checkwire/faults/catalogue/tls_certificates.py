"""``tls.*``: certificates that are not to be trusted."""

from __future__ import annotations

from checkwire.faults.authority import Authority
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer

faults = Family()

_TRUSTING = """
async with connect(URL, ca=CA):
    pass
"""
_CHAIN = ("verify_code", "verify_message", "chain")

for code, does, tls in (
    ("tls.certificate_expired", "shows a certificate that expired three days ago",
     Authority.expired),
    ("tls.certificate_not_yet_valid", "shows a certificate that is valid in three days",
     Authority.not_yet_valid),
    ("tls.hostname_mismatch", "shows a certificate for another name",
     lambda authority: authority.server("other.fault.test")),
    ("tls.self_signed", "shows a certificate that signs itself", Authority.self_signed),
    ("tls.unknown_ca", "shows a certificate of an authority that nobody knows",
     Authority.strange),
    ("tls.incomplete_chain", "does not send the intermediate certificate",
     Authority.intermediate_withheld),
    ("tls.certificate_rejected", "shows a certificate that is for clients only",
     Authority.for_clients_only),
):  # fmt: skip
    faults.add(code, does=does, tls=tls, script=Peer.read_to_end, check=_TRUSTING, evidence=_CHAIN)
