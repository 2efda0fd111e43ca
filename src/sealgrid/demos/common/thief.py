"""An attacker with a pool, a worker and money, who follows the protocol only as far as it helps the attack."""

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
from sealgrid.localnet.service_configs import worker_config
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId
from sealgrid.wire.pool import AuthoriseReply, CommitReply, JobAssignment, Stage
from sealgrid.wire.relay import ResultDelivery
from sealgrid.wire.vault import Authorization
from sealgrid.worker.job import JobRun
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.runner import open_context

NAME = "thief"


@dataclass(frozen=True, slots=True)
class ThiefPool:
    """A pool that authorises every request of its only worker, which has the same key."""

    key: SigningKey = field(repr=False)

    @property
    def worker(self) -> Address:
        """Return the worker's address, which is the pool owner's too."""
        return self.key.address

    def authorisation(self, task: TaskId, enclave: Address) -> Authorization:
        """Sign PoCo's authorisation for any enclave."""
        message = personal_digest(poco_authorisation(self.worker, task, enclave))
        return Authorization(task=task, worker=self.worker, enclave=enclave, signature=self.key.sign(message))

    async def authorise(self, task: TaskId, fence: int, enclave: Address) -> AuthoriseReply:  # noqa: ARG002  as in pools
        """Authorise every enclave."""
        return AuthoriseReply(authorization=self.authorisation(task, enclave))

    async def commit(
        self,
        task: TaskId,  # noqa: ARG002  as in pools
        fence: int,  # noqa: ARG002
        result_hash: Digest,  # noqa: ARG002
        result_seal: Digest,  # noqa: ARG002
        *,
        wait: float,  # noqa: ARG002
    ) -> CommitReply:
        """Take no commitment: every theft is of a task in an enclave."""
        return CommitReply(step="end")

    async def report(self, task: TaskId, fence: int, stage: Stage, detail: str, *, check: str = "") -> None:
        """Ignore reports."""


class UnpaidJobRun(JobRun):
    """A job that stores its result instead of finalizing it."""

    delivery: ResultDelivery | None = None

    async def finalize(self, delivery: ResultDelivery) -> None:
        """Store it."""
        self.delivery = delivery


@dataclass(frozen=True, slots=True)
class Thief:
    """The thief's connection, pool, order and worker."""

    conn: Connection
    pool: ThiefPool
    order: WorkerpoolOrder  #: its own pool's, never published
    context: JobContext

    async def open_task(self, job: PurchasedTask) -> JobAssignment:
        """Initialize a task of the thief's pool and return its assignment."""
        deal = await self.conn.hub.view_deal(job.deal)
        await self.conn.hub.initialize(self.conn.wallet, job.deal, deal.bot_first)
        return await self.assignment(job)

    async def assignment(self, job: PurchasedTask) -> JobAssignment:
        """Return the assignment of an initialized task, as a pool does."""
        deal = await self.conn.hub.view_deal(job.deal)
        task = await self.conn.hub.view_task(job.task)
        assets = Assets(self.conn.hub)
        return JobAssignment(
            deal=job.deal,
            task=job.task,
            index=deal.bot_first,
            fence=1,
            app=deal.app.pointer,
            app_digest=await assets.checksum("App", deal.app.pointer),
            bundle=await assets.multiaddr("App", deal.app.pointer),
            contribution_deadline=task.contribution_deadline,
        )


@contextlib.asynccontextmanager
async def open_thief(network: Network) -> AsyncIterator[Thief]:
    """Create a pool in the network's group, and a worker on this machine's platform."""
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
    """Add a pool to the network's group. No theft here tests the group itself."""
    if network.pool_group != ZERO_ADDRESS:
        async with connect(network, development_key("admin")) as admin:
            await AccessPolicy(admin.node, network.pool_group).grant(admin.wallet, pool)
