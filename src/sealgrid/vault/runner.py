"""Run one vault as a process: open its folder, check that chain and broker are its own, serve."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

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
from sealgrid.vault.keys import keys_from
from sealgrid.vault.peers.peer_uses import keep_reading_peer_uses
from sealgrid.vault.peers.witness import LogWitnessing
from sealgrid.vault.service import Vault, VaultRules, identify
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.history import DepositHistory
from sealgrid.vault.stores.input_expiry import InputExpiry
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.opened_keys import OpenedKeys
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.vault.stores.unopened_keys import UnopenedKeys
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.server import serve
from sealgrid.wire.storage import StorageClient


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
    """Serve one vault until SIGTERM; raise InputRefused when folder, chain or broker are another vault's."""
    async with AsyncExitStack() as stack:
        urls = (config.storage_url, *config.storage_copies)
        nodes = [await stack.enter_async_context(HttpTransport(url, name="the storage node")) for url in urls]
        files = AllStorageNodes([RemoteFiles(StorageClient(node)) for node in nodes])
        async with opened(config, files, clock=clock, random=random) as vault, watching(config, vault) as witness:
            expiring = asyncio.create_task(InputExpiry(vault, 3600 * config.input_hours).run())
            try:
                app = application(vault, witness, config.access, inputs_per_hour=config.inputs_per_hour)
                await serve(app, sock, ready, config.access)
            finally:
                expiring.cancel()


@asynccontextmanager
async def opened(
    config: VaultConfig,
    files: VerifiedReads,
    *,
    clock: Callable[[], int] = _now,
    random: Callable[[int], bytes] = os.urandom,
) -> AsyncIterator[Vault]:
    """Open a vault's folder and its node; close both."""
    keys = keys_from(config.key_source, random)
    federation = VaultFederation.of(config.network, keys.address)
    network, rules = config.network, _rules(config)
    async with Node(*network.rpc_urls) as node:
        confirmation = confirmation_of(network.chain)
        chain = ChainReader(Hub(node, network.hub), network.broker, confirmation=confirmation, clock=clock)
        await chain.expect(federation, network.genesis)
        store = VaultDatabase(config.folder / DATABASE)
        try:
            store.claim(federation.belonging(network.genesis))
            yield Vault(
                federation=federation,
                rules=rules,
                keys=keys,
                store=store,
                custody=ShareStore(store, keys.at_rest, federation),
                journal=TaskStore(store, keys.at_rest, federation),
                history=DepositHistory(store),
                unopened=UnopenedKeys(store),
                opened=OpenedKeys(store),
                log=VaultLog(store),
                chain=chain,
                files=files,
                clock=clock,
                random=random,
                identity=identify(federation, rules, keys),
            )
        finally:
            store.close()


@asynccontextmanager
async def watching(config: VaultConfig, vault: Vault) -> AsyncIterator[LogWitnessing]:
    """Look at the other vaults' logs, and count the uses in them, for as long as the context lasts."""
    async with AsyncExitStack() as stack:
        peers = {}
        for address, url in config.peers:
            transport = await stack.enter_async_context(HttpTransport(url, name=f"vault {address}"))
            peers[address] = LogClient(transport)
        witness = LogWitnessing(vault, peers)
        every = config.seconds_between_looks
        background = [
            asyncio.create_task(witness.keep_looking(every)),
            asyncio.create_task(keep_reading_peer_uses(vault, peers, every)),
        ]
        try:
            yield witness
        finally:
            for task in background:
                task.cancel()
                with suppress(asyncio.CancelledError, SealgridError):
                    await task


def _rules(config: VaultConfig) -> VaultRules:
    return VaultRules(
        roots=config.roots,
        simulated=config.insecure_allow_simulated,
        nonce_ttl=config.nonce_ttl,
        seconds_left=config.minimum_seconds_left,
        previews_per_minute=config.previews_per_minute,
    )
