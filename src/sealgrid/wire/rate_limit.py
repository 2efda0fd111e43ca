"""Token bucket rate limit for each client. Pure: time is an argument."""

import ipaddress
import math
from collections import OrderedDict
from typing import Final

import msgspec

from sealgrid.errors import TooManyRequests

_MAX_CLIENTS: Final = 20_000  #: tracked; the longest silent is dropped first and starts with a full bucket


class RateLimit(msgspec.Struct, frozen=True):
    """Average requests per minute, with bursts of ``burst``; a rate of 0 means no limit."""

    per_minute: float
    burst: int = 0  #: 0 for the requests of one minute


class TokenBuckets:
    """One bucket for each client; ``unit`` names the limited requests in the error message."""

    def __init__(self, rate: RateLimit, unit: str = "requests") -> None:
        self._unit, self._per_minute = unit, rate.per_minute
        self._full, self._per_second = float(rate.burst or rate.per_minute), rate.per_minute / 60
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, time of the last change

    def acquire(self, client: str, now: float) -> None:
        """Take one token; raise TooManyRequests if there is none."""
        if wait := self.take(client, now):
            seconds = math.ceil(wait)
            message = f"{self._per_minute:g} {self._unit} a minute are answered; ask again in {seconds} s."
            raise TooManyRequests(message, seconds=seconds)

    def take(self, client: str, now: float) -> float:
        """Take one token; return 0, or the seconds until there is one. ``now`` is monotonic seconds."""
        if not self._per_second:
            return 0.0
        tokens, when = self._clients.pop(client, (self._full, now))
        tokens = min(self._full, tokens + (now - when) * self._per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
        self._clients[client] = (tokens if wait else tokens - 1, now)
        if len(self._clients) > _MAX_CLIENTS:
            self._clients.popitem(last=False)
        return wait


def client_of(host: str) -> str:
    """Return the bucket of an address: the address, or for IPv6 its /64 network, which one client usually owns."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host
