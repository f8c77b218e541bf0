"""wss:// with a certificate of a private authority."""

from checkwire import check, connect, env, expect


@check(every="1m", tags=["tls"])
async def private_authority():
    """The certificate is right, and does not expire soon."""
    async with connect(env["ECHO_TLS_URL"], ca=env["ECHO_CA"]) as ws:
        assert ws.tls.version in ("TLSv1.2", "TLSv1.3")
        expect.soft(ws.tls.days_left, "days left").above(14)
        await ws.receive_text(where=lambda text: text.startswith("Request served by"))


@check(every="1h", tags=["tls"])
async def strangers_are_refused():
    """Without that authority the certificate is not trusted."""
    with expect.failure("tls.*"):
        async with connect(env["ECHO_TLS_URL"]):
            pass
