"""Hand a result to PoCo with everything that the broker judges."""

from sealgrid.chain.broker import encode_proof
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import TaskStatus
from sealgrid.chain.wallet import Wallet
from sealgrid.units import Address
from sealgrid.wire.pool import Job
from sealgrid.wire.relay import Delivery


class Finalizer:
    """The worker's side of the chain: one transaction that publishes and pays, or is refused."""

    def __init__(self, hub: Hub, wallet: Wallet) -> None:
        self._hub, self._wallet = hub, wallet

    async def still_wanted(self, job: Job) -> bool:
        """Tell whether a result of this job could still be published and paid, by the chain's state and clock."""
        task, head = await self._hub.view_task(job.task), await self._hub.node.block()
        return task.status is TaskStatus.ACTIVE and head.timestamp < task.contribution_deadline

    async def finalize(self, job: Job, enclave: Address, pool_signature: bytes, delivery: Delivery) -> None:
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
