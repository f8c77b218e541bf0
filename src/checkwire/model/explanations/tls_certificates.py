"""``tls.*`` at length: what is wrong with the server's certificate."""

from checkwire.model.explanations.base import Explanation, Look

__all__ = ["EXPLANATIONS"]

_SHOW = "openssl s_client -connect HOST:PORT -servername HOST </dev/null"
_EVIDENCE = {
    "bytes_received": "what the server had sent by then",
    "verify_code": "OpenSSL's number of the error (X509_V_ERR_*)",
    "verify_message": "OpenSSL's words for it",
    "chain": "the certificates that the server sent, its own first, seen on a second connection: "
    "subject, issuer, names, not_before, not_after, sha256; empty if that one failed",
}

EXPLANATIONS = {
    "tls.certificate_expired": Explanation(
        messages=(
            "The certificate of {place} expired {date}, {age} ago",
            "A certificate of {place} has expired",
            "The certificate of {whose} expired {date}, {age} ago",
        ),
        cause="A certificate that the server sent is past its end (notAfter). If the sentence "
        "names an authority instead of the server, it is the authority's certificate that is too "
        "old, not the server's own.\n\n"
        "Commonly: the renewal failed (an ACME challenge that no longer gets through, a rate "
        "limit); it succeeded, and the server was not reloaded, so it still serves the old one "
        "from memory; one of several machines behind a load balancer was forgotten. If the clock "
        "here is wrong, every certificate seems to be.",
        confirm=(
            Look(f"{_SHOW} 2>/dev/null | openssl x509 -noout -dates", "notAfter, in the past"),
            Look(
                "openssl x509 -in /etc/ssl/FILE.pem -noout -dates",
                "on the server: a later notAfter means that it was renewed and not reloaded",
            ),
            Look("date -u", "the clock of this machine"),
        ),
        remedy="Renew the certificate; reload the server (nginx -s reload, systemctl reload). If "
        "the file is new already, reloading is all. If it is the authority's, serve the chain "
        "that the authority gives out now.\n\n"
        "Look why the renewal failed: certbot renew --dry-run, journalctl -u certbot.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
        },
        see=("RFC 5280 4.1.2.5", "RFC 5280 6.1.3"),
    ),
    "tls.certificate_not_yet_valid": Explanation(
        messages=(
            "The certificate of {place} is not valid[ before {date}][ yet]; this machine says "
            "{date}",
            ("The certificate of {whose} is not valid before {date}; this machine says {now}"),
            "A certificate of {place} is not valid yet",
        ),
        cause="The certificate's beginning (notBefore) lies in the future, as the clock of this "
        "machine has it. Both times are in the message.\n\n"
        "Commonly: the clock here is wrong, as after a start without a battery or in a machine "
        "that was suspended. Or the certificate was made on a machine whose clock is ahead, or "
        "was installed before its time.",
        confirm=(
            Look("timedatectl", "System clock synchronized: no"),
            Look(f"{_SHOW} 2>/dev/null | openssl x509 -noout -dates", "notBefore, in the future"),
        ),
        remedy="If the clock is wrong, have it synchronized (systemd-timesyncd, chrony). If it is "
        "right, serve the certificate that is valid now.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
        },
        see=("RFC 5280 4.1.2.5",),
    ),
    "tls.hostname_mismatch": Explanation(
        messages=("The certificate of {place} is for {names}, not for {name}",),
        cause="The certificate is good, and is made for other names than the one that was asked "
        "for. Only the subjectAltName counts; a name that stands only as Common Name does not "
        "(then the sentence says “no name”).\n\n"
        "Commonly: the server got no certificate for this host and answers with its default one; "
        "DNS points to the wrong machine; `*.example.com` is used for a.b.example.com, which a "
        "wildcard does not cover, or for example.com itself; the URL has an IP address, and the "
        "certificate has only names.",
        confirm=(
            Look(
                f"{_SHOW} 2>/dev/null | openssl x509 -noout -ext subjectAltName",
                "the names that it is for",
            ),
            Look("dig +short HOST", "whether this is the machine that is meant"),
        ),
        remedy="Issue a certificate that holds this name, or connect by a name that it holds. If "
        "it is the default certificate of the server, add this host to its configuration.\n\n"
        "If the address is right and only the name differs, as in a test: server_name= asks for, "
        "and verifies, another one.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
        },
        see=("RFC 9525 6.3",),
    ),
    "tls.self_signed": Explanation(
        messages=("The certificate of {place} is self-signed",),
        cause="The server's certificate is signed by itself, so nobody vouches for it.\n\n"
        "Commonly: the certificate that a server or an appliance makes at its installation; a "
        "default of an ingress controller (Kubernetes Ingress Controller Fake Certificate) "
        "because the right one was not found; a middlebox that opens TLS.",
        confirm=(
            Look(
                _SHOW,
                "verify error:num=18:self-signed certificate; subject and issuer are the same",
            ),
        ),
        remedy="Serve a certificate from an authority. If it is meant to be self-signed, trust "
        "it: ca=FILE, or --ca FILE for all checks, with the certificate in PEM. verify=False is "
        "for the last resort: with it no certificate is looked at.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
        },
        see=("RFC 5280 6.1", "RFC 5280 3.2"),
    ),
    "tls.incomplete_chain": Explanation(
        messages=("{place} did not send the intermediate certificate {subject}",),
        cause="The server sent its own certificate, and not the one that signed it. The "
        "authority's root is trusted here, but between them is a gap. Browsers often fill it from "
        "their cache or by fetching it, so it “works in the browser”; other clients fail.\n\n"
        "Commonly: the server's configuration names cert.pem in place of fullchain.pem.",
        confirm=(
            Look(_SHOW, "Certificate chain with entry 0 alone; verify error:num=20 or 21"),
            Look(
                f"{_SHOW} 2>/dev/null | openssl x509 -noout -ext authorityInfoAccess",
                "CA Issuers: where the missing one can be fetched",
            ),
        ),
        remedy="Configure the full chain: the server's certificate first, then the intermediates, "
        "in one file (ssl_certificate fullchain.pem in nginx, SSLCertificateFile in Apache). The "
        "root need not be sent. Reload the server.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
            "missing": (
                "the certificate that belongs there: subject, the address where it can be had "
                "(caIssuers), and the identifier of its key"
            ),
        },
        see=("RFC 8446 4.4.2", "RFC 5280 4.2.2.1"),
    ),
    "tls.unknown_ca": Explanation(
        messages=(
            "{authority}, which signed for {place}, is not trusted here",
            (
                "{authority}, which signed for {place}, is not trusted here: the authority "
                "of that name that is, has another key"
            ),
            "The authority that signed for {place} is not trusted here",
        ),
        cause="The chain ends at an authority that this machine does not trust.\n\n"
        "Commonly: a private authority of a company or a test; a middlebox that opens TLS and "
        "signs anew, with an authority that only managed machines know; an image without "
        "ca-certificates; a public authority that is too new for the trust store here, or was "
        "thrown out of it. A private intermediate that the server does not send looks the same.",
        confirm=(
            Look(_SHOW, "verify error:num=19 or 20, and the issuer of each certificate"),
            Look(
                "checkwire doctor",
                "trust store: which one is used, and how many authorities are in it",
            ),
            Look(
                f"{_SHOW[:-11]} -CAfile ca.pem </dev/null",
                "Verify return code: 0 (ok), with the right authority",
            ),
        ),
        remedy="Trust a private authority: ca=FILE, or --ca FILE for all checks, or install it in "
        "the system (update-ca-certificates). If you know no such authority, ask who opens TLS on "
        "the way before you trust it.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
            "missing": "the authority that would have to be trusted",
        },
        see=("RFC 5280 6.1", "RFC 8446 4.4.2"),
    ),
    "tls.certificate_rejected": Explanation(
        messages=(
            "The certificate of {place} does not verify: {reason}",
            ("The certificate {subject}, which signed for {place}, does not verify: {reason}"),
        ),
        cause="OpenSSL rejects the certificate for another reason than age, name or authority; "
        "its words are in the message.\n\n"
        "Commonly: a key that is too weak (RSA of 1024 bits, “ee key too small”) or a signature "
        "with SHA-1 (“ca md too weak”); a certificate that is not for servers (“unsuitable "
        "certificate purpose”); a critical extension that OpenSSL does not know; a signature that "
        "is wrong; an authority that may not sign for this name (name constraints).",
        confirm=(
            Look(_SHOW, "verify error:num=…: the same words"),
            Look(
                f"{_SHOW} 2>/dev/null | openssl x509 -noout -text",
                "key size, signature algorithm, Extended Key Usage, critical extensions",
            ),
        ),
        remedy="Issue a new certificate: for servers (serverAuth), with RSA of 2048 bits or an "
        "elliptic curve, signed with SHA-256.",
        evidence={
            **_EVIDENCE,
            "place": "address and port of the peer",
            "elapsed_ms": "time from the beginning of the phase to the failure",
            "certificate": "which of the chain is at fault, from 0",
        },
        see=("RFC 5280 6.1", "openssl-verification-options(1)"),
    ),
}
