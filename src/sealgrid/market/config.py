"""What a market is told at its start."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.units import Address, Digest


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """One order book for one hub."""

    folder: Path
    rpc_url: str
    chain: int
    genesis: Digest
    hub: Address
    orders_per_signer: int = 200  #: open at one time, of one kind
