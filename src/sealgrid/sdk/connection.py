"""The open connections of one account to all services of a network."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx

from sealgrid.chain.assets import Assets
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.sdk.asset_facts import AssetFactsReader
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations.stage_reader import StageReader
from sealgrid.storage.mirrors import open_mirrors
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.market import MarketClient
from sealgrid.wire.pool import PoolClient
from sealgrid.wire.storage import StorageClient, TicketSigner
from sealgrid.wire.vault import VaultClient

PATIENCE_SECONDS = 20.0  #: for one reply
PIECE_SECONDS = 60.0  #: for one piece of a file: 18 kB a second


@dataclass(frozen=True, slots=True)
class Connection:
    """The clients that all operations of the SDK use."""

    network: Network
    key: SigningKey = field(repr=False)
    node: Node
    hub: Hub
    asset_facts: AssetFactsReader
    wallet: Wallet
    storage: RemoteFiles
    storage_nodes: tuple[StorageClient, ...]  #: the same nodes, individually
    market: MarketClient
    pool: PoolClient
    stage_reader: StageReader
    vaults: tuple[VaultClient, ...]  #: in the order of network.vaults
    logs: tuple[LogClient, ...]  #: theirs
    clock: Callable[[], float] = time.time

    @property
    def address(self) -> Address:
        """Return the account's address."""
        return self.key.address

    @property
    def domain(self) -> Domain:
        """Return the domain of Sealgrid's statements on this network."""
        return Domain(chain=self.network.chain, broker=self.network.broker)

    @property
    def order_domain(self) -> OrderDomain:
        """Return the domain of PoCo's orders on this network."""
        return OrderDomain(chain=self.network.chain, hub=self.network.hub)

    @property
    def vault_addresses(self) -> tuple[Address, ...]:
        """Return the addresses of the federation's vaults, ascending."""
        return tuple(vault.address for vault in self.network.vaults)


@contextlib.asynccontextmanager
async def connect(
    network: Network,
    key: SigningKey,
    *,
    http: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Connection]:
    """Open the connections of one account; nothing is sent before the first request.

    ``http`` sends the requests to all services (see ``HttpTransport``); ``clock`` returns Unix seconds.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def transport(url: str, name: str) -> HttpTransport:
            return await stack.enter_async_context(HttpTransport(url, name=name, timeout=PATIENCE_SECONDS, http=http))

        vaults = [await transport(vault.url, f"vault {vault.address}") for vault in network.vaults]
        node = await stack.enter_async_context(Node(network.rpc_url))
        pool = PoolClient(await transport(network.pool_url, "the pool"))
        domain = Domain(chain=network.chain, broker=network.broker)
        stores = tuple(
            [
                StorageClient(await transport(url, "the storage node"), TicketSigner(url, key, domain, clock))
                for url in network.storage_nodes
            ]
        )
        hub = Hub(node, network.hub)
        yield Connection(
            network=network,
            key=key,
            node=node,
            hub=hub,
            asset_facts=AssetFactsReader(Assets(hub)),
            wallet=Wallet(node, key),
            storage=RemoteFiles(
                *stores,
                mirrors=await open_mirrors(network.storage_mirrors, lambda url: transport(url, "the mirror")),
                request_seconds=PIECE_SECONDS,
            ),
            storage_nodes=stores,
            market=MarketClient(await transport(network.market_url, "the market"), network.chain),
            pool=pool,
            stage_reader=StageReader(pool, network.chain, key, clock),
            vaults=tuple(VaultClient(vault) for vault in vaults),
            logs=tuple(LogClient(vault) for vault in vaults),
            clock=clock,
        )
