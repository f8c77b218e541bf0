"""A check can be a plain function. The times are the kernel's here, too."""

from checkwire import check, env, step
from checkwire.sync import connect


@check(every="1m", tags=["echo"])
def echo_without_await():
    """The echo service echoes, with no async in sight."""
    with connect(env["ECHO_URL"]) as ws:
        with step("greeting"):
            assert "served by" in ws.receive_text(within="2s")
        with step("echo"):
            ws.send("hello")
            assert ws.receive(within="2s") == "hello"
