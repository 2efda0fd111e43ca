"""The blocking form of a network for tests: services and clients share the background event loop of the SDK."""

from collections.abc import Iterator
from contextlib import contextmanager

from sealgrid.crypto.signing import SigningKey
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.network import Network
from sealgrid.sdk.sync.background import BACKGROUND, BackgroundContext
from sealgrid.sdk.sync.client import Client
from sealgrid.testing.network import AsyncLocalNetwork, local_network_async


class LocalNetwork:
    """A network for tests; ``with local_network() as network``."""

    def __init__(self, inner: AsyncLocalNetwork) -> None:
        self._inner = inner
        self._clients: list[Client] = []

    @property
    def warning(self) -> str:
        """Return why no real secret belongs here."""
        return self._inner.warning

    @property
    def network(self) -> Network:
        """Return the network file's content: addresses, and the pins of a verifier. Its URLs work in this process."""
        return self._inner.network

    @property
    def services(self) -> tuple[str, ...]:
        """Return the names for ``stop`` and ``start``: vault-1 to vault-3, market, pool, two nodes, platform, worker.

        The storage nodes are storage and storage-2. worker2 and worker3 are stopped at first; runs without a TEE need
        several workers.
        """
        return self._inner.services

    def client(self, account: str | SigningKey = "requester") -> Client:
        """Return a client, which closes with the network.

        ``account`` is the name of a funded development account (requester, developer, owner …), or a key;
        ``client.account.fund()`` adds test credits and gas. Raises InputRefused for an unknown name.
        """
        context: BackgroundContext[AsyncClient] = BackgroundContext(self._inner.open_client(account))
        self._clients.append(Client(context.value, context))
        return self._clients[-1]

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        BACKGROUND.run(self._inner.mine(blocks))

    def advance(self, seconds: int) -> None:
        """Move the chain's clock forward and mine a block, so deadlines pass. Services keep the machine's time."""
        BACKGROUND.run(self._inner.advance(seconds))

    def stop(self, service: str) -> None:
        """Stop one service: its requests fail until it is started again; its data stay."""
        BACKGROUND.run(self._inner.stop(service))

    def start(self, service: str) -> None:
        """Start a stopped service and return when it is ready."""
        BACKGROUND.run(self._inner.start(service))

    def restart(self, service: str) -> None:
        """Stop and start one service."""
        BACKGROUND.run(self._inner.restart(service))

    def close_clients(self) -> None:
        """Close every client."""
        while self._clients:
            self._clients.pop().close()


@contextmanager
def local_network() -> Iterator[LocalNetwork]:
    """Start a network on a background thread; stop it and remove its files at the end.

    Its enclaves are SIMULATED, which a SimulatedPlatformWarning says: never use a real secret. Raises SetupMissing
    without anvil, PoCo's contracts or a working bubblewrap.
    """
    context = BackgroundContext(local_network_async())
    network = LocalNetwork(context.value)
    try:
        yield network
    finally:
        network.close_clients()
        context.close()
