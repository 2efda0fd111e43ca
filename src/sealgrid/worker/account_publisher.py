"""Publishes results as the account for which this machine works: the pool sends them and pays the gas."""

import asyncio
import time
from typing import Final

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import ContributionStatus
from sealgrid.chain.worker_account import AccountWallet, WorkerAccount, forward_data
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import HostFailed, InputRefused
from sealgrid.units import ZERO_DIGEST, Address
from sealgrid.wire.pool import JobAssignment
from sealgrid.worker.signed_pool_client import SignedPoolClient

REPEAT_SECONDS: Final = 10.0  #: after which the pool is asked again
_POLL_SECONDS: Final = 0.25  #: between two looks at the chain


async def require_delegation(hub: Hub, workerpool: Address, account: Address, worker: Address) -> None:
    """Raise InputRefused unless a machine may work for an account in a pool now."""
    contract = WorkerAccount(hub.node, account)
    await contract.require_of(hub.address)
    delegation = await contract.delegation(worker, workerpool)
    if delegation.expiry <= (await hub.node.block()).timestamp:
        raise InputRefused(
            f"account {account} lets worker {worker} do nothing for pool {workerpool}; its owner delegates with: "
            f"sealgrid worker account delegate {account} {worker} --pool {workerpool}"
        )


class AccountPublisher:
    """Signs results of one machine's jobs, gives them to the pool, and waits until the chain has them."""

    def __init__(self, hub: Hub, account: Address, key: SigningKey, pool: SignedPoolClient) -> None:
        self._hub, self._account, self._key, self._pool = hub, account, key, pool

    def wallet(self, job: JobAssignment) -> AccountWallet:
        """Return the wallet that publishes the result of a job."""

        async def send(call: AccountCall, signature: bytes, action: str) -> TransactionReceipt:
            simulated = {"to": self._account, "data": "0x" + forward_data(call, signature).hex()}
            await self._hub.node.rpc("eth_call", simulated, "latest", action=action)  # raises the chain's reason
            await self._publish(job, call, signature)
            return TransactionReceipt(ZERO_DIGEST, 0, ZERO_DIGEST, 0, None, ())

        return AccountWallet(self._hub.node, self._hub.address, self._account, self._key, send)

    async def _publish(self, job: JobAssignment, call: AccountCall, signature: bytes) -> None:
        asked = -REPEAT_SECONDS
        while True:
            if time.monotonic() >= asked + REPEAT_SECONDS:
                asked = time.monotonic()
                await self._pool.forward(job.task, job.fence, call, signature)
            own = await self._hub.view_contribution(job.task, self._account)
            if own.status is not ContributionStatus.UNSET:
                return
            if (await self._hub.node.block()).timestamp >= min(call.expiry, job.contribution_deadline):
                raise HostFailed("the pool did not publish the result before the contribution deadline.")
            await asyncio.sleep(_POLL_SECONDS)
