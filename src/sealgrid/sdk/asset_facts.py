"""Immutable facts of apps and models (name, checksum), read from the chain once for each connection."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from sealgrid.chain.assets import Assets
from sealgrid.units import Address, Digest

AssetKind = Literal["App", "Dataset"]


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """Values that an asset's contract fixes when it is created."""

    name: str
    checksum: Digest  #: an app's digest, or the SHA-256 of a model's sealed file


class AssetFactsReader:
    """Reads the facts of each asset once."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._facts: dict[tuple[AssetKind, Address], AssetFacts] = {}

    async def read(self, kind: AssetKind, asset: Address) -> AssetFacts:
        """Return an asset's facts."""
        if (kind, asset) not in self._facts:
            name, checksum = await asyncio.gather(self._assets.name(kind, asset), self._assets.checksum(kind, asset))
            self._facts[kind, asset] = AssetFacts(name, checksum)
        return self._facts[kind, asset]
