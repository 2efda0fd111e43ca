"""How often one client may ask: a bucket of tokens for each, which fills evenly. Pure; time is passed in."""

import ipaddress
import math
from collections import OrderedDict
from typing import Final

import msgspec

from sealgrid.errors import TooManyRequests

_MOST_CLIENTS: Final = 20_000  #: remembered; the longest silent is forgotten first, and starts full again


class RateLimit(msgspec.Struct, frozen=True):
    """So many requests a minute on average, and ``burst`` at once; a rate of 0 is no limit."""

    per_minute: float
    burst: int = 0  #: 0 for as many as in a minute


class TokenBuckets:
    """The clients' buckets; ``what`` is what they ask for."""

    def __init__(self, rate: RateLimit, what: str = "requests") -> None:
        self._what, self._per_minute = what, rate.per_minute
        self._full, self._per_second = float(rate.burst or rate.per_minute), rate.per_minute / 60
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def acquire(self, client: str, now: float) -> None:
        """Take one token; raise TooManyRequests when there is none."""
        if wait := self.take(client, now):
            seconds = math.ceil(wait)
            message = f"{self._per_minute:g} {self._what} a minute are answered; ask again in {seconds} s."
            raise TooManyRequests(message, seconds=seconds)

    def take(self, client: str, now: float) -> float:
        """Take one token; return 0, or how many seconds until there is one. ``now`` in seconds, never backwards."""
        if not self._per_second:
            return 0.0
        tokens, when = self._clients.pop(client, (self._full, now))
        tokens = min(self._full, tokens + (now - when) * self._per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
        self._clients[client] = (tokens if wait else tokens - 1, now)
        if len(self._clients) > _MOST_CLIENTS:
            self._clients.popitem(last=False)
        return wait


def client_of(host: str) -> str:
    """Return whose bucket an address takes from: its own, or for IPv6 that of its /64, which one client owns whole."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host
