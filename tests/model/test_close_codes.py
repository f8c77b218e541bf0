"""What close codes mean, and for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.close_codes import FAMILIES, REGISTERED, Family, family_of, meaning_of

NAMED = {family.name: family for family in FAMILIES}


@pytest.mark.parametrize(
    ("subprotocols", "url", "name"),
    [
        (["graphql-transport-ws"], "wss://api.example/graphql", "graphql-transport-ws"),
        ([], "wss://ws.pusherapp.com/app/k3y?protocol=7&client=js", "Pusher"),
        ([], "wss://soketi.example/app/k3y?client=js&protocol=7", "Pusher"),
        ([], "wss://live.example/connection/websocket", "Centrifugo"),
        ([], "wss://live.example/connection/websocket?format=protobuf", "Centrifugo"),
        ([], "wss://gateway.discord.gg/?v=10&encoding=json", "Discord gateway"),
        ([], "wss://gateway-us-east1-b.discord.gg", "Discord gateway"),
        ([], "wss://eventsub.wss.twitch.tv/ws", "Twitch EventSub"),
        ([], "wss://chat.example/socket.io/?EIO=4&transport=websocket", "Socket.IO"),
        ([], "wss://app.example/live/websocket?vsn=2.0.0", "Phoenix channels"),
        (["actioncable-v1-json"], "wss://app.example/cable", "Action Cable"),
        (["ocpp1.6", "ocpp2.0.1"], "wss://csms.example/CP1", "OCPP"),
        (["mqtt"], "wss://broker.example/mqtt", "MQTT"),
        (["v5.channel.k8s.io"], "wss://k8s.example/exec", "Kubernetes remote command"),
        # What is agreed on says more than the address.
        (["mqtt"], "wss://gateway.discord.gg/", "MQTT"),
    ],
)
def test_the_protocol_is_told_by_subprotocol_or_url(
    subprotocols: list[str], url: str, name: str
) -> None:
    family = family_of(subprotocols, url)
    assert family is not None
    assert family.name == name


@pytest.mark.parametrize(
    "url",
    [
        "wss://api.example/",
        "wss://evil.example/?to=wss://gateway.discord.gg/",
        "wss://gateway.discord.gg.example/",
        "wss://app.example/application/x?protocol=7",
        "wss://live.example/connection/websockets",
    ],
)
def test_another_url_tells_of_no_protocol(url: str) -> None:
    assert family_of([], url) is None


@pytest.mark.parametrize(
    ("code", "family", "name", "reconnect"),
    [
        (4401, "graphql-transport-ws", "unauthorized", "no"),
        (4429, "graphql-transport-ws", "too many initialisation requests", "no"),
        (4001, "Pusher", "application does not exist", "no"),
        (4050, "Pusher", "do not reconnect", "no"),
        (4150, "Pusher", "reconnect with back-off", "later"),
        (4299, "Pusher", "reconnect", "yes"),
        (3001, "Centrifugo", "shutdown", "yes"),
        (3008, "Centrifugo", "slow", "yes"),
        (3499, "Centrifugo", "reconnect", "yes"),
        (3500, "Centrifugo", "invalid token", "no"),
        (4999, "Centrifugo", "do not reconnect", "no"),
        (4004, "Discord gateway", "authentication failed", "no"),
        (4009, "Discord gateway", "session timed out", "yes"),
        (4003, "Twitch EventSub", "connection unused", "no"),
    ],
)
def test_a_code_means_what_its_protocol_says(
    code: int, family: str, name: str, reconnect: str
) -> None:
    meaning = meaning_of(code, NAMED[family])
    assert (meaning.family, meaning.name, meaning.reconnect) == (family, name, reconnect)
    assert meaning.candidates == ()
    assert meaning.source == NAMED[family].source


def test_a_registered_code_means_the_same_to_all() -> None:
    for family in (None, NAMED["Pusher"], NAMED["Socket.IO"]):
        meaning = meaning_of(1012, family)
        assert (meaning.family, meaning.name, meaning.kind) == (None, "service restart", "draining")


def test_who_else_uses_a_code_is_named_where_the_protocol_is_not_known() -> None:
    meaning = meaning_of(4001)
    assert (meaning.name, meaning.family, meaning.reconnect) == ("private use", None, "unknown")
    assert "Discord gateway: unknown opcode" in meaning.candidates
    assert "Pusher: application does not exist" in meaning.candidates
    assert meaning_of(3008).candidates == ("Centrifugo: slow",)
    assert meaning_of(4050).candidates == ()  # A range says nothing of its codes.


@given(code=st.integers(0, 65535), family=st.none() | st.sampled_from(FAMILIES))
def test_every_code_has_a_name(code: int, family: Family | None) -> None:
    meaning = meaning_of(code, family)
    assert meaning.name
    assert meaning.source
    assert meaning.family in (None, family and family.name)


@pytest.mark.parametrize("family", [REGISTERED, *FAMILIES], ids=lambda f: f.name)
def test_every_family_is_whole(family: Family) -> None:
    assert family.source.startswith("https://")
    assert bool(family.codes) != bool(family.note)
    assert family is REGISTERED or family.subprotocols or family.url
    single = [code.code for code in family.codes if not code.last]
    assert single == sorted(set(single))
    for code in family.codes:
        assert 1000 <= code.code <= max(code.last, code.code) <= 4999
        assert code.name
        assert code.meaning
