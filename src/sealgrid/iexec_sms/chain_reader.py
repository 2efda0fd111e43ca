"""What the chain says of an asset at a confirmed block: the vaults believe no newer one."""

from typing import Literal

from sealgrid.chain.assets import Assets
from sealgrid.chain.blocks import confirmation_of
from sealgrid.chain.hub import Hub
from sealgrid.iexec_sms.key_splitter import SecretAsset
from sealgrid.units import Address


class AssetReader:
    """The face's view of one hub."""

    def __init__(self, hub: Hub, chain: int) -> None:
        self._node, self._assets, self._confirmed = hub.node, Assets(hub), confirmation_of(chain).block

    async def asset(self, kind: Literal["App", "Dataset"], address: Address) -> SecretAsset | None:
        """Return a registered app or dataset, or None."""
        at = (await self._node.confirmed_block(self._confirmed)).hash
        if not await self._assets.is_registered(kind, address, at=at):
            return None
        owner = await self._assets.owner(address, at=at)
        return SecretAsset(address, owner, await self._assets.checksum(kind, address, at=at))
