"""Run one face of iExec's SMS before a federation of vaults."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import InputRefused
from sealgrid.iexec_sms.api import application
from sealgrid.iexec_sms.chain_reader import AssetReader
from sealgrid.iexec_sms.config import SmsConfig
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import VaultMembers
from sealgrid.iexec_sms.key_splitter import SplitTarget
from sealgrid.iexec_sms.service import Delivery, GivenUp, SecretService
from sealgrid.storage.file_store import FileStore
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.server import serve
from sealgrid.wire.storage import StorageClient, TicketSigner
from sealgrid.wire.vault import VaultClient


async def run(config: SmsConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused on another chain than the configured one."""
    async with Node(config.rpc_url) as node, _members(config) as members:
        if (await node.chain(), await node.genesis()) != (config.chain, config.genesis):
            raise InputRefused("the chain at this address is another one than the vaults' own.")
        async with _stores(config) as files:
            desk = open_desk(config, members, node, files)
            await serve(application(desk, config.access), sock, ready, config.access)


@asynccontextmanager
async def _stores(config: SmsConfig) -> AsyncIterator[RemoteFiles]:
    key, domain = _storage_key(config), Domain(config.chain, config.broker)
    async with AsyncExitStack() as stack:
        nodes = [
            StorageClient(
                await stack.enter_async_context(HttpTransport(url, name="the storage node")),
                TicketSigner(url, key, domain),
            )
            for url in (config.storage_url, *config.storage_copies)
        ]
        yield RemoteFiles(*nodes)


def _storage_key(config: SmsConfig) -> SigningKey:
    if config.storage_key_file is None:
        return SigningKey.generate()  # of no account: the node counts this machine's address
    return SigningKey.from_bytes(bytes.fromhex(config.storage_key_file.read_text().strip().removeprefix("0x")))


def open_desk(config: SmsConfig, members: VaultMembers, node: Node, files: FileStore) -> SecretService:
    """Return the desk over its folder."""
    return SecretService(
        members,
        AssetReader(Hub(node, config.hub), config.chain),
        files,
        DocumentStore(config.folder / "deliveries", Delivery, most=config.most_deliveries),
        DocumentStore(config.folder / "result-keys", RegisteredResultKey, most=config.most_result_keys),
        given_up=DocumentStore(config.folder / "given-up", GivenUp, most=config.most_result_keys),
    )


@asynccontextmanager
async def _members(config: SmsConfig) -> AsyncIterator[VaultMembers]:
    addresses = tuple(address for address, _ in config.vaults)
    place = SplitTarget(Domain(config.chain, config.broker), config.hub, addresses, config.threshold)
    async with AsyncExitStack() as stack:
        clients = [
            VaultClient(
                await stack.enter_async_context(
                    HttpTransport(url, name=f"vault {address}", timeout=config.vault_seconds)
                )
            )
            for address, url in config.vaults
        ]
        yield VaultMembers(place, tuple(clients))
