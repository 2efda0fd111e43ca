"""Built-in development wallets: on a local network, visitors act as one of the named development accounts."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.errors import InputRefused
from sealgrid.sdk.client import AsyncClient, connect_async
from sealgrid.sdk.network import Network
from sealgrid.units import Address

CHOICES: Final = (
    "requester",
    "owner",
    "developer",
    "requester2",
    "stranger",
)  #: accounts to choose; the first by default


class DevelopmentWallets:
    """Open clients of development accounts; disabled if ``data`` is None or the network is not local."""

    choices = CHOICES

    def __init__(self, network: Network, data: Path | None) -> None:
        self._network, self._data = network, data if network.folder else None
        self._clients: dict[str, AsyncClient] = {}
        self._stack, self._lock = AsyncExitStack(), asyncio.Lock()
        self._names = {development_key(name).address: name for name in NAMES} if network.folder else {}

    @property
    def is_enabled(self) -> bool:
        """Return whether visitors may act as development accounts."""
        return self._data is not None

    def choose(self, cookie: str | None) -> str:
        """Return the account of a browser's cookie or the default one; empty if disabled."""
        if not self.is_enabled:
            return ""
        return cookie if cookie in CHOICES else CHOICES[0]

    def address(self, name: str) -> Address | None:
        """Return the address of a development account; None for an empty name."""
        return development_key(name).address if name else None

    def name(self, address: str) -> str:
        """Return the name of a development account on a local network; empty for any other address."""
        return self._names.get(Address(address), "")

    async def client(self, name: str) -> AsyncClient:
        """Return the open client of an account; raise InputRefused if development wallets are disabled."""
        if not self.is_enabled or name not in CHOICES:
            raise InputRefused("this site has no built-in wallet for this account; use the SDK or the command line.")
        async with self._lock:
            if name not in self._clients:
                opened = connect_async(name, network=self._network, data=self._data)
                self._clients[name] = await self._stack.enter_async_context(opened)
            return self._clients[name]

    async def close(self) -> None:
        """Close every client."""
        await self._stack.aclose()
