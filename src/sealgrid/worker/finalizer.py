"""Hand a result to PoCo with everything that the broker judges."""

from sealgrid.attestation.job_params import parse_params
from sealgrid.chain.blocks import confirmation_of
from sealgrid.chain.broker import encode_proof
from sealgrid.chain.hub import Hub
from sealgrid.chain.matches import MatchRecord, find_match
from sealgrid.chain.views import TaskStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.units import Address
from sealgrid.wire.pool import JobAssignment
from sealgrid.wire.relay import ResultDelivery


class Finalizer:
    """The worker's side of the chain: one transaction that publishes and pays, or is refused."""

    def __init__(self, hub: Hub, wallet: Wallet) -> None:
        self._hub, self._wallet = hub, wallet

    async def still_wanted(self, job: JobAssignment) -> bool:
        """Tell whether a result of this job could still be published and paid, by the chain's state and clock."""
        task, head = await self._hub.view_task(job.task), await self._hub.node.block()
        return task.status is TaskStatus.ACTIVE and head.timestamp < task.contribution_deadline

    async def matched(self, job: JobAssignment) -> MatchRecord | None:
        """Return where a job's deal was made, and of which orders as far as calldata hold them."""
        return await find_match(self._hub, await self._hub.view_deal(job.deal))

    async def slice_of(self, job: JobAssignment) -> tuple[str, int] | None:
        """Return the address of a job's list of slices, and the place of its own; None for a deal without a bulk."""
        params = parse_params((await self._hub.view_deal(job.deal)).params)
        return None if params.bulk_cid is None else (params.bulk_cid, job.index)

    async def confirmed_block(self) -> int:
        """Return the number of the newest block that counts by the chain's rule."""
        node = self._hub.node
        return (await node.confirmed_block(confirmation_of(await node.chain()).block)).number

    async def reader_of_result(self, job: JobAssignment) -> Address | None:
        """Return whose registered RSA key a job's result is to be encrypted for; None where it is sealed otherwise."""
        deal = await self._hub.view_deal(job.deal)
        return deal.beneficiary if parse_params(deal.params).is_for_rsa else None

    async def finalize(
        self, job: JobAssignment, enclave: Address, pool_signature: bytes, delivery: ResultDelivery
    ) -> None:
        """Publish the result of a job; raise ContractReverted with the reason when PoCo or the broker refuses."""
        proof = encode_proof(
            deal=job.deal,
            index=job.index,
            pool_signature=pool_signature,
            verdicts=[(signed.vault, signed.verdict, signed.signature) for signed in delivery.verdicts],
        )
        await self._hub.contribute_and_finalize(
            self._wallet,
            task=job.task,
            result_digest=delivery.result_digest,
            results=delivery.results,
            enclave=enclave,
            enclave_signature=delivery.enclave_signature,
            authorisation=proof,
            callback=delivery.callback,
        )
