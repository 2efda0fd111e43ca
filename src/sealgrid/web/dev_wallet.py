"""The built-in development wallet: on a local network a newcomer acts as one of the named accounts."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.errors import InputRefused
from sealgrid.sdk.client import AsyncClient, connect_async
from sealgrid.sdk.network import Network
from sealgrid.units import Address

OFFERED = ("requester", "owner", "developer", "requester2", "stranger")  #: who a newcomer may be, the first by default


class DevelopmentWallets:
    """Open clients of development accounts; ``data`` None means that there is no built-in wallet here."""

    def __init__(self, network: Network, data: Path | None) -> None:
        self._network, self._data = network, data if network.folder else None
        self._clients: dict[str, AsyncClient] = {}
        self._stack, self._lock = AsyncExitStack(), asyncio.Lock()
        self._names = {development_key(name).address: name for name in NAMES} if network.folder else {}

    offered = OFFERED

    @property
    def built_in(self) -> bool:
        """Tell whether pages may act for development accounts."""
        return self._data is not None

    def chosen(self, cookie: str | None) -> str:
        """Return which account a browser acts as; empty where it has to bring its own wallet."""
        if not self.built_in:
            return ""
        return cookie if cookie in OFFERED else OFFERED[0]

    def address(self, name: str) -> Address | None:
        """Return the address of a development account; None for no name."""
        return development_key(name).address if name else None

    def name(self, address: str) -> str:
        """Return the name of a development account on a local network; empty for any other address."""
        return self._names.get(Address(address), "")

    async def client(self, name: str) -> AsyncClient:
        """Return the open client of an account; raise InputRefused where there is no built-in wallet."""
        if not self.built_in or name not in OFFERED:
            raise InputRefused("no built-in wallet acts for this account here; use the SDK or the command line.")
        async with self._lock:
            if name not in self._clients:
                opened = connect_async(name, network=self._network, data=self._data)
                self._clients[name] = await self._stack.enter_async_context(opened)
            return self._clients[name]

    async def close(self) -> None:
        """Close every client."""
        await self._stack.aclose()
