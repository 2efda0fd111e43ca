"""Access settings of a local network's services, from ``services.toml`` (docs/howto/behind-a-proxy.md)."""

import codecs

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import MARKET, PLATFORM, POOL, SMS, STORAGE, VAULTS, WEB, Layout
from sealgrid.wire.service_access import ONE_MACHINE, ServiceAccess

NAMES = (STORAGE, PLATFORM, MARKET, POOL, SMS, WEB, *(f"vault-{number}" for number in range(1, VAULTS + 1)))


class ServiceSettings:
    """The settings of each service: from a table of the file, else those of a network on one machine."""

    def __init__(self, layout: Layout) -> None:
        try:
            content = layout.services.read_bytes().removeprefix(codecs.BOM_UTF8)
            self._access = msgspec.toml.decode(content, type=dict[str, ServiceAccess])
        except FileNotFoundError:
            self._access = {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputRefused(f"{layout.services} cannot be used: {error}.") from error
        if unknown := sorted(self._access.keys() - {*NAMES}):
            raise InputRefused(f"{layout.services} names {unknown[0]!r}; services are {', '.join(NAMES)}.")

    def of(self, name: str) -> ServiceAccess:
        """Return the settings of a service."""
        return self._access.get(name, ONE_MACHINE)
