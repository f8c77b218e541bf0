"""Several steps, with HTTP between: log in, subscribe with the token, wait for an update."""

from checkwire import check, connect, env, http, secret, step


@check(every="1m", timeout="20s", degraded="3s", tags=["orders"])
async def order_updates():
    """A subscriber gets order updates."""
    async with step("log in"):
        reply = await http.post(f"{env['LOGIN_API']}/login", json={"key": secret("API_KEY")})
        assert reply.status == 200
        token = reply.json()["token"]

    async with connect(env["ORDERS_URL"], headers={"Authorization": f"Bearer {token}"}) as ws:
        async with step("subscribe"):
            await ws.send_json({"action": "subscribe", "channel": "updates"})
            ack = await ws.receive_json(where={"type": "ack"}, within="2s")
            assert ack["channel"] == "updates"

        async with step("first update"):
            update = await ws.receive_json(where={"type": "order"}, within="5s")
            assert update["status"] in ("open", "filled", "cancelled")


@check(every="5m", tags=["orders"])
async def orders_need_a_token():
    """Without a token nobody gets in."""
    from checkwire import expect

    with expect.failure("upgrade.status") as refused:
        async with connect(env["ORDERS_URL"]):
            pass
    assert refused.failure.evidence["status"] == 401
