"""Timers that end WebSockets: what proxies, load balancers and clouds do if nobody changed it.

An end that comes after just such a silence, or at just such an age, is hardly by chance.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

__all__ = ["TIMERS", "Counts", "Lapse", "Match", "Timer", "match_timers", "ping_interval"]

Counts = Literal["either", "client", "server", "life"]
"""What restarts a timer: frames of either side, of the client only, of the server only, nothing."""


class Timer(msgspec.Struct, frozen=True):
    """A timer of a product, at its default.

    Attributes:
        product: its name.
        seconds: after which it ends a connection.
        counts: what restarts it; ``"life"`` if nothing does.
        setting: what to change, if it can be changed.
        source: the page that says so.
        tolerance: seconds by which the end may miss it, in either direction: timers are checked
            now and then, and the network takes its time.
        note: what else there is to know.
        silent: it may end the connection without a word, so that only the next frame sent is
            answered, with a reset.
        family: it is no proxy's but that of the servers of a protocol, named as in
            :mod:`checkwire.model.close_codes`; it only counts where that is spoken.
    """

    product: str
    seconds: float
    counts: Counts
    setting: str
    source: str
    tolerance: float = 1.0
    note: str = ""
    silent: bool = False
    family: str | None = None


class Lapse(msgspec.Struct, frozen=True, kw_only=True):
    """How long a connection that ended had been there, and silent, in seconds.

    Pings and pongs are frames like others. The Close frame that ended it is not counted.

    Attributes:
        lifetime: since it opened.
        sent: since the client sent its last frame, or it opened.
        received: since the server's last frame came, or it opened.
        before: how long it had been silent when the client sent that last frame.
        reset: whether it ended by a reset.
    """

    lifetime: float
    sent: float
    received: float
    before: float = 0.0
    reset: bool = False


class Match(msgspec.Struct, frozen=True):
    """Timers that may have ended a connection.

    Attributes:
        timers: those that fit best, all of the same seconds; never empty.
        measured: how long what they count had lasted.
        idle: whether it was a silence; else the age of the connection.
        also: timers of the same seconds that count the age, where both fit.
    """

    timers: tuple[Timer, ...]
    measured: float
    idle: bool
    also: tuple[Timer, ...] = ()

    @property
    def seconds(self) -> float:
        """At which the timers are set."""
        return self.timers[0].seconds


_LB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/"

TIMERS = (
    Timer(
        "nginx",
        60,
        "either",
        "proxy_read_timeout",
        "https://nginx.org/en/docs/http/websocket.html",
        note="pings of the server keep it open too",
    ),
    Timer(
        "Ingress-NGINX",
        60,
        "either",
        "annotation nginx.ingress.kubernetes.io/proxy-read-timeout",
        "https://kubernetes.github.io/ingress-nginx/user-guide/miscellaneous/#websockets",
    ),
    Timer(
        "AWS Application Load Balancer",
        60,
        "either",
        "idle_timeout.timeout_seconds",
        _LB + "application/edit-load-balancer-attributes.html",
        note="TCP keepalive does not restart it",
    ),
    Timer(
        "AWS Classic Load Balancer",
        60,
        "either",
        "ConnectionSettings.IdleTimeout",
        _LB + "classic/config-idle-timeout.html",
        note="TCP keepalive does not restart it",
    ),
    Timer(
        "AWS Network Load Balancer",
        350,
        "either",
        "tcp.idle_timeout.seconds",
        _LB + "network/update-idle-timeout.html",
        4.0,
        "a TLS listener's cannot be changed",
        silent=True,
    ),
    Timer(
        "Amazon API Gateway",
        600,
        "either",
        "",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
        "apigateway-execution-service-websocket-limits-table.html",
        6.0,
    ),
    Timer(
        "Amazon API Gateway",
        7200,
        "life",
        "",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/"
        "apigateway-execution-service-websocket-limits-table.html",
        60.0,
    ),
    Timer(
        "Amazon CloudFront",
        600,
        "server",
        "",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html",
        6.0,
        "only what the origin sends restarts it; it answers pings",
    ),
    Timer(
        "Google Cloud Application Load Balancer",
        30,
        "life",
        "backend service timeout (timeoutSec)",
        "https://cloud.google.com/load-balancing/docs/https#timeout-backend-service",
    ),
    Timer(
        "Google Cloud Run",
        300,
        "life",
        "request timeout (gcloud run services update --timeout)",
        "https://cloud.google.com/run/docs/configuring/request-timeout",
        3.0,
        "the default; 60 minutes at most",
    ),
    Timer(
        "Google Cloud Run",
        3600,
        "life",
        "",
        "https://cloud.google.com/run/docs/configuring/request-timeout",
        30.0,
        "at most",
    ),
    Timer(
        "Azure Load Balancer",
        240,
        "either",
        "idleTimeoutInMinutes",
        "https://learn.microsoft.com/en-us/azure/load-balancer/load-balancer-tcp-idle-timeout",
        4.0,
        "4 to 30 minutes",
        silent=True,
    ),
    Timer(
        "Azure Front Door",
        300,
        "either",
        "",
        "https://learn.microsoft.com/en-us/azure/frontdoor/standard-premium/websocket",
        3.0,
    ),
    Timer(
        "Azure Front Door",
        14400,
        "life",
        "",
        "https://learn.microsoft.com/en-us/azure/frontdoor/standard-premium/websocket",
        60.0,
    ),
    Timer(
        "Heroku",
        55,
        "either",
        "",
        "https://help.heroku.com/BZGH6WMY/"
        "why-do-my-websocket-requests-have-high-service-times-in-the-router-logs",
        note="the router logs H15",
    ),
    Timer(
        "Cloudflare",
        100,
        "either",
        "Proxy Read Timeout (Enterprise)",
        "https://community.cloudflare.com/t/cloudflare-websocket-timeout/5865",
        2.0,
    ),
    Timer(
        "Envoy",
        300,
        "either",
        "stream_idle_timeout",
        "https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts",
        3.0,
    ),
    Timer(
        "HAProxy",
        3600,
        "either",
        "timeout tunnel",
        "https://docs.haproxy.org/2.8/configuration.html#4.2-timeout%20tunnel",
        30.0,
        "no default, but what its manual and most configurations have; without it, timeout client "
        "and timeout server count",
    ),
    Timer(
        "Kubernetes kubelet",
        14400,
        "either",
        "streamingConnectionIdleTimeout",
        "https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/",
        60.0,
        "exec, attach and port-forward",
    ),
    Timer(
        "Binance",
        86400,
        "life",
        "",
        "https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams",
        300.0,
    ),
    Timer(
        "Phoenix",
        60,
        "client",
        "websocket: [timeout: ...] of the socket",
        "https://hexdocs.pm/phoenix/Phoenix.Endpoint.html#socket/3-websocket-configuration",
        family="Phoenix channels",
    ),
)
"""What is known. Left out: what has no default of its own (Apache's ``ProxyWebsocketIdleTimeout``,
Caddy's ``stream_timeout``, Traefik, Istio), or no longer has (fly.io)."""

_NEXT_USE = 10.0
"""Seconds within which a frame is answered by a reset, where a timer ended it without a word."""


def match_timers(
    lapse: Lapse, timers: Iterable[Timer] = TIMERS, family: str | None = None
) -> Match | None:
    """The timers that fit the end of a connection best; ``None`` if none does.

    The nearest wins. Where a silence and the age fit equally well, as on a connection that was
    silent from the beginning, it is the silence.

    Args:
        lapse: how long it had been there, and silent.
        timers: those to consider.
        family: the protocol that is spoken, if it is known.
    """
    timers = tuple(timers)
    near: dict[tuple[float, bool], list[tuple[float, Timer]]] = {}
    for timer in timers:
        if timer.family is not None and timer.family != family:
            continue
        measured = _measured(timer, lapse)
        if abs(measured - timer.seconds) <= timer.tolerance:
            key = (timer.seconds, timer.counts != "life")
            near.setdefault(key, []).append((measured, timer))
    if not near:
        return _match_late(lapse, timers, family)
    seconds, idle = min(
        near,
        key=lambda key: (min(abs(m - key[0]) for m, _ in near[key]) / key[0], not key[1]),
    )
    # A connection that was silent from the beginning is as old as it is silent.
    if not idle and (seconds, True) in near:
        idle = abs(near[seconds, True][0][0] - near[seconds, False][0][0]) < 1.0
    found = near[seconds, idle]
    also = near.get((seconds, False), []) if idle else []
    measured = min((m for m, _ in found), key=lambda m: abs(m - seconds))
    return Match(tuple(t for _, t in found), measured, idle, tuple(t for _, t in also))


def _measured(timer: Timer, lapse: Lapse) -> float:
    if timer.counts == "life":
        return lapse.lifetime
    if timer.counts == "client":
        return lapse.sent
    if timer.counts == "server":
        return lapse.received
    return min(lapse.sent, lapse.received)


def _match_late(lapse: Lapse, timers: Iterable[Timer], family: str | None) -> Match | None:
    """What had ended the connection before, if a frame after a long silence was reset."""
    if not lapse.reset or lapse.sent > min(lapse.received, _NEXT_USE):
        return None
    found = [
        timer
        for timer in timers
        if timer.silent
        and timer.family in (None, family)
        and timer.seconds - timer.tolerance <= lapse.before
    ]
    if not found:
        return None
    nearest = max(timer.seconds for timer in found)
    return Match(tuple(t for t in found if t.seconds == nearest), lapse.before, True)


def ping_interval(seconds: float) -> float:
    """How often to ping so that a timer of so many seconds never runs out: well below it.

    Half of it, so that one ping may be lost, rounded down to what one would write.
    """
    half = seconds / 2
    for step in (3600, 300, 60, 30, 5, 1):
        if half >= 2 * step or half == step:
            return float(half // step * step)
    return half
