"""A network file whose services nobody runs."""

from sealgrid.sdk.network import Network, VaultAddress
from sealgrid.units import Digest, to_address, to_digest

VAULTS = tuple(to_address(bytes([number]) * 20) for number in (1, 2, 3))
HUB, BROKER, POOL = (to_address(bytes([number]) * 20) for number in (0xA1, 0xB1, 0xC1))
CLOSED = "http://127.0.0.1:9"  #: the discard port, which no service opens


def network(*, folder: str = "", genesis: Digest | None = None, allow_simulated: bool = True) -> Network:
    """Return the file of a network with three vaults; ``folder`` makes it a local one."""
    return Network(
        name="quiet",
        chain=31337,
        genesis=genesis or to_digest(bytes(32)),
        rpc_url=CLOSED,
        hub=HUB,
        broker=BROKER,
        token=HUB,
        app_registry=HUB,
        dataset_registry=HUB,
        workerpool_registry=HUB,
        vaults=tuple(VaultAddress(vault, CLOSED) for vault in VAULTS),
        threshold=2,
        roots=(),
        allow_simulated=allow_simulated,
        runtimes=(),
        platform=0,
        storage_url=CLOSED,
        market_url=CLOSED,
        pool_url=CLOSED,
        workerpool=POOL,
        short_category=0,
        folder=folder,
    )
