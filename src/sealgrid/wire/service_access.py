"""Who may ask a service: under which names, from which pages, through which proxies, and how often.

The settings are the same for every service and have these names in every configuration file
(docs/howto/behind-a-proxy.md). The defaults suit a service on loopback without a proxy.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from sealgrid.wire.rate_limit import RateLimit, TokenBuckets, client_of

LOOPBACK: Final = "127.0.0.1"
LOCAL_NAMES: Final = frozenset({LOOPBACK, "localhost"})


class ServiceAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Settings of one service; raises ValueError for a URL, origin or network that is malformed."""

    public_url: str = ""  #: where clients reach the service through a proxy, as https://vault.example
    allowed_hosts: tuple[str, ...] = ()  #: names besides loopback's and public_url's, without a port
    allowed_origins: tuple[str, ...] = ()  #: origins besides public_url's whose pages may use the service
    trusted_proxies: tuple[str, ...] = ()  #: addresses or networks whose X-Forwarded-For is believed
    requests_per_minute: int = 600  #: of one client; 0 for no limit, where all clients share one address
    connections: int = 512  #: open at one time
    connections_per_client: int = 64  #: of them; 0 for no limit
    head_seconds: float = 10.0  #: in which the head of a request must be complete
    body_seconds: float = 20.0  #: in which a body must be complete, and a second more for each BODY_RATE bytes
    write_seconds: float = 60.0  #: in which a client must read a part of what waits for it

    def __post_init__(self) -> None:
        """Check what must be well formed."""
        for url in (*((self.public_url,) if self.public_url else ()), *self.allowed_origins):
            if (parts := urlsplit(url)).scheme not in {"http", "https"} or url != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(f"{url!r} is no origin: write https://name, without a path or a slash at the end")
        for network in self.trusted_proxies:
            ipaddress.ip_network(network)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Return the names under which the service answers, in lower case and without ports."""
        public = urlsplit(self.public_url).hostname
        return LOCAL_NAMES | {name.lower() for name in self.allowed_hosts} | ({public} if public else set())

    @cached_property
    def origins(self) -> frozenset[str]:
        """Return the origins that are configured."""
        return frozenset({*self.allowed_origins, *({self.public_url} if self.public_url else ())})

    def trusts(self, host: str) -> bool:
        """Return whether an address is a trusted proxy's."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def names(self, host: str) -> bool:
        """Return whether a Host header names this service."""
        return _host_name(host) in self.hosts

    def takes(self, origin: str, host: str) -> bool:
        """Return whether a page of this origin may use the service that it reached under this Host header."""
        return origin in self.origins or (_host_name(host) in LOCAL_NAMES and origin == f"http://{host}")

    @cached_property
    def _networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(network) for network in self.trusted_proxies)


DEFAULT_ACCESS: Final = ServiceAccess()
#: Of a network on one machine, where every client has the same address and limits per client would be limits of all.
ONE_MACHINE: Final = ServiceAccess(requests_per_minute=0, connections_per_client=0)


def client_address(scope: Mapping[str, Any]) -> str:
    """Return the client of an ASGI request or WebSocket, as limits count clients.

    It is the address of the peer, or the one that a trusted proxy forwarded (``serving.serve`` has put it in the
    scope); for IPv6 its /64.
    """
    client = scope.get("client")
    return client_of(client[0] if client else "")


class ClientLimit:
    """How often each client may ask: the service's own rate, unless another is given.

    A trusted proxy that forwards for nobody is a program of the operator's, and is not limited. ``clock`` in seconds,
    never backwards.
    """

    def __init__(
        self,
        access: ServiceAccess,
        rate: RateLimit | None = None,
        what: str = "requests",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access, self._clock = access, clock
        self._buckets = TokenBuckets(rate or RateLimit(access.requests_per_minute), what)

    def acquire(self, scope: Mapping[str, Any]) -> None:
        """Count a request; raise TooManyRequests where its client asks too often."""
        client = scope.get("client")
        if not client or not self._access.trusts(client[0]):
            self._buckets.acquire(client_address(scope), self._clock())


def _host_name(host: str) -> str:
    # A Host header is a name, with a port or not; an IPv6 address stands in brackets.
    bare = host.lower()
    return bare if bare.endswith("]") else bare.rpartition(":")[0] or bare
