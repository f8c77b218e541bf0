"""The stand-ins of ``examples/servers`` have the shapes of what they stand in for."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from support.program import environment

SERVERS = Path(__file__).parents[2] / "examples" / "servers"
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@contextlib.contextmanager
def serving(name: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a stand-in as its reader would; yields its first line and the process."""
    process = subprocess.Popen(
        [sys.executable, str(SERVERS / f"{name}.py"), *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Listening on ")
            yield line.removeprefix("Listening on ").strip(), process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    _, err = process.communicate(timeout=20)
                finally:
                    process.kill()
                assert (process.returncode, err) == (0, "")


def base_of(url: str) -> str:
    found = re.match(r"wss?://[^/ ]+", url)
    assert found, url
    return found[0]


def talk(ws: ClientConnection, message: dict[str, Any]) -> None:
    ws.send(json.dumps(message))


def receive(ws: ClientConnection) -> Any:
    return json.loads(ws.recv(timeout=20))


def receive_until(ws: ClientConnection, **fields: Any) -> dict[str, Any]:
    """The next message with these fields."""
    while True:
        message = receive(ws)
        if fields.items() <= message.items():
            return dict(message)


@pytest.fixture(scope="module")
def binance():
    with serving("binance") as (url, _):
        yield url


@pytest.fixture(scope="module")
def coinbase():
    with serving("coinbase") as (url, _):
        yield url


@pytest.fixture(scope="module")
def kraken():
    with serving("kraken") as (url, _):
        yield url


@pytest.fixture(scope="module")
def login():
    with serving("login") as (url, _):
        yield base_of(url)


class TestBinance:
    def test_trades_come_at_once(self, binance):
        assert binance.endswith("/ws/btcusdt@trade")
        with connect(binance, proxy=None) as ws:
            first, second = receive(ws), receive(ws)
        assert list(first) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
        assert (first["e"], first["s"], first["M"]) == ("trade", "BTCUSDT", True)
        assert re.fullmatch(r"\d+\.\d{8}", first["p"])
        assert re.fullmatch(r"\d+\.\d{8}", first["q"])
        assert abs(first["T"] / 1000 - time.time()) < 60
        assert second["t"] == first["t"] + 1

    def test_every_client_sees_the_same_trades(self, binance):
        seen = []
        for _ in range(2):
            with connect(binance, proxy=None) as ws:
                seen.append([receive(ws)["p"] for _ in range(3)])
        assert seen[0] == seen[1]

    def test_subscribing_is_acknowledged_with_null(self, binance):
        with connect(base_of(binance) + "/ws", proxy=None) as ws:
            talk(ws, {"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 1})
            assert receive(ws) == {"result": None, "id": 1}
            assert receive(ws)["s"] == "ETHUSDT"
            talk(ws, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
            assert receive_until(ws, id=2)["result"] == ["ethusdt@trade"]
            talk(ws, {"method": "UNSUBSCRIBE", "params": ["ethusdt@trade"], "id": 3})
            assert receive_until(ws, id=3)["result"] is None
            talk(ws, {"method": "LIST_SUBSCRIPTIONS", "id": 4})
            assert receive(ws) == {"result": [], "id": 4}

    def test_combined_streams_are_wrapped(self, binance):
        url = base_of(binance) + "/stream?streams=btcusdt@trade/ethusdt@trade"
        with connect(url, proxy=None) as ws:
            found = [receive(ws) for _ in range(2)]
        assert [message["stream"] for message in found] == ["btcusdt@trade", "ethusdt@trade"]
        assert found[0]["data"]["s"] == "BTCUSDT"

    def test_what_it_does_not_understand_is_an_error_with_a_code(self, binance):
        with connect(base_of(binance) + "/ws", proxy=None) as ws:
            ws.send("{")
            assert receive(ws)["error"]["code"] == 3
            talk(ws, {"method": "SUBSCRIB", "id": 1})
            assert receive(ws)["error"]["code"] == 2

    def test_other_paths_are_not_there(self, binance):
        with pytest.raises(InvalidStatus) as caught:
            connect(base_of(binance) + "/elsewhere", proxy=None)
        assert caught.value.response.status_code == 404

    def test_the_server_pings(self):
        with serving("binance", "--ping-every", "0.05") as (url, _):
            port = int(url.split(":")[2].split("/")[0])
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                client.sendall(
                    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    b"Sec-WebSocket-Version: 13\r\n\r\n"
                )
                data = b""
                while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < 1:
                    data += client.recv(4096)
        assert data.partition(b"\r\n\r\n")[2][0] == 0x89


class TestCoinbase:
    def test_subscriptions_come_first_then_heartbeats_and_tickers(self, coinbase):
        channels = ["heartbeat", {"name": "ticker", "product_ids": ["BTC-USD", "ETH-USD"]}]
        with connect(coinbase, proxy=None) as ws:
            talk(ws, {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": channels})
            assert receive(ws) == {
                "type": "subscriptions",
                "channels": [
                    {"name": "heartbeat", "product_ids": ["BTC-USD"]},
                    {"name": "ticker", "product_ids": ["BTC-USD", "ETH-USD"]},
                ],
            }
            beat = receive(ws)
            assert beat.keys() == {"type", "sequence", "last_trade_id", "product_id", "time"}
            assert (beat["type"], beat["product_id"]) == ("heartbeat", "BTC-USD")
            assert re.fullmatch(RFC3339, beat["time"])
            tickers = [receive_until(ws, type="ticker", product_id="BTC-USD") for _ in range(3)]
            later = receive_until(ws, type="heartbeat")
        sequences = [ticker["sequence"] for ticker in tickers]
        assert sequences == [beat["sequence"] + n for n in (1, 2, 3)]
        assert later["sequence"] > sequences[-1]
        assert later["last_trade_id"] > tickers[-1]["trade_id"]
        assert re.fullmatch(r"\d+\.\d\d", tickers[0]["price"])
        assert {"best_bid", "best_ask", "side", "last_size", "volume_24h"} <= tickers[0].keys()

    def test_who_does_not_subscribe_is_disconnected(self, coinbase):
        with connect(coinbase, proxy=None) as ws, pytest.raises(ConnectionClosedError):
            ws.recv(timeout=30)
        assert ws.close_code == 1008

    @pytest.mark.parametrize(
        "message",
        [
            '{"type": "subscribe", "channels": ["tiker"], "product_ids": ["BTC-USD"]}',
            '{"type": "subscribe", "channels": ["ticker"], "product_ids": ["BTCUSD"]}',
            '{"type": "hello", "channels": []}',
            "[]",
            "{",
        ],
    )
    def test_what_it_does_not_understand_is_an_error(self, coinbase, message):
        with connect(coinbase, proxy=None) as ws:
            ws.send(message)
            assert receive(ws)["type"] == "error"

    def test_unsubscribing_is_answered_by_what_remains(self, coinbase):
        with connect(coinbase, proxy=None) as ws:
            both = {"channels": ["heartbeat", "ticker"], "product_ids": ["BTC-USD"]}
            talk(ws, {"type": "subscribe", **both})
            talk(ws, {"type": "unsubscribe", "channels": ["ticker"]})
            receive_until(ws, type="subscriptions")
            assert receive_until(ws, type="subscriptions")["channels"] == [
                {"name": "heartbeat", "product_ids": ["BTC-USD"]}
            ]


class TestKraken:
    def test_status_comes_first(self, kraken):
        with connect(kraken, proxy=None) as ws:
            status = receive(ws)
        assert (status["channel"], status["type"]) == ("status", "update")
        assert status["data"][0]["system"] == "online"
        assert status["data"][0]["api_version"] == "v2"

    def test_subscribe_ack_snapshot_updates_and_heartbeats(self, kraken):
        with connect(kraken, proxy=None) as ws:
            receive(ws)
            params = {"channel": "ticker", "symbol": ["BTC/USD"]}
            talk(ws, {"method": "subscribe", "params": params, "req_id": 7})
            ack = receive(ws)
            assert (ack["method"], ack["success"], ack["req_id"]) == ("subscribe", True, 7)
            assert ack["result"] == {"channel": "ticker", "symbol": "BTC/USD", "snapshot": True}
            assert re.fullmatch(RFC3339, ack["time_in"])
            assert ack["time_in"] <= ack["time_out"]
            snapshot = receive(ws)
            assert (snapshot["channel"], snapshot["type"]) == ("ticker", "snapshot")
            data = snapshot["data"][0]
            assert data["symbol"] == "BTC/USD"
            assert data["bid"] < data["last"] < data["ask"]
            assert data["low"] <= data["vwap"] <= data["high"]
            assert receive_until(ws, channel="ticker")["type"] == "update"
            assert receive_until(ws, channel="heartbeat") == {"channel": "heartbeat"}

    def test_an_unknown_symbol_is_refused(self, kraken):
        with connect(kraken, proxy=None) as ws:
            receive(ws)
            params = {"channel": "ticker", "symbol": ["BTC/XYZ"]}
            talk(ws, {"method": "subscribe", "params": params})
            refusal = receive(ws)
        assert refusal["success"] is False
        assert refusal["error"] == "Currency pair not supported BTC/XYZ"

    def test_a_ping_is_answered_by_a_pong(self, kraken):
        with connect(kraken, proxy=None) as ws:
            receive(ws)
            talk(ws, {"method": "ping", "req_id": 101})
            pong = receive(ws)
        assert (pong["method"], pong["req_id"]) == ("pong", 101)


def ask(url: str, body: object = None, token: str = "") -> tuple[int, Any]:
    """An HTTP request; the status and the JSON of its response."""
    request = urllib.request.Request(url.replace("ws://", "http://"))
    if body is not None:
        request.data = json.dumps(body).encode()
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class TestLogin:
    @pytest.fixture
    def token(self, login):
        status, answer = ask(f"{login}/login", {"key": "demo-key"})
        assert status == 200
        return answer["token"]

    def test_a_wrong_key_gets_no_token(self, login):
        assert ask(f"{login}/login", {"key": "guess"})[0] == 401
        assert ask(f"{login}/login", ["key"])[0] == 400
        assert ask(f"{login}/logout", {})[0] == 404

    def test_me_wants_the_token(self, login, token):
        assert ask(f"{login}/me", token=token) == (200, {"name": "demo"})
        assert ask(f"{login}/me")[0] == 401
        assert ask(f"{login}/you", token=token)[0] == 404

    def test_a_body_may_come_in_pieces(self, login):
        with socket.create_connection(("127.0.0.1", int(login.rpartition(":")[2]))) as client:
            client.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\n")
            client.sendall(b'{"key": "demo')
            client.sendall(b'-key"}')
            data = b""
            while chunk := client.recv(4096):
                data += chunk
        assert data.startswith(b"HTTP/1.1 200 ")

    def test_orders_want_the_token(self, login):
        with pytest.raises(InvalidStatus) as caught:
            connect(f"{login}/orders", proxy=None)
        assert caught.value.response.status_code == 401

    def test_a_subscriber_gets_an_ack_and_then_orders(self, login, token):
        headers = {"Authorization": f"Bearer {token}"}
        with connect(f"{login}/orders", additional_headers=headers, proxy=None) as ws:
            talk(ws, {"action": "dance"})
            assert receive(ws)["type"] == "error"
            talk(ws, {"action": "subscribe", "channel": "updates"})
            assert receive(ws) == {"type": "ack", "channel": "updates"}
            orders = [receive(ws) for _ in range(5)]
        assert [order["sequence"] for order in orders] == [1, 2, 3, 4, 5]
        assert {order["status"] for order in orders} == {"open", "filled", "cancelled"}

    def test_the_chat_speaks_chat_v2_and_nothing_else(self, login):
        offered: Any = ["chat.v1", "chat.v2"]
        with connect(f"{login}/chat", subprotocols=offered, proxy=None) as ws:
            assert ws.subprotocol == "chat.v2"
            assert receive(ws) == {"type": "welcome", "protocol": "chat.v2"}
            talk(ws, {"say": "hi"})
            assert receive(ws)["text"] == "hi"
        for offer in ([], ["chat.v1"]):
            offered = offer
            with pytest.raises(InvalidStatus) as caught:
                connect(f"{login}/chat", subprotocols=offered or None, proxy=None)
            assert caught.value.response.status_code == 400

    def test_binary_answers_in_binary(self, login):
        with connect(f"{login}/binary", proxy=None) as ws:
            ws.send(struct.pack("!HI", 3, 42))
            operation, number, price, at_ns = struct.unpack("!HIdQ", ws.recv(timeout=20))
            assert (operation, number) == (0x8003, 42)
            assert price > 0
            assert abs(at_ns / 1e9 - time.time()) < 60
            ws.send("text")
            with pytest.raises(ConnectionClosedError):
                ws.recv(timeout=20)
            assert ws.close_code == 1003


class TestAll:
    def test_all_listen_once_the_line_is_there(self, tmp_path):
        authority = tmp_path / "ca.pem"
        with serving("all", "--any-ports", "--tls-cert-out", str(authority)) as (line, _):
            urls = dict(reversed(re.findall(r"(\S+) \(([^)]+)\)", line)[i]) for i in range(6))
            assert [*urls] == ["binance", "coinbase", "kraken", "login", "echo over TLS", "echo"]
            for name in ("echo", "echo over TLS"):
                context = None
                if name == "echo over TLS":
                    context = ssl.create_default_context(cafile=str(authority))
                with connect(urls[name], ssl=context, proxy=None) as ws:
                    assert str(ws.recv(timeout=20)).startswith("Request served by ")
            with connect(urls["binance"] + "/ws/btcusdt@trade", proxy=None) as ws:
                assert receive(ws)["e"] == "trade"
            with connect(urls["coinbase"], proxy=None):
                pass
            with connect(urls["kraken"] + "/v2", proxy=None) as ws:
                assert receive(ws)["channel"] == "status"
            assert ask(urls["login"] + "/me")[0] == 401

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_all_with_1001(self, number):
        with serving("all", "--any-ports") as (line, process), contextlib.ExitStack() as stack:
            open_ones = [
                stack.enter_context(connect(url, proxy=None))
                for url, name in re.findall(r"(ws:\S+) \(([^)]+)\)", line)
                if name in ("coinbase", "echo")
            ]
            process.send_signal(number)
            for ws in open_ones:
                with contextlib.suppress(ConnectionClosedError):
                    for _ in ws:
                        pass
            assert [ws.close_code for ws in open_ones] == [1001, 1001]
            _, err = process.communicate(timeout=20)
            assert (process.returncode, err) == (0, "")

    def test_one_who_hangs_up_in_the_handshake_makes_no_noise(self):
        with serving("all", "--any-ports") as (line, _):
            for port in re.findall(r":(\d+) ", line):
                socket.create_connection(("127.0.0.1", int(port))).close()
                with socket.create_connection(("127.0.0.1", int(port))) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHos")
            # That nothing was written is what ``serving`` looks at.
