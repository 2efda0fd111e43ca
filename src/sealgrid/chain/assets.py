"""Apps, datasets and workerpools: contracts that iExec's registries make, and whose NFT is their ownership."""

from typing import Any, Literal

from sealgrid.chain import multiaddr
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.hub import Hub
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import ChainError
from sealgrid.units import Address, Digest, to_address, to_digest

Kind = Literal["App", "Dataset", "Workerpool"]
_NAME_OF = {"App": "m_appName", "Dataset": "m_datasetName", "Workerpool": "m_workerpoolDescription"}


class Assets:
    """The three registries of one hub, and what stands in them; registering a thing twice gives the same asset."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.node = hub.node

    async def create_app(self, wallet: Wallet, *, name: str, multiaddr: str, checksum: Digest) -> Address:
        """Register an app of the wallet's; ``checksum`` is its bundle's app digest and can never change."""
        return await self._create(wallet, "App", name, "DOCKER", multiaddr.encode(), checksum, b"")

    async def create_dataset(self, wallet: Wallet, *, name: str, multiaddr: str, checksum: Digest) -> Address:
        """Register a dataset of the wallet's; ``checksum`` is the sha256 of the sealed file."""
        return await self._create(wallet, "Dataset", name, multiaddr.encode(), checksum)

    async def send_dataset(self, wallet: Wallet, *, name: str, multiaddr: str, checksum: Digest) -> Address:
        """Send the registration of a dataset; return where it stands then, without a look at what came of it."""
        return (await self._send(wallet, "Dataset", name, multiaddr.encode(), checksum))[0]

    async def create_workerpool(self, wallet: Wallet, *, description: str, owner: Address | None = None) -> Address:
        """Register a workerpool of the wallet's, or of another owner's: a gate's."""
        return await self._create(wallet, "Workerpool", description, owner=owner)

    async def owner(self, asset: Address, *, at: Digest | None = None) -> Address:
        """Return who owns an asset: the holder of its NFT."""
        return Address(await self._read("App", asset, "owner", at=at))

    async def checksum(self, kind: Literal["App", "Dataset"], asset: Address, *, at: Digest | None = None) -> Digest:
        """Return an app's digest or a dataset's sealed-file hash."""
        return to_digest(await self._read(kind, asset, f"m_{kind.lower()}Checksum", at=at))

    async def multiaddr(self, kind: Literal["App", "Dataset"], asset: Address, *, at: Digest | None = None) -> str:
        """Return where an app's bundle or a dataset's sealed file is said to be, as text."""
        raw: bytes = await self._read(kind, asset, f"m_{kind.lower()}Multiaddr", at=at)
        return multiaddr.to_text(raw, whole=kind == "App")

    async def name(self, kind: Kind, asset: Address, *, at: Digest | None = None) -> str:
        """Return an asset's public name, or a pool's description."""
        return str(await self._read(kind, asset, _NAME_OF[kind], at=at))

    async def is_registered(self, kind: Kind, asset: Address, *, at: Digest | None = None) -> bool:
        """Tell whether this hub's registry made the asset."""
        return bool(await self._read(f"{kind}Registry", await self._registry(kind), "isRegistered", asset, at=at))

    async def transfer(self, wallet: Wallet, kind: Kind, asset: Address, to: Address) -> None:
        """Give an asset's NFT, and so the asset, to another account; open orders of the old owner die."""
        registry = await self._registry(kind)
        arguments = (wallet.address, to, int(asset, 16))
        await wallet.call(registry, f"{kind}Registry", "transferFrom", *arguments, doing="Giving the asset away")

    async def _create(self, wallet: Wallet, kind: Kind, *arguments: object, owner: Address | None = None) -> Address:
        foreseen, receipt = await self._send(wallet, kind, *arguments, owner=owner)
        if receipt is None:
            return foreseen
        registry = await self._registry(kind)
        topic = interface(f"{kind}Registry").topic("Transfer")
        minted = [log for log in receipt.logs if log.address == registry and log.topics[0] == topic]
        if not minted:
            raise ChainError(f"The {kind.lower()} was registered without its NFT.", money="")
        return to_address(minted[0].topics[3][-20:])

    async def _send(
        self, wallet: Wallet, kind: Kind, *arguments: object, owner: Address | None = None
    ) -> tuple[Address, TransactionReceipt | None]:
        registry, doing = await self._registry(kind), f"Registering the {kind.lower()}"
        values = (owner or wallet.address, *arguments)
        foreseen = to_address(await self._read(f"{kind}Registry", registry, f"predict{kind}", *values, at=None))
        if await self.is_registered(kind, foreseen):
            return foreseen, None  # a second registration of the same thing by the same account would revert
        return foreseen, await wallet.call(registry, f"{kind}Registry", f"create{kind}", *values, doing=doing)

    async def _registry(self, kind: Kind) -> Address:
        apps, datasets, pools = await self.hub.registries()
        return {"App": apps, "Dataset": datasets, "Workerpool": pools}[kind]

    async def _read(self, contract: str, address: Address, function: str, *arguments: object, at: Digest | None) -> Any:
        face = interface(contract)
        data = face.call_data(function, *arguments)
        return face.decode(function, await self.node.call(address, data, at=at, doing=f"Asking for {function}"))
