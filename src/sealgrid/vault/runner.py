"""Runs one vault as a process: opens its folder, verifies chain and broker, serves."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
from litestar import Litestar

from sealgrid.chain.blocks import confirmation_of
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.errors import SealgridError
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.vault.api import application
from sealgrid.vault.chain.reader import ChainReader
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.handlers.settled_files import AllStorageNodes, VerifiedReads
from sealgrid.vault.keys import load_keys
from sealgrid.vault.peers.peer_uses import poll_peer_uses
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.vault.service import Vault, VaultRules, make_identity
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.history import DepositHistory
from sealgrid.vault.stores.input_expiry import InputExpiry
from sealgrid.vault.stores.key_notes import OpenedKeys, UnopenedKeys
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.service_monitor import ServiceMonitor
from sealgrid.wire.storage import NODE_SECONDS, StorageClient


def _now() -> int:
    return int(time.time())


async def run(
    config: VaultConfig,
    sock: socket.socket,
    ready: Callable[[], None],
    *,
    clock: Callable[[], int] = _now,
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """Serve one vault until SIGTERM; raise InputRefused if folder, chain or broker belong to another vault."""
    monitor = ServiceMonitor("vault")
    async with open_app(config, monitor, clock=clock, random=random) as app:
        await serve_monitored(app, sock, ready, config.access, monitor)


@asynccontextmanager
async def open_app(
    config: VaultConfig,
    monitor: ServiceMonitor | None = None,
    *,
    clock: Callable[[], int] = _now,
    random: Callable[[int], bytes] = os.urandom,
    http: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Litestar]:
    """Yield the application of a vault with its background tasks; raise InputRefused as ``run``.

    ``http`` sends the requests to storage nodes and other vaults (see ``HttpTransport``).
    """
    async with AsyncExitStack() as stack:
        urls = (config.storage_url, *config.storage_copies)
        nodes = [
            await stack.enter_async_context(
                HttpTransport(url, name="the storage node", timeout=NODE_SECONDS, http=http)
            )
            for url in urls
        ]
        files = AllStorageNodes({node.base: RemoteFiles(StorageClient(node, url=node.base)) for node in nodes})
        async with (
            open_vault(config, files, clock=clock, random=random) as vault,
            watch_peers(config, vault, http) as witness,
        ):
            if monitor is not None:
                monitor.add_gauge(
                    "log_entries", "Entries of the release log.", lambda: {"all": vault.log.frontier.size}
                )
                monitor.add_check("chain", vault.chain.time)
            expiry = asyncio.create_task(InputExpiry(vault, 3600 * config.input_hours).run())
            try:
                yield application(vault, witness, config.access, inputs_per_hour=config.inputs_per_hour)
            finally:
                expiry.cancel()


@asynccontextmanager
async def open_vault(
    config: VaultConfig,
    files: VerifiedReads,
    *,
    clock: Callable[[], int] = _now,
    random: Callable[[int], bytes] = os.urandom,
) -> AsyncIterator[Vault]:
    """Open a vault's database and chain nodes for the duration of the context."""
    keys = load_keys(config.key_source, random)
    federation = VaultFederation.of(config.network, keys.address)
    network = config.network
    rules = VaultRules(
        roots=config.roots,
        allow_simulated=config.insecure_allow_simulated,
        nonce_ttl=config.nonce_ttl,
        minimum_seconds_left=config.minimum_seconds_left,
        previews_per_minute=config.previews_per_minute,
    )
    async with Node(*network.rpc_urls) as node:
        confirmation = confirmation_of(network.chain)
        chain = ChainReader(Hub(node, network.hub), network.broker, confirmation=confirmation, clock=clock)
        await chain.check_network(federation, network.genesis)
        database = VaultDatabase(config.folder / DATABASE)
        try:
            database.claim(federation.database_identity(network.genesis))
            yield Vault(
                federation=federation,
                rules=rules,
                keys=keys,
                database=database,
                share_store=ShareStore(database, keys.at_rest, federation),
                task_store=TaskStore(database, keys.at_rest, federation),
                history=DepositHistory(database),
                unopened_keys=UnopenedKeys(database),
                opened_keys=OpenedKeys(database),
                log=VaultLog(database),
                chain=chain,
                files=files,
                clock=clock,
                random=random,
                identity=make_identity(federation, rules, keys),
            )
        finally:
            database.close()


@asynccontextmanager
async def watch_peers(
    config: VaultConfig, vault: Vault, http: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[PeerLogWitness]:
    """Witness the other vaults' logs and count the uses in them for the duration of the context."""
    async with AsyncExitStack() as stack:
        peers = {}
        for address, url in config.peers:
            transport = await stack.enter_async_context(HttpTransport(url, name=f"vault {address}", http=http))
            peers[address] = LogClient(transport)
        witness = PeerLogWitness(vault, peers)
        interval = config.peer_poll_seconds
        background = [
            asyncio.create_task(witness.run(interval)),
            asyncio.create_task(poll_peer_uses(vault, peers, interval)),
        ]
        try:
            yield witness
        finally:
            for task in background:
                task.cancel()
                with suppress(asyncio.CancelledError, SealgridError):
                    await task
