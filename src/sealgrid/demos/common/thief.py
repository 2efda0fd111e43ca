"""A thief with a pool, a worker and money of its own, who follows the protocol exactly as far as it pays to."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.attestation.statements import poco_authorisation
from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.localnet.layout import Layout
from sealgrid.localnet.services import worker_config
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations.buy import PurchasedTask as BoughtJob
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.units import ZERO_ADDRESS, Address, TaskId
from sealgrid.wire.pool import AuthoriseReply, JobAssignment, Stage
from sealgrid.wire.relay import ResultDelivery
from sealgrid.wire.vault import Authorization
from sealgrid.worker.job import JobContext, JobRun
from sealgrid.worker.runner import open_context

NAME = "thief"


@dataclass(frozen=True, slots=True)
class ThiefPool:
    """A pool that authorises whatever its one worker, the same person, asks for."""

    key: SigningKey = field(repr=False)

    @property
    def worker(self) -> Address:
        """Return the worker, who is the pool's owner too."""
        return self.key.address

    def authorisation(self, task: TaskId, enclave: Address) -> Authorization:
        """Sign PoCo's authorisation for any enclave."""
        message = personal_digest(poco_authorisation(self.worker, task, enclave))
        return Authorization(task=task, worker=self.worker, enclave=enclave, signature=self.key.sign(message))

    async def authorise(self, task: TaskId, enclave: Address) -> AuthoriseReply:
        """Say yes."""
        return AuthoriseReply(authorization=self.authorisation(task, enclave))

    async def report(self, task: TaskId, stage: Stage, detail: str, *, check: str = "") -> None:
        """Keep silent."""


class UnpaidJobRun(JobRun):
    """A job whose result the worker keeps instead of having it paid."""

    kept: ResultDelivery | None = None

    async def finalize(self, delivery: ResultDelivery) -> None:
        """Keep it."""
        self.kept = delivery


@dataclass(frozen=True, slots=True)
class Thief:
    """What the thief has at hand."""

    conn: Connection
    pool: ThiefPool
    order: WorkerpoolOrder  #: its own pool's, never published
    shop: JobContext

    async def open_task(self, job: BoughtJob) -> JobAssignment:
        """Initialise a task of the thief's pool and describe it as a pool would."""
        deal = await self.conn.hub.view_deal(job.deal)
        await self.conn.hub.initialize(self.conn.wallet, job.deal, deal.bot_first)
        return await self.described(job)

    async def described(self, job: BoughtJob) -> JobAssignment:
        """Describe an initialised task as a pool would."""
        deal = await self.conn.hub.view_deal(job.deal)
        task = await self.conn.hub.view_task(job.task)
        assets = Assets(self.conn.hub)
        return JobAssignment(
            deal=job.deal,
            task=job.task,
            index=deal.bot_first,
            app=deal.app.pointer,
            app_digest=await assets.checksum("App", deal.app.pointer),
            bundle=await assets.multiaddr("App", deal.app.pointer),
            contribution_deadline=task.contribution_deadline,
        )


@contextlib.asynccontextmanager
async def thief_of(network: Network) -> AsyncIterator[Thief]:
    """Give the thief a fresh pool on this network, a member of its group, and a worker on this machine's platform."""
    key, layout = development_key(NAME), Layout(Path(network.folder))
    async with connect(network, key) as conn:
        pool = await Assets(conn.hub).create_workerpool(conn.wallet, description=f"thief {os.urandom(4).hex()}")
        await join_pool_group(network, pool)
        order = WorkerpoolOrder(
            workerpool=pool, volume=100, tag=TEE_TAG, category=network.short_category, salt=fresh_salt()
        )
        config = worker_config(layout, network, NAME)
        async with open_context(config) as (context, _):
            own = ThiefPool(key)
            yield Thief(conn, own, sign_order(order, conn.order_domain, key), context.for_pool(own))


async def join_pool_group(network: Network, pool: Address) -> None:
    """Have the keeper of the network's group let a pool in: what the group alone stops, no theft here tries."""
    if network.pool_group != ZERO_ADDRESS:
        async with connect(network, development_key("admin")) as admin:
            await AccessPolicy(admin.node, network.pool_group).grant(admin.wallet, pool)
