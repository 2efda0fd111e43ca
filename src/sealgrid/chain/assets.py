"""Apps, datasets and workerpools: contracts of iExec's registries, whose ERC-721 tokens record the owners."""

import asyncio
from typing import Any, Final, Literal

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.hub import Hub
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.digests import cid_of
from sealgrid.crypto.unixfs import base58
from sealgrid.errors import ChainError
from sealgrid.units import Address, Digest, to_address, to_digest

Kind = Literal["App", "Dataset", "Workerpool"]
_SHA256: Final = b"\x12\x20"  #: multihash: SHA-256, 32 bytes
_IPFS: Final = b"\xa5\x03\x22" + _SHA256  #: multiaddr protocol 421 (p2p, formerly ipfs), 34 bytes: the multihash
_NAME_GETTERS: Final = {"App": "m_appName", "Dataset": "m_datasetName", "Workerpool": "m_workerpoolDescription"}


class Assets:
    """The three registries of one hub. A second registration with equal values returns the same asset."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.node = hub.node

    async def create_app(self, wallet: Wallet, *, name: str, multiaddr: str, checksum: Digest) -> Address:
        """Register an app, owned by the wallet. ``checksum`` is its bundle's app digest and cannot change."""
        return await self._create(wallet, "App", name, "DOCKER", multiaddr.encode(), checksum, b"")

    async def create_dataset(self, wallet: Wallet, *, name: str, multiaddr: str, checksum: Digest) -> Address:
        """Register a dataset, owned by the wallet. ``checksum`` is the SHA-256 of the sealed file."""
        return await self._create(wallet, "Dataset", name, multiaddr.encode(), checksum)

    async def send_dataset(self, wallet: Wallet, *, name: str, multiaddr: str, checksum: Digest) -> Address:
        """Send the registration of a dataset; return its predicted address without reading the receipt."""
        return (await self._send(wallet, "Dataset", name, multiaddr.encode(), checksum))[0]

    async def create_workerpool(self, wallet: Wallet, *, description: str, owner: Address | None = None) -> Address:
        """Register a workerpool, owned by the wallet or by another account, for example a gate."""
        return await self._create(wallet, "Workerpool", description, owner=owner)

    async def owner(self, asset: Address, *, at: Digest | None = None) -> Address:
        """Return an asset's owner: the holder of its ERC-721 token."""
        return Address(await self._read("App", asset, "owner", at=at))

    async def checksum(self, kind: Literal["App", "Dataset"], asset: Address, *, at: Digest | None = None) -> Digest:
        """Return an app's digest or the SHA-256 of a dataset's sealed file."""
        return to_digest(await self._read(kind, asset, f"m_{kind.lower()}Checksum", at=at))

    async def multiaddr(self, kind: Literal["App", "Dataset"], asset: Address, *, at: Digest | None = None) -> str:
        """Return the location of an app's bundle or a dataset's sealed file, as text."""
        raw: bytes = await self._read(kind, asset, f"m_{kind.lower()}Multiaddr", at=at)
        return multiaddr_text(raw, is_raw_block=kind == "App")

    async def name(self, kind: Kind, asset: Address, *, at: Digest | None = None) -> str:
        """Return an asset's public name, or a pool's description."""
        return str(await self._read(kind, asset, _NAME_GETTERS[kind], at=at))

    async def is_registered(self, kind: Kind, asset: Address, *, at: Digest | None = None) -> bool:
        """Return whether this hub's registry created the asset."""
        return bool(await self._read(f"{kind}Registry", await self._registry(kind), "isRegistered", asset, at=at))

    async def owned(self, kind: Kind, owner: Address) -> tuple[Address, ...]:
        """Return the assets of an account, from the registry's ERC-721 enumeration."""
        registry, contract = await self._registry(kind), f"{kind}Registry"
        count = await self._read(contract, registry, "balanceOf", owner, at=None)
        tokens = await asyncio.gather(
            *(self._read(contract, registry, "tokenOfOwnerByIndex", owner, index, at=None) for index in range(count))
        )
        return tuple(to_address(int(token).to_bytes(20, "big")) for token in tokens)

    async def transfer(self, wallet: Wallet, kind: Kind, asset: Address, to: Address) -> None:
        """Transfer an asset to another account; open orders of the old owner become invalid."""
        registry = await self._registry(kind)
        arguments = (wallet.address, to, int(asset, 16))
        await wallet.call(registry, f"{kind}Registry", "transferFrom", *arguments, action="Transferring the asset")

    async def _create(self, wallet: Wallet, kind: Kind, *arguments: object, owner: Address | None = None) -> Address:
        predicted, receipt = await self._send(wallet, kind, *arguments, owner=owner)
        if receipt is None:
            return predicted
        registry = await self._registry(kind)
        topic = interface(f"{kind}Registry").topic("Transfer")
        minted = [log for log in receipt.logs if log.address == registry and log.topics[0] == topic]
        if not minted:
            raise ChainError(f"The {kind.lower()} was registered without its ERC-721 token.", money="")
        return to_address(minted[0].topics[3][-20:])

    async def _send(
        self, wallet: Wallet, kind: Kind, *arguments: object, owner: Address | None = None
    ) -> tuple[Address, TransactionReceipt | None]:
        registry, action = await self._registry(kind), f"Registering the {kind.lower()}"
        values = (owner or wallet.address, *arguments)
        predicted = to_address(await self._read(f"{kind}Registry", registry, f"predict{kind}", *values, at=None))
        if await self.is_registered(kind, predicted):
            return predicted, None  # a second registration with equal values would revert
        return predicted, await wallet.call(registry, f"{kind}Registry", f"create{kind}", *values, action=action)

    async def _registry(self, kind: Kind) -> Address:
        apps, datasets, pools = await self.hub.registries()
        return {"App": apps, "Dataset": datasets, "Workerpool": pools}[kind]

    async def _read(self, contract: str, address: Address, function: str, *arguments: object, at: Digest | None) -> Any:
        abi = interface(contract)
        data = abi.call_data(function, *arguments)
        return abi.decode(function, await self.node.call(address, data, at=at, action=f"Reading {function}"))


def multiaddr_text(raw: bytes, *, is_raw_block: bool) -> str:
    """Return a multiaddr as text. Sealgrid stores text; iExec's SDK stores ``/ipfs/...`` as a binary multiaddr.

    The binary form holds the multihash only, not the codec of the CID. With ``is_raw_block`` the content is one raw
    block, as every bundle is; otherwise the multihash is read as a CIDv0. Bytes that are not valid UTF-8 are replaced.
    """
    if raw[: len(_IPFS)] != _IPFS or len(raw) != len(_IPFS) + 32:
        return raw.decode(errors="replace")
    digest = raw[len(_IPFS) :]
    return f"/ipfs/{cid_of(to_digest(digest)) if is_raw_block else base58(_SHA256 + digest)}"
