"""Settings of a storage node, which starts before the contracts are deployed and waits for this file."""

import msgspec

from sealgrid.crypto.signing import Domain
from sealgrid.units import Address


class StorageSettings(msgspec.Struct, frozen=True):
    """The contracts' domain, where to read the chain, the services that may upload, and all nodes."""

    domain: Domain
    chain_url: str
    services: frozenset[Address]
    nodes: tuple[str, ...] = ()  #: URLs of the network's storage nodes
