"""Access settings of a service: host names, origins, proxies, rate and connection limits.

Every service has these settings, with these names in its configuration file (docs/howto/behind-a-proxy.md). The
defaults are for loopback without a proxy.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from sealgrid.wire.rate_limit import RateLimit, TokenBuckets, client_of

LOOPBACK: Final = "127.0.0.1"
LOCAL_NAMES: Final = frozenset({LOOPBACK, "localhost"})


class ServiceAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Settings of one service; raises ValueError for an invalid URL, network or address, or half a certificate."""

    public_url: str = ""  #: URL of the service behind a proxy, as https://vault.example
    allowed_hosts: tuple[str, ...] = ()  #: further host names, without a port
    allowed_origins: tuple[str, ...] = ()  #: further origins whose pages may use the service
    trusted_proxies: tuple[str, ...] = ()  #: addresses or networks whose X-Forwarded-For is used
    requests_per_minute: int = 600  #: of one client; 0 for no limit
    connections: int = 512  #: open at the same time
    connections_per_client: int = 64  #: 0 for no limit
    head_seconds: float = 10.0  #: time limit for the head of a request
    body_seconds: float = 20.0  #: time limit for a body, plus one second for each BODY_RATE bytes
    write_seconds: float = 60.0  #: time limit for a client to read a part of its answer
    certificate: str = ""  #: PEM file with the certificate chain for TLS; empty for plain HTTP, as behind a proxy
    certificate_key: str = ""  #: PEM file with its key, without a password
    admin: str = ""  #: HOST:PORT of the admin listener, which only operators may reach; empty for none

    def __post_init__(self) -> None:
        """Validate URLs and networks, and that a certificate has its key."""
        for url in (*((self.public_url,) if self.public_url else ()), *self.allowed_origins):
            if (parts := urlsplit(url)).scheme not in {"http", "https"} or url != f"{parts.scheme}://{parts.netloc}":
                raise ValueError(
                    f"{url!r} is not a valid origin: write https://name, without a path or a slash at the end"
                )
        for network in self.trusted_proxies:
            ipaddress.ip_network(network)
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("write both certificate and certificate_key, or neither")
        _ = self.admin_address

    def relative_to(self, folder: Path) -> "ServiceAccess":
        """Return the access settings of a settings file in this folder, to which its paths are relative."""
        access = ServiceAccess(**{name: getattr(self, name) for name in ServiceAccess.__struct_fields__})
        if not access.certificate:
            return access
        certificate, key = (str(folder / each) for each in (access.certificate, access.certificate_key))
        return msgspec.structs.replace(access, certificate=certificate, certificate_key=key)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Return the accepted host names, in lower case and without ports."""
        public = urlsplit(self.public_url).hostname
        return LOCAL_NAMES | {name.lower() for name in self.allowed_hosts} | ({public} if public else set())

    @cached_property
    def origins(self) -> frozenset[str]:
        """Return the configured origins."""
        return frozenset({*self.allowed_origins, *({self.public_url} if self.public_url else ())})

    @cached_property
    def admin_address(self) -> tuple[str, int] | None:
        """Return host and port of the admin listener; None for none."""
        if not self.admin:
            return None
        host, _, port = self.admin.rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{self.admin!r} is not a valid address: write HOST:PORT, as 127.0.0.1:9100")
        return host.removeprefix("[").removesuffix("]"), int(port)

    def is_trusted_proxy(self, host: str) -> bool:
        """Return whether an address belongs to a trusted proxy."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def is_own_host(self, host: str) -> bool:
        """Return whether a Host header names this service."""
        return _host_name(host) in self.hosts

    def allows_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of this origin may use the service under this Host header."""
        return origin in self.origins or (_host_name(host) in LOCAL_NAMES and origin == f"http://{host}")

    @cached_property
    def _networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(network) for network in self.trusted_proxies)


DEFAULT_ACCESS: Final = ServiceAccess()
#: For a network on one machine: all clients share one address, so limits for each client would limit all together.
ONE_MACHINE: Final = ServiceAccess(requests_per_minute=0, connections_per_client=0)


def client_address(scope: Mapping[str, Any]) -> str:
    """Return the client of an ASGI request or WebSocket for rate limits.

    The peer's address, or the one that a trusted proxy forwarded (set in the scope by ``server.serve``); for IPv6 its
    /64 network.
    """
    client = scope.get("client")
    return client_of(client[0] if client else "")


class ClientLimit:
    """Rate limit of each client, by default the service's rate.

    Requests that a trusted proxy sends itself are not limited. ``clock`` returns monotonic seconds.
    """

    def __init__(
        self,
        access: ServiceAccess,
        rate: RateLimit | None = None,
        unit: str = "requests",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access, self._clock = access, clock
        self._buckets = TokenBuckets(rate or RateLimit(access.requests_per_minute), unit)

    def acquire(self, scope: Mapping[str, Any]) -> None:
        """Count a request; raise TooManyRequests above the rate of its client."""
        client = scope.get("client")
        if not client or not self._access.is_trusted_proxy(client[0]):
            self._buckets.acquire(client_address(scope), self._clock())


def _host_name(host: str) -> str:
    # Host is a name with an optional port; IPv6 addresses are in brackets.
    bare = host.lower()
    return bare if bare.endswith("]") else bare.rpartition(":")[0] or bare
