"""Runs the web app: follows the chain into the index and serves the pages."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sealgrid.chain.accounts import development_key
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations.fetch_receipt import fetch_verified_receipt
from sealgrid.units import Address
from sealgrid.web.api import application
from sealgrid.web.chain_view import MAX_BLOCKS_BEHIND
from sealgrid.web.html.templates import environment
from sealgrid.web.index.indexer import ChainIndexer
from sealgrid.web.index.reader import IndexReader
from sealgrid.web.index.receipt_reader import ReceiptReader
from sealgrid.web.index.store import IndexStore
from sealgrid.web.index.summary_reader import SummaryReader
from sealgrid.web.index.summary_store import SummaryStore
from sealgrid.web.pages.notifications import event_document
from sealgrid.web.site import Site
from sealgrid.web.storage_cache import AppBundles, ModelCards
from sealgrid.web.task_states import TaskStates
from sealgrid.web.timeline_limits import TimelineLimits
from sealgrid.web.wallets.dev_wallets import DevelopmentWallets
from sealgrid.web.webhooks import Webhooks
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess
from sealgrid.wire.service_monitor import ServiceMonitor


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Settings of the web app, read once at start."""

    folder: Path  #: of the chain index, which can be rebuilt at any time
    network: Network
    libraries: Path  #: folder of the pinned third-party scripts
    storage_key_file: Path | None = None  #: key of the account that uploads visitors' files
    access: ServiceAccess = DEFAULT_ACCESS
    timelines_per_client: int = 20  #: live timelines that one client may have open
    timelines_per_task: int = 50
    data: Path | None = None  #: data folder of the development accounts; None disables the built-in wallets
    rpc_url: str = ""  #: node of the chain for the pages themselves; empty for the one in the network file


async def run(config: WebConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    if config.storage_key_file is None:
        key = SigningKey.generate()  # reads only; owns nothing
    else:
        key = SigningKey.from_bytes(bytes.fromhex(config.storage_key_file.read_text().strip().removeprefix("0x")))
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = IndexStore(config.folder / "index.sqlite", config.network.genesis)
    dev_wallets = DevelopmentWallets(config.network, config.data)
    try:
        own_view = replace(config.network, rpc_url=config.rpc_url or config.network.rpc_url)
        async with connect(own_view, key) as conn:
            summaries = SummaryReader(conn, SummaryStore(store.engine), time.time)
            index = IndexReader(store.engine)
            webhooks = _webhooks(config, dev_wallets, index)
            receipts = ReceiptReader(store, partial(fetch_verified_receipt, conn), time.time)
            new_blocks = NewBlocks(conn.node.url)
            background = (new_blocks, ChainIndexer(conn.hub, store, new_blocks), receipts, summaries, webhooks)
            indexing = [asyncio.create_task(each.run()) for each in background]
            site = Site(
                network=config.network,
                conn=conn,
                index=index,
                app_bundles=AppBundles(conn.storage),
                model_cards=ModelCards(conn.storage),
                dev_wallets=dev_wallets,
                templates=environment(dev_wallets),
                webhooks=webhooks,
                task_states=TaskStates(conn, time.monotonic),
                timeline_limits=TimelineLimits(config.timelines_per_client, config.timelines_per_task),
            )
            try:
                app = application(site, config.libraries, config.access)
                await serve_monitored(app, sock, ready, config.access, _monitor(site))
            finally:
                for task in indexing:
                    task.cancel()
                await asyncio.gather(*indexing, return_exceptions=True)
    finally:
        await dev_wallets.close()
        store.close()


def _webhooks(config: WebConfig, dev_wallets: DevelopmentWallets, index: IndexReader) -> Webhooks:
    names = dev_wallets.choices if dev_wallets.is_enabled else ()
    addresses = {name: development_key(name).address for name in names}

    def documents(account: Address, since: int, now: int) -> list[dict[str, Any]]:
        return [event_document(event) for event in index.events(account, since, now)]

    return Webhooks(config.folder / "webhooks.json", addresses, documents, time.time)


def _monitor(site: Site) -> ServiceMonitor:
    async def check_index() -> None:
        head = await site.hub.node.block()
        if site.index.height() < head.number - MAX_BLOCKS_BEHIND:
            raise ServiceUnavailable("the index is behind the chain.", money="")

    monitor = ServiceMonitor("web")
    monitor.add_gauge("indexed", "Assets on the chain, by kind, and verified answers.", site.index.counts)
    monitor.add_check("index", check_index)
    return monitor
