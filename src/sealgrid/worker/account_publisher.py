"""Publishes results as the account for which this machine works: the pool sends them and pays the gas."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import ContributionStatus
from sealgrid.chain.worker_account import AccountWallet, WorkerAccount, forward_data
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ContractReverted, HostFailed, InputRefused, SealgridError
from sealgrid.units import ZERO_DIGEST, Address
from sealgrid.wire.pool import JobAssignment
from sealgrid.worker.signed_pool_client import SignedPoolClient

REPEAT_SECONDS: Final = 10.0  #: after which the pool is asked again
POLL_SECONDS: Final = 0.25  #: between two looks at the chain; doubles with each failure up to REPEAT_SECONDS
_LATE: Final = "the pool did not publish the result before the contribution deadline."
_log = logging.getLogger("sealgrid.worker")


async def require_delegation(hub: Hub, workerpool: Address, account: Address, worker: Address) -> None:
    """Raise InputRefused unless a machine may work for an account in a pool now."""
    contract = WorkerAccount(hub.node, account)
    await contract.require_of(hub.address)
    await contract.require_delegation(worker, workerpool)


class AccountPublisher:
    """Signs results of one machine's jobs, gives them to the pool, and waits until the chain has them.

    ``clock`` returns Unix seconds.
    """

    def __init__(
        self,
        hub: Hub,
        account: Address,
        key: SigningKey,
        pool: SignedPoolClient,
        *,
        chain: int,
        clock: Callable[[], float] = time.time,
        poll: float = POLL_SECONDS,
    ) -> None:
        self._hub, self._account, self._key, self._pool = hub, account, key, pool
        self._chain, self._clock, self._poll = chain, clock, poll

    def wallet(self, job: JobAssignment) -> AccountWallet:
        """Return the wallet that publishes the result of a job. The chain takes none after the job's deadline."""

        async def send(call: AccountCall, signature: bytes, action: str) -> TransactionReceipt:
            await self._publish(job, call, signature, action)
            return TransactionReceipt(ZERO_DIGEST, 0, ZERO_DIGEST, 0, None, ())

        return AccountWallet(
            self._hub.node,
            self._hub.address,
            self._account,
            self._key,
            send,
            chain=self._chain,
            expiry=job.contribution_deadline,
        )

    async def _publish(self, job: JobAssignment, call: AccountCall, signature: bytes, action: str) -> None:
        """Return when the chain has the result.

        No other enclave can run a settled task, so that a failure of a service does not end it: only the deadline
        does, or a refusal that another attempt cannot change.
        """
        given, failures, ask_at = False, 0, 0.0
        while True:
            try:
                if await self._is_published(job):
                    return
                if self._clock() >= ask_at:
                    reverted = await self._simulate(call, signature, action)
                    if reverted is not None and not given:
                        raise reverted
                    given = True  # also if its answer is lost
                    await self._give(job, call, signature, reverted)
                    ask_at = self._clock() + REPEAT_SECONDS
                failures = 0
            except (ContractReverted, InputRefused, HostFailed):
                raise
            except SealgridError as error:
                _log.warning("task %s: its result is not on the chain yet: %s", job.task, error)
                failures += 1
                if self._clock() >= job.contribution_deadline:
                    raise HostFailed(_LATE) from error
            await asyncio.sleep(min(self._poll * 2 ** min(failures, 10), REPEAT_SECONDS))

    async def _is_published(self, job: JobAssignment) -> bool:
        """Return whether the chain has the result; raise HostFailed once it takes none any more."""
        own = await self._hub.view_contribution(job.task, self._account)
        if own.status is not ContributionStatus.UNSET:
            return True
        if (await self._hub.node.block()).timestamp >= job.contribution_deadline:
            raise HostFailed(_LATE)
        return False

    async def _simulate(self, call: AccountCall, signature: bytes, action: str) -> ContractReverted | None:
        """Return why the chain would not take the call now: perhaps since it has the result of an earlier attempt."""
        simulated = {"to": self._account, "data": "0x" + forward_data(call, signature).hex()}
        try:
            await self._hub.node.rpc("eth_call", simulated, "latest", action=action)
        except ContractReverted as error:
            return error
        return None

    async def _give(
        self, job: JobAssignment, call: AccountCall, signature: bytes, reverted: ContractReverted | None
    ) -> None:
        """Give the call to the pool; raise if it tries no more, or could not send what the chain refuses here too."""
        answer = await self._pool.forward(job.task, job.fence, call, signature)
        if answer.refusal:
            _log.warning("task %s: the pool could not publish its result: %s", job.task, answer.refusal)
        if reverted is not None and answer.refusal:
            raise reverted
        if answer.final:
            raise HostFailed(f"the pool does not publish the result: {answer.refusal}")
