"""Run the web app: follow the chain into its index, serve the pages."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from sealgrid.crypto.signing import SigningKey
from sealgrid.sdk.connection import connect
from sealgrid.web.api import application
from sealgrid.web.app_bundles import AppBundles
from sealgrid.web.config import WebConfig
from sealgrid.web.dev_wallet import DevelopmentWallets
from sealgrid.web.index.index import IndexReader
from sealgrid.web.index.indexer import ChainIndexer
from sealgrid.web.index.store import IndexStore
from sealgrid.web.model_cards import ModelCards
from sealgrid.web.rendering import environment
from sealgrid.web.site import Site
from sealgrid.web.timeline_limits import TimelineLimits
from sealgrid.wire.server import serve


async def run(config: WebConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = IndexStore(config.folder / "index.sqlite", config.network.genesis)
    people = DevelopmentWallets(config.network, config.data)
    try:
        async with connect(config.network, _key(config)) as reader:
            indexing = asyncio.create_task(ChainIndexer(reader.hub, store).run())
            site = Site(
                network=config.network,
                reader=reader,
                index=IndexReader(store.engine),
                bundles=AppBundles(reader.storage),
                cards=ModelCards(reader.storage),
                people=people,
                templates=environment(people),
                followers=TimelineLimits(config.followers_per_client, config.followers_per_task),
            )
            try:
                await serve(application(site, config.libraries, config.access), sock, ready, config.access)
            finally:
                indexing.cancel()
                with suppress(asyncio.CancelledError):
                    await indexing
    finally:
        await people.close()
        store.close()


def _key(config: WebConfig) -> SigningKey:
    if config.storage_key_file is None:
        return SigningKey.generate()  # it reads for everybody and owns nothing
    return SigningKey.from_bytes(bytes.fromhex(config.storage_key_file.read_text().strip().removeprefix("0x")))
