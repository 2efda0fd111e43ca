"""Read a job's deal from the chain and finalize its result there."""

from collections.abc import Callable

from sealgrid.attestation.job_params import parse_params
from sealgrid.chain import matches
from sealgrid.chain.assets import Assets
from sealgrid.chain.blocks import confirmation_of
from sealgrid.chain.broker import encode_proof
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import HostFailed
from sealgrid.poco.ids import task_id
from sealgrid.units import Address, Digest
from sealgrid.wire.pool import JobAssignment
from sealgrid.wire.relay import ResultDelivery


class Finalizer:
    """The worker's access to the chain. One transaction publishes a result and pays for it, or reverts."""

    def __init__(self, hub: Hub, wallet: Wallet, wallet_of: Callable[[JobAssignment], Wallet] | None = None) -> None:
        """``wallet_of`` returns the wallet that publishes the result of a job; ``wallet`` by default."""
        self._hub, self._wallet = hub, wallet
        self._wallet_of = wallet_of or (lambda job: wallet)

    async def is_payable(self, job: JobAssignment) -> bool:
        """Return whether the chain would still accept and pay a result of this job."""
        task, head = await self._hub.view_task(job.task), await self._hub.node.block()
        return task.status is TaskStatus.ACTIVE and head.timestamp < task.contribution_deadline

    async def find_match(self, job: JobAssignment) -> matches.MatchRecord | None:
        """Return the block of a job's match and its orders, as far as calldata hold them; None when not found."""
        return await matches.find_match(self._hub, await self._hub.view_deal(job.deal))

    async def find_slice(self, job: JobAssignment) -> tuple[str, int] | None:
        """Return the address of a job's list of slices and the index of its slice; None for a deal without a bulk."""
        params = parse_params((await self._hub.view_deal(job.deal)).params)
        return None if params.bulk_cid is None else (params.bulk_cid, job.index)

    async def confirmed_block(self) -> int:
        """Return the number of the newest block that the chain's confirmation rule accepts."""
        node = self._hub.node
        return (await node.confirmed_block(confirmation_of(await node.chain()).block)).number

    async def is_for_registered_key(self, job: JobAssignment) -> bool:
        """Return whether the RSA key that the beneficiary registered encrypts a job's result."""
        return parse_params((await self._hub.view_deal(job.deal)).params).is_for_rsa

    async def free_stake(self) -> int:
        """Return what the worker can stake, in nRLC."""
        return (await self._hub.account(self._wallet.address)).stake

    async def check_public_job(self, job: JobAssignment, workerpool: Address) -> None:
        """Raise HostFailed unless a job without an enclave is the chain's: a worker stakes on its result.

        (public.1) The task is the deal's at this index, and the deal is one of this pool. (public.2) The app's bundle,
        the params and the numbers of the tasks are those of the deal. (public.3) So is the stake, which PoCo locks.
        """
        public = job.public
        assert public is not None
        deal = await self._hub.view_deal(job.deal)
        if job.task != task_id(deal.deal, job.index) or deal.workerpool.pointer != workerpool:
            raise HostFailed("(public.1) the pool gave a task that is not of the deal, or not this pool's.")
        stated = (job.app, job.app_digest, public.params, public.bot_first, public.bot_size)
        app = deal.app.pointer
        checksum = await Assets(self._hub).checksum("App", app)
        if stated != (app, checksum, deal.params, deal.bot_first, deal.bot_size):
            raise HostFailed("(public.2) the pool gave another app, other params or numbers than the deal has.")
        if public.stake != deal.worker_stake:
            raise HostFailed(
                f"(public.3) the pool states a stake of {public.stake} nRLC; {deal.worker_stake} is locked."
            )

    async def has_contributed(self, job: JobAssignment) -> bool:
        """Return whether the chain has this worker's contribution to a task."""
        own = await self._hub.view_contribution(job.task, self._wallet.address)
        return own.status is not ContributionStatus.UNSET

    async def contribute(self, job: JobAssignment, result: Digest, authorisation: bytes) -> None:
        """Contribute a result without an enclave; raise ContractReverted if the chain takes none of this worker."""
        await self._hub.contribute(self._wallet, job.task, result, authorisation)

    async def reveal(self, job: JobAssignment, result: Digest) -> bool:
        """Reveal a contribution; return False if it was revealed before."""
        own = await self._hub.view_contribution(job.task, self._wallet.address)
        if own.status is not ContributionStatus.CONTRIBUTED:
            return False
        await self._hub.reveal(self._wallet, job.task, result)
        return True

    async def finalize(
        self, job: JobAssignment, enclave: Address, pool_signature: bytes, delivery: ResultDelivery
    ) -> None:
        """Publish the result of a job; raise ContractReverted with the reason of PoCo or the broker."""
        proof = encode_proof(
            deal=job.deal,
            index=job.index,
            pool_signature=pool_signature,
            verdicts=[(signed.vault, signed.verdict, signed.signature) for signed in delivery.verdicts],
        )
        await self._hub.contribute_and_finalize(
            self._wallet_of(job),
            task=job.task,
            result_digest=delivery.result_digest,
            results=delivery.results,
            enclave=enclave,
            enclave_signature=delivery.enclave_signature,
            authorisation=proof,
            callback=delivery.callback,
        )
