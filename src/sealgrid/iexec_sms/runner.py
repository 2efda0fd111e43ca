"""Runs the iExec SMS adapter in front of a federation of vaults."""

import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Literal

from sealgrid.chain.assets import Assets
from sealgrid.chain.blocks import confirmation_of
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.pool_gate import pool_signer
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import SigningKey
from sealgrid.iexec_sms.api import application
from sealgrid.iexec_sms.config import SmsConfig
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import SecretAsset, SplitTarget, VaultMembers
from sealgrid.iexec_sms.result_keys import ResultKeyHistory
from sealgrid.iexec_sms.service import ActiveTask, Delivery, SecretService
from sealgrid.storage.file_store import FileStore
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address, TaskId
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.service_monitor import ServiceMonitor
from sealgrid.wire.storage import StorageClient, TicketSigner
from sealgrid.wire.vault import VaultClient


async def run(config: SmsConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused if the node serves another chain."""
    network = config.network
    if config.storage_key_file is None:
        key = SigningKey.generate()  # an unlisted account: the node's quota of this network address applies
    else:
        key = SigningKey.from_bytes(bytes.fromhex(config.storage_key_file.read_text().strip().removeprefix("0x")))
    async with Node(*network.rpc_urls) as node, AsyncExitStack() as stack:
        await network.check_chain(node)
        vaults = [
            VaultClient(
                await stack.enter_async_context(
                    HttpTransport(url, name=f"vault {address}", timeout=config.vault_timeout)
                )
            )
            for address, url in network.vault_endpoints
        ]
        storage_nodes = [
            StorageClient(
                await stack.enter_async_context(HttpTransport(url, name="the storage node")),
                TicketSigner(url, key, network.domain),
            )
            for url in (config.storage_url, *config.storage_copies)
        ]
        target = SplitTarget(network.domain, network.hub, network.vaults, network.threshold)
        members = VaultMembers(target, tuple(vaults))
        secrets = open_service(config, members, node, RemoteFiles(*storage_nodes))
        app = application(secrets, config.access, pushes_per_hour=config.pushes_per_hour)
        await serve_monitored(app, sock, ready, config.access, ServiceMonitor("sms"))


class SmsChainReader:
    """Reads assets of one hub at a confirmed block, since vaults ignore newer ones, and tasks at the newest block."""

    def __init__(self, hub: Hub, broker: Address, chain: int) -> None:
        self._hub, self._node, self._broker = hub, hub.node, broker
        self._assets, self._confirmed = Assets(hub), confirmation_of(chain).block

    async def asset(self, kind: Literal["App", "Dataset"], address: Address) -> SecretAsset | None:
        """Return a registered app or dataset, or None."""
        at = (await self._node.confirmed_block(self._confirmed)).hash
        if not await self._assets.is_registered(kind, address, at=at):
            return None
        owner = await self._assets.owner(address, at=at)
        return SecretAsset(address, owner, await self._assets.checksum(kind, address, at=at))

    async def active_task(self, task: TaskId) -> ActiveTask | None:
        """Return a task that is initialised and has no result yet, or None."""
        view = await self._hub.view_task(task)
        if view.status is not TaskStatus.ACTIVE:
            return None
        deal = await self._hub.view_deal(view.deal)
        signer = await pool_signer(self._node, deal.workerpool.owner, self._broker)
        return ActiveTask(pool_signer=signer, beneficiary=deal.beneficiary, start_time=deal.start_time)

    async def head_time(self) -> int:
        """Return the time of the newest block, in Unix seconds."""
        return (await self._node.block()).timestamp


def open_service(config: SmsConfig, members: VaultMembers, node: Node, files: FileStore) -> SecretService:
    """Return the service with the stores in its folder."""
    return SecretService(
        members,
        SmsChainReader(Hub(node, config.network.hub), config.network.broker, config.network.chain),
        files,
        DocumentStore(config.folder / "deliveries", Delivery, limit=config.max_deliveries),
        DocumentStore(config.folder / "result-key-histories", ResultKeyHistory, limit=config.max_result_keys),
    )
