"""What a client of a network believes without asking anyone; light, so that receipts verify without any connection."""

from sealgrid.receipts.report import TrustPins
from sealgrid.sdk.network import Network


def pins_of(network: Network) -> TrustPins:
    """Return the pins of a network file."""
    return TrustPins(
        chain=network.chain,
        hub=network.hub,
        broker=network.broker,
        vaults=tuple(vault.address for vault in network.vaults),
        t=network.threshold,
        roots=tuple(root.trusted() for root in network.roots),
        runtimes=frozenset(network.runtimes),
        allow_simulated=network.allow_simulated,
    )
