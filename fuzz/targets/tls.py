"""TLS records, wrong from the beginning or from anywhere later on."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl

import trustme

from checkwire.model.failures import CODES
from checkwire.wire.tls.contexts import TlsOptions, tls_context
from checkwire.wire.tls.diagnosis import diagnose_tls, diagnose_tls_after_handshake
from checkwire.wire.tls.pipe import TlsPipe
from fuzz.choices import Choices, cut
from fuzz.memory import MemoryPipe, run

__all__ = ["target"]

_VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)


class _Sink:
    """Takes what was decrypted."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ends: list[OSError | None] = []

    def data_received(self, data: bytes | memoryview, at_ns: int, kernel: bool) -> None:
        assert not self.ends, "data after the end"
        self.data += data

    def eof_received(self, at_ns: int) -> None:
        self.ends.append(None)

    def pipe_lost(self, error: OSError) -> None:
        self.ends.append(error)

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        pass

    def drained(self) -> None:
        pass


@functools.cache
def _server(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("host").configure_cert(context)
    context.minimum_version = context.maximum_version = version
    return context


def target(data: bytes) -> None:
    """Bytes from the beginning; or a version, single bytes to change, and what is sent then."""
    choices = Choices(data)
    if choices.flag():
        run(_changed(choices))
    else:
        places = choices.cuts()
        run(_shake(MemoryPipe(cut(choices.rest(), places))))


async def _changed(choices: Choices) -> None:
    server, incoming, outgoing = _session(choices.pick(_VERSIONS))
    changes = {choices.number(4096): choices.byte() for _ in range(choices.number(4))}
    places, spoken, raw = choices.cuts(), choices.take(choices.number(64)), choices.rest()
    sent = 0
    shaken = False

    def answer(data: bytes) -> list[bytes]:
        nonlocal sent, shaken
        incoming.write(data)
        if not shaken:
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                shaken = True
            else:
                shaken = True
                server.write(spoken or b"spoken")
                if not raw:
                    _goodbye(server)
        flight = bytearray(outgoing.read())
        for place, value in changes.items():
            if sent <= place < sent + len(flight):
                flight[place - sent] ^= value
        sent += len(flight)
        return cut(bytes(flight) + (raw if shaken else b""), places or [len(flight)])

    sink = await _shake(MemoryPipe(answer=answer))
    if sink is not None and not changes and not raw:
        assert sink.data == (spoken or b"spoken")
        assert sink.ends == [None]


def _session(
    version: ssl.TLSVersion,
) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return _server(version).wrap_bio(incoming, outgoing, server_side=True), incoming, outgoing


def _goodbye(server: ssl.SSLObject) -> None:
    with contextlib.suppress(ssl.SSLWantReadError):  # It waits for the client's.
        server.unwrap()


async def _shake(lower: MemoryPipe) -> _Sink | None:
    pipe = TlsPipe(lower, tls_context(TlsOptions(verify=False)), "host")
    try:
        await pipe.handshake(5.0)
    except (ssl.SSLError, OSError, EOFError) as error:
        failure = diagnose_tls(error, pipe, "host", "192.0.2.1:443", TlsOptions())
        assert failure.code in CODES
        pipe.close()
        return None
    sink = _Sink()
    pipe.attach(sink, pipe.handshake_at_ns)
    pipe.write(b"hello")
    for _ in range(50):
        await asyncio.sleep(0)
    pipe.end_session()
    pipe.close()
    assert len(sink.ends) <= 1, sink.ends
    for end in sink.ends:
        if isinstance(end, ssl.SSLError):
            assert diagnose_tls_after_handshake(end, "host", "192.0.2.1:443").code in CODES
    return sink
