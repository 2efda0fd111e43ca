"""A site with a real index, templates and application, on a chain and a market that tests fill."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from sealgrid.attestation.policy import Platform
from sealgrid.bundle.interpreter import running_python
from sealgrid.chain.views import AccountView
from sealgrid.errors import NotFound
from sealgrid.localnet.layout import cache_folder
from sealgrid.sdk.network import Network, VaultAddress
from sealgrid.units import ZERO_DIGEST, Address, Digest, to_address, to_digest
from sealgrid.web.api import application
from sealgrid.web.html.templates import environment
from sealgrid.web.index.reader import IndexReader
from sealgrid.web.index.store import IndexStore
from sealgrid.web.site import WALLET_COOKIE, Site
from sealgrid.web.storage_cache import AppBundles, ModelCards
from sealgrid.web.task_states import TaskStates
from sealgrid.web.wallets.dev_wallets import DevelopmentWallets
from sealgrid.web.webhooks import Webhooks
from sealgrid.wire.challenge import SENTENCE

VISITOR, OWNER = to_address(b"\x0a" * 20), to_address(b"\x0b" * 20)
ORIGIN = "http://127.0.0.1"
#: of a form that wallet.js sends for the visitor's wallet
WALLET_FORM = {"origin": ORIGIN, "x-sealgrid-wallet": "1"}
WALLET = {WALLET_COOKIE: VISITOR}


def network(**changes: Any) -> Network:
    """Return a network without running services."""
    addresses = ("hub", "broker", "token", "app_registry", "dataset_registry", "workerpool_registry", "workerpool")
    fields: dict[str, Any] = {name: to_address(bytes([n]) * 20) for n, name in enumerate(addresses, start=1)}
    urls: dict[str, Any] = dict.fromkeys(("rpc_url", "storage_url", "market_url", "pool_url"), "http://127.0.0.1:1")
    fields |= urls | {
        "name": "test",
        "chain": 31337,
        "genesis": ZERO_DIGEST,
        "vaults": (VaultAddress(to_address(b"\x20" * 20), "http://127.0.0.1:1"),),
        "threshold": 1,
        "roots": (),
        "allow_simulated": True,
        "runtimes": (),
        "platform": Platform.SIMULATED,
        "short_category": 0,
        "python": running_python(),
    }
    return Network(**fields | changes)


class SceneChain:
    """A hub with one empty category; ``accounts`` and ``tasks`` are filled by tests."""

    def __init__(self) -> None:
        self.height = 0
        self.accounts: dict[Address, AccountView] = {}
        self.node = SimpleNamespace(block=self.block, code=self.code)

    async def block(self, number: int | None = None) -> Any:
        return SimpleNamespace(number=self.height if number is None else number, timestamp=1000)

    async def code(self, address: Address) -> bytes:
        return b""

    async def account(self, address: Address) -> AccountView:
        return self.accounts.get(address, AccountView(0, 0))

    async def wallet_balance(self, address: Address) -> int:
        return 0

    async def count_categories(self) -> int:
        return 1

    async def view_category(self, category: int) -> Any:
        return SimpleNamespace(name="short", timeref=60)


class EmptyMarket:
    """A market without orders."""

    async def orders(self, kind: str, **query: str) -> list[Any]:
        return []

    async def challenge(self, address: Address) -> str:
        return SENTENCE + "x"


class EmptyStorage:
    """A storage node without files."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        raise NotFound("there is no such file.")

    async def size(self, sha256: Digest) -> int:
        raise NotFound("there is no such file.")

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        raise NotFound("there is no such file.")


def no_events(account: Address, since: int, now: int) -> list[dict[str, Any]]:
    return []


@asynccontextmanager
async def open_site(folder: Path, **connection: Any) -> AsyncIterator[Site]:
    """Open a site with an empty index; ``connection`` replaces parts of its connection."""
    store = IndexStore(folder / "index.sqlite", to_digest(b"\x11" * 32))

    hub = SceneChain()
    parts: dict[str, Any] = {"hub": hub, "node": hub.node, "network": network()}
    parts |= {"market": EmptyMarket(), "storage": EmptyStorage(), "vaults": (), "vault_addresses": ()}
    conn: Any = SimpleNamespace(**parts | connection)
    wallets, webhooks = (
        DevelopmentWallets(conn.network, None),
        Webhooks(folder / "webhooks.json", {}, no_events, time.time),
    )
    yield Site(
        network=conn.network,
        conn=conn,
        index=IndexReader(store.engine),
        app_bundles=AppBundles(conn.storage),
        model_cards=ModelCards(conn.storage),
        dev_wallets=wallets,
        templates=environment(wallets),
        webhooks=webhooks,
        task_states=TaskStates(conn, lambda: 0.0),
        clock=lambda: 1000.0,
    )
    store.close()


def browser(site: Site, cookies: dict[str, str] | None = None) -> httpx.AsyncClient:
    """Return a client of the site's application."""
    transport = httpx.ASGITransport(application(site, cache_folder()))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies)
