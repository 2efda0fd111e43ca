"""Imitation of an enclave for one vault: real quotes of the network's simulated platform over a runtime of its own.

It has its own pool, so that the network's worker does not take the task. For disposable networks only.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.jobs import PublishedApp, sell
from bench.workloads import Workload
from sealgrid.attestation import binding
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.statements import poco_authorisation
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.chain.broker import Broker
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.localnet.layout import PLATFORM, Layout
from sealgrid.platform.quoters import load_or_create_keys
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import buy
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Digest, TaskId
from sealgrid.wire.vault import Authorization, NonceRequest, ReleaseAnswer, ReleaseRequest, VaultClient

MRTD = b"\x5b" * 48
RUNTIME = binding.runtime_identity(Platform.SIMULATED, [MRTD])
POOL = "stranger"  #: owner of the pool and its worker
CATEGORY = 0  #: XS: its deadlines are far away


@dataclass(frozen=True)
class EnclaveTwin:
    """One initialized task, and the keys of its imitated enclave."""

    conn: Connection
    task: TaskId
    app: Digest
    request: RequestDocument
    quoter: SimulatedQuoter
    signing: SigningKey = field(default_factory=SigningKey.generate, repr=False)
    hpke: HpkeKey = field(default_factory=HpkeKey.generate, repr=False)

    async def evidence(self, vault: VaultClient, position: int) -> ReleaseRequest:
        """Request a nonce from one vault and make the quote for it; the other vaults' nonces are random bytes."""
        authorization = self._authorization()
        nonces = [os.urandom(binding.NONCE_BYTES) for _ in self.conn.vaults]
        nonces[position] = (await vault.nonce(NonceRequest(authorization=authorization))).nonce
        quote = self.quoter.quote(MRTD, binding.locked_config(self.app), self.report_data(nonces))
        return ReleaseRequest(
            authorization=authorization,
            request=self.request,
            nonces=tuple(nonces),
            hpke_public=self.hpke.public,
            app_digest=self.app,
            quote=quote.raw,
            collateral=quote.collateral.raw,
        )

    def report_data(self, nonces: "list[bytes] | tuple[bytes, ...]") -> bytes:
        """Return the report data of a quote over these nonces."""
        net = self.conn.network
        members = binding.vault_set(
            chain=net.chain, hub=net.hub, broker=net.broker, t=net.threshold, vaults=self.conn.vault_addresses
        )
        return binding.report_data(
            chain=net.chain,
            hub=net.hub,
            task=self.task,
            worker=self.conn.address,
            app_digest=self.app,
            enclave=self.signing.address,
            hpke_public=self.hpke.public,
            vault_set=members,
            nonces=nonces,
        )

    def shares(self, request: ReleaseRequest, sealed: bytes) -> int:
        """Decrypt a reply; return the number of shares in it."""
        answer = self.hpke.open(sealed, self.report_data(request.nonces))
        return len(msgspec.json.decode(answer, type=ReleaseAnswer).shares)

    def _authorization(self) -> Authorization:
        message = personal_digest(poco_authorisation(self.conn.address, self.task, self.signing.address))
        return Authorization(
            task=self.task,
            worker=self.conn.address,
            enclave=self.signing.address,
            signature=self.conn.key.sign(message),
        )


@asynccontextmanager
async def enclave_twins(
    network: Network, workload: Workload, folder: Path, *, tasks: int = 1
) -> AsyncIterator[list[EnclaveTwin]]:
    """Sell an app and a model to the twins' runtime, buy runs from their pool in one deal, initialize the tasks."""
    wider = msgspec.structs.replace(network, runtimes=(*network.runtimes, RUNTIME))
    async with AsyncExitStack() as stack:

        async def connect_as(name: str) -> Connection:
            return await stack.enter_async_context(connect(wider, development_key(name)))

        admin, us = await connect_as("admin"), await connect_as(POOL)
        await Broker(admin.node, network.broker).allow_runtime(admin.wallet, RUNTIME)
        sold = await sell(await connect_as("developer"), await connect_as("owner"), workload, folder, any_pool=True)
        job = await _bought(await connect_as("requester"), us, sold, workload, tasks)
        opened = [await us.hub.initialize(us.wallet, job.deal, index) for index in range(tasks)]
        now = int(us.clock())
        quoter = SimulatedQuoter(load_or_create_keys(Layout(Path(network.folder)).part(PLATFORM), now), now=now)
        app = await Assets(us.hub).checksum("App", sold.app)
        request = RequestDocument.of(job.terms.request)
        yield [EnclaveTwin(us, task, app, request, quoter) for task in opened]


async def _bought(
    requester: Connection, us: Connection, sold: PublishedApp, workload: Workload, tasks: int
) -> buy.PurchasedTask:
    pool = await Assets(us.hub).create_workerpool(us.wallet, description=f"bench {os.urandom(4).hex()}")
    order = WorkerpoolOrder(workerpool=pool, volume=tasks, tag=TEE_TAG, category=CATEGORY, salt=fresh_salt())
    signed = sign_order(order, us.order_domain, us.key)
    return await buy.run(
        requester, RunRequest(sold.app, model=sold.model, files=[workload.file], tasks=tasks, pool_order=signed)
    )
