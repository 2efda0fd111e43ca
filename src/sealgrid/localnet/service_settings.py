"""Access settings of a local network's services, from ``services.toml`` (docs/howto/behind-a-proxy.md)."""

import codecs
from typing import Final

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import (
    AUTHORITY,
    CHAIN_PROXY,
    FAUCET,
    MARKET,
    PLATFORM,
    POOL,
    SMS,
    STORAGE,
    VAULTS,
    WEB,
    Layout,
)
from sealgrid.localnet.public_address import PublicAddress
from sealgrid.wire.service_access import ONE_MACHINE, ServiceAccess

NAMES = (
    STORAGE,
    PLATFORM,
    MARKET,
    POOL,
    SMS,
    WEB,
    *(f"vault-{number}" for number in range(1, VAULTS + 1)),
    CHAIN_PROXY,
    FAUCET,
    AUTHORITY,
)
#: Requests a minute of one client of a shared network, where they differ from the default.
SHARED_RATES: Final = {STORAGE: 3000, POOL: 1800, CHAIN_PROXY: 6000}


class ServiceSettings:
    """The settings of each service: from a table of the file, else those of a network on one machine.

    With an ``address`` other machines reach the services there; the default limits then apply to each of them.
    """

    def __init__(self, layout: Layout, address: PublicAddress | None = None) -> None:
        self._address = address
        try:
            content = layout.services.read_bytes().removeprefix(codecs.BOM_UTF8)
            self._access = msgspec.toml.decode(content, type=dict[str, ServiceAccess])
        except FileNotFoundError:
            self._access = {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputRefused(f"{layout.services} cannot be used: {error}.") from error
        if unknown := sorted(self._access.keys() - {*NAMES}):
            raise InputRefused(f"{layout.services} names {unknown[0]!r}; services are {', '.join(NAMES)}.")

    def of(self, name: str, url: str = "") -> ServiceAccess:
        """Return the settings of a service that answers at ``url``."""
        address = self._address
        if address is None or name == PLATFORM:
            return self._access.get(name, ONE_MACHINE)
        default = ServiceAccess(requests_per_minute=SHARED_RATES.get(name, ServiceAccess().requests_per_minute))
        own = self._access.get(name, default)
        return msgspec.structs.replace(
            own,
            public_url=own.public_url or url,
            allowed_hosts=(*own.allowed_hosts, address.url_host),
            # Other services of this machine call from this address, and a limit would stop them.
            trusted_proxies=(*own.trusted_proxies, address.ip),
            certificate=str(address.certificate or own.certificate),
            certificate_key=str(address.certificate_key or own.certificate_key),
        )
