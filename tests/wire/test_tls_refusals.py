"""Phase tls: which certificate is at fault and why, and what the server has against the client."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.failures import Failure
from support.connecting import SOON, refused
from support.loops import Run, run
from support.oddcerts import Chains
from support.openssl import openssl_server
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Chains:
    return Chains(tmp_path_factory.mktemp("chains"))


def failure_with(
    context: ssl.SSLContext, script: Script = Peer.read_to_end, **given: Any
) -> Failure:
    """What a client says of a server with this context."""
    with RawServer(script, tls=context) as server:
        given.setdefault("resolve", {("localhost", server.port): ("127.0.0.1", server.port)})
        return run(refused(f"wss://localhost:{server.port}/", **given))


# The server's certificates


@pytest.mark.parametrize(
    ("kind", "verify_code", "said"),
    [
        ("wrong_purpose", 26, "purpose"),
        ("weak_key", 66, "key too weak"),
        ("bad_signature", 7, "signature failure"),
        ("unknown_extension", 34, "critical extension"),
    ],
)
def test_a_certificate_that_is_rejected_says_why(
    chains: Chains, kind: str, verify_code: int, said: str
) -> None:
    failure = failure_with(chains.serving(getattr(chains, kind)()), ca=chains.ca)
    assert (failure.code, failure.phase) == ("tls.certificate_rejected", "tls")
    assert failure.evidence["verify_code"] == verify_code
    assert said in failure.message
    assert "The certificate of 127.0.0.1:" in failure.message
    assert failure.evidence["certificate"] == 0


@pytest.mark.parametrize(
    ("fault", "said"), [("signature", "signature failure"), ("extension", "critical extension")]
)
def test_of_a_chain_the_certificate_at_fault_is_named(
    chains: Chains, fault: str, said: str
) -> None:
    if fault == "signature":
        middle = chains.issue("middle", chains.root, authority=True, signer=chains.lower.key)
    else:
        odd = (ssl_extension(), True)
        middle = chains.issue("middle", chains.root, odd, authority=True)
    leaf = chains.issue("leaf", middle)
    failure = failure_with(chains.serving(leaf, middle), ca=chains.ca)
    assert failure.code == "tls.certificate_rejected"
    assert "The certificate CN=middle,O=Acme\\, Inc, which signed for 127.0.0.1" in failure.message
    assert said in failure.message
    assert failure.evidence["certificate"] == 1


def ssl_extension() -> Any:
    from cryptography import x509

    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


def test_the_expired_one_of_a_chain_is_named(chains: Chains) -> None:
    middle = chains.issue("old", chains.root, authority=True, days=-3)
    leaf = chains.issue("leaf", middle)
    failure = failure_with(chains.serving(leaf, middle), ca=chains.ca)
    assert failure.code == "tls.certificate_expired"
    assert "The certificate of CN=old,O=Acme\\, Inc expired" in failure.message
    assert failure.evidence["certificate"] == 1


def test_facts_of_a_certificate_tell_where_it_is_from(chains: Chains) -> None:
    leaf = chains.weak_key()
    failure = failure_with(chains.serving(leaf), ca=chains.ca)
    (facts,) = failure.evidence["chain"]
    assert facts["serial"] == f"{leaf.certificate.serial_number:x}"
    assert facts["key"] == "RSA 1024"
    assert facts["issuer_url"] == ""
    assert facts["issuer"] == "CN=root,O=Acme\\, Inc"


def key_id(entity: Any) -> str:
    from cryptography import x509

    found = entity.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return str(found.value.digest.hex())


def test_an_intermediate_of_a_private_authority_is_missed_by_its_organization(
    chains: Chains,
) -> None:
    leaf = chains.issue("leaf", chains.upper)
    failure = failure_with(chains.serving(leaf), ca=chains.ca)
    assert failure.code == "tls.incomplete_chain"
    assert "did not send the intermediate certificate CN=upper,O=Acme\\, Inc" in failure.message
    assert failure.evidence["missing"] == {
        "subject": "CN=upper,O=Acme\\, Inc",
        "issuer_url": "",
        "key_id": key_id(chains.upper),
    }


def test_the_upper_one_of_two_intermediates_may_be_missing(chains: Chains) -> None:
    leaf = chains.issue("leaf", chains.lower)
    failure = failure_with(chains.serving(leaf, chains.lower), ca=chains.ca)
    assert failure.code == "tls.incomplete_chain"
    assert failure.evidence["missing"]["subject"] == "CN=upper,O=Acme\\, Inc"
    assert failure.evidence["missing"]["key_id"] == key_id(chains.upper)
    assert failure.evidence["certificate"] == 1


def test_a_chain_with_a_gap_says_what_belongs_there(pki: Pki, chains: Chains) -> None:
    """Whoever is trusted: what was sent does not hang together."""
    leaf = chains.issue("leaf", chains.lower)
    failure = failure_with(chains.serving(leaf, chains.upper), ca=pki.ca)
    assert failure.code == "tls.incomplete_chain"
    assert failure.evidence["missing"]["subject"] == "CN=lower,O=Acme\\, Inc"
    assert failure.evidence["certificate"] == 0


def test_an_authority_of_a_trusted_name_with_another_key_is_unknown(chains: Chains) -> None:
    twin = chains.issue("root", None, authority=True)
    failure = failure_with(chains.serving(chains.issue("leaf", twin)), ca=chains.ca)
    assert failure.code == "tls.unknown_ca"
    assert "the authority of that name that is, has another key" in failure.message


# What the server has against the client


@pytest.mark.parametrize("version", [V12, V13])
def test_a_missing_client_certificate_is_named_in_each_version(
    on_each_loop: Run[Any], pki: Pki, version: ssl.TLSVersion
) -> None:
    with RawServer(Peer.read_to_end, tls=pki.wanting_client(version)) as server:
        failure = on_each_loop(refused(server.url, ca=pki.ca))
    assert (failure.code, failure.phase) == ("tls.client_certificate_required", "tls")
    assert failure.evidence["client_certificate"] == "asked for, none sent"
    assert failure.evidence["alert"]["number"] in (40, 116)


@pytest.mark.parametrize(("end", "how"), [(Peer.fin, "closed"), (Peer.reset, "reset")])
def test_a_missing_client_certificate_that_is_not_spoken_of_is_named(
    on_each_loop: Run[Any], pki: Pki, end: Script, how: str
) -> None:
    def script(peer: Peer) -> None:
        assert not peer.sock.getpeercert()
        end(peer)

    with RawServer(script, tls=pki.asking_client()) as server:
        failure = on_each_loop(refused(server.url, ca=pki.ca))
    assert (failure.code, failure.phase) == ("tls.client_certificate_required", "tls")
    assert f"it asked for one, and {how} the connection when none came" in failure.message
    assert failure.evidence["ended"] == ("rst" if how == "reset" else "fin")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_server_that_says_whose_certificates_it_takes_is_quoted(pki: Pki, version: str) -> None:
    with openssl_server(pki, version, "-Verify", "1", "-CAfile", pki.ca) as server:
        failure = run(refused(server.url, ca=pki.ca))
    assert failure.code == "tls.client_certificate_required"
    (authority,) = failure.evidence["authorities"]
    assert "O=Checkwire tests" in authority


def test_a_server_that_hangs_up_and_did_not_ask_keeps_its_failure(pki: Pki) -> None:
    with RawServer(Peer.fin, tls=pki.server()) as server:
        assert run(refused(server.url, ca=pki.ca)).code == "upgrade.closed"


def test_no_cipher_in_common_is_not_taken_for_a_missing_certificate(pki: Pki) -> None:
    context = pki.server()
    context.maximum_version = V12
    context.set_ciphers("AES128-SHA")  # RSA only, with an elliptic key
    failure = failure_with(context, ca=pki.ca)
    assert failure.code == "tls.handshake_failed"
    assert failure.evidence["alert"] == {"number": 40, "name": "handshake_failure"}
    assert "ended the TLS handshake: handshake failure" in failure.message


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize(
    ("kind", "number", "said"),
    [("stranger", 48, "its authority is not trusted there"), ("expired", 45, "it has expired")],
)
def test_a_client_certificate_that_is_refused_is_shown(
    pki: Pki, chains: Chains, version: ssl.TLSVersion, kind: str, number: int, said: str
) -> None:
    context = pki.wanting_client(version)
    if kind == "expired":
        context.load_verify_locations(chains.ca)
    ours = chains.client(chains.root, days=-2 if kind == "expired" else 9)
    failure = failure_with(context, ca=pki.ca, client_cert=ours)
    assert (failure.code, failure.phase) == ("tls.client_certificate_rejected", "tls")
    assert f"refused our client certificate CN=client 7,O=Acme\\, Inc: {said}" in failure.message
    assert failure.evidence["alert"]["number"] == number
    facts = failure.evidence["client_certificate"]
    assert facts["issuer"] == "CN=root,O=Acme\\, Inc"
    assert facts["not_after"] > facts["not_before"]
    assert "PRIVATE" not in str(failure)


# Other words of the server


def alerting(number: int) -> Script:
    def script(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.send(bytes((0x15, 3, 3, 0, 2, 2, number)))
        peer.fin()
        peer.read_to_end()

    return script


def test_a_server_that_takes_none_of_our_protocols_is_named(on_each_loop: Run[Any]) -> None:
    with RawServer(alerting(120)) as server:
        failure = on_each_loop(refused(f"wss://{server.place}/"))
    assert (failure.code, failure.phase) == ("tls.alpn", "tls")
    assert failure.evidence["alert"] == {"number": 120, "name": "no_application_protocol"}
    assert failure.evidence["offered"] == ["http/1.1"]
    assert "_ssl.c" not in str(failure)


@pytest.mark.parametrize("number", [80, 110, 115, 200])
def test_an_alert_of_any_kind_is_told_without_the_librarys_inner_life(number: int) -> None:
    with RawServer(alerting(number)) as server:
        failure = run(refused(f"wss://{server.place}/"))
    assert failure.code == "tls.handshake_failed"
    assert "_ssl.c" not in str(failure)
    assert f"{server.place} ended the TLS handshake: " in failure.message


def test_a_server_that_speaks_http_2_whatever_was_agreed_is_named(pki: Pki) -> None:
    def script(peer: Peer) -> None:
        peer.send(bytes.fromhex("000006 04 00 00000000 000300000064"))
        peer.read_to_end()

    failure = failure_with(pki.server(), script, ca=pki.ca)
    assert (failure.code, failure.phase) == ("tls.alpn", "tls")
    assert failure.evidence["guess"] == "HTTP/2"
    assert failure.evidence["selected"] is None


def test_what_is_not_tls_is_shown_by_its_first_bytes() -> None:
    said = b"SSH-2.0-OpenSSH_9.6 and more than is kept of it\r\n"

    def script(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.send(said)
        peer.read_to_end()

    with RawServer(script, Peer.close) as server:
        failure = run(refused(f"wss://{server.place}/"))
    assert failure.code == "tls.not_tls"
    assert failure.evidence["first_bytes"] == said[:32].hex(" ")
    assert failure.evidence["guess"] == "SSH"


def test_a_bad_chain_is_told_as_of_when_it_was_seen(chains: Chains) -> None:
    """What is looked up after that is not the phase's; and it ends with the phase's time."""

    def stays(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.stay()

    context = chains.serving(chains.issue("leaf", None))

    def first(peer: Peer) -> None:
        peer.sock = context.wrap_socket(peer.sock, server_side=True)
        peer.read_to_end()

    with RawServer(first, stays) as server:
        failure = run(refused(f"wss://{server.place}/", ca=chains.ca, timeouts={"tls": SOON}))
        assert len(server.peers) == 2
    assert failure.code.startswith("tls.")
    assert failure.evidence["chain"] == []
    assert failure.evidence["elapsed_ms"] < SOON * 1000


def test_our_certificate_is_named_by_its_file_if_that_is_gone(
    pki: Pki, chains: Chains, tmp_path: Path
) -> None:
    ours = tmp_path / "gone.pem"
    ours.write_bytes(Path(chains.client(chains.root)).read_bytes())

    def script(peer: Peer) -> None:
        raise AssertionError("no such client")

    context = pki.wanting_client(V12)
    context.sni_callback = lambda *_: ours.unlink(missing_ok=True)
    failure = failure_with(context, script, ca=pki.ca, client_cert=str(ours))
    assert failure.code == "tls.client_certificate_rejected"
    assert f"our client certificate {ours}" in failure.message
