"""Reads the pool's deals and the outcomes of its tasks from the chain, and estimates the chain's clock."""

import contextlib
import logging
from collections.abc import Sequence

from sealgrid.attestation.job_params import parse_params
from sealgrid.chain.assets import Assets
from sealgrid.chain.events import (
    HubEvent,
    SchedulerNotice,
    TaskClaimed,
    TaskConsensus,
    TaskContribute,
    TaskFinalize,
    TaskInitialize,
    TaskReopen,
    TaskReveal,
)
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import DealView, TaskStatus
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.poco.constants import CONTRIBUTION_DEADLINE_RATIO, FINAL_DEADLINE_RATIO, MIN_TRUST_WITHOUT_TEE
from sealgrid.poco.tags import is_tee
from sealgrid.pool.app_memory import AppMemory
from sealgrid.pool.events import (
    AnyEvent,
    ConsensusReached,
    DealMatched,
    ResultContributed,
    ResultRevealed,
    TaskFinalized,
    TaskInitialized,
    TaskRefunded,
    TaskReopened,
)
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest

_log = logging.getLogger("sealgrid.pool")


class PoolChainReader:
    """Reads one workerpool's deals on one hub; ``memory`` knows the limits of apps."""

    def __init__(self, hub: Hub, workerpool: Address, memory: AppMemory) -> None:
        self.hub, self.assets, self.workerpool, self._memory = hub, Assets(hub), workerpool, memory

    async def read(self, events: Sequence[HubEvent], now: float) -> list[AnyEvent]:
        """Return the pool events of hub events; they may include outcomes of other pools' tasks."""
        pool_events: list[AnyEvent] = []
        finalized = {event.task for event in events if isinstance(event, TaskFinalize)}
        for event in events:
            if isinstance(event, SchedulerNotice) and event.workerpool == self.workerpool:
                pool_events.append(await self.deal_or_refusal(event.deal, now))
            elif isinstance(event, TaskInitialize):
                pool_events.append(TaskInitialized(task=event.task, at=now))
            elif isinstance(event, TaskContribute):
                pool_events.append(
                    ResultContributed(task=event.task, worker=event.worker, result_hash=event.result_hash, at=now)
                )
            elif isinstance(event, TaskConsensus) and event.task not in finalized:
                pool_events += await self._consensus(event, now)
            elif isinstance(event, TaskReveal):
                pool_events.append(
                    ResultRevealed(task=event.task, worker=event.worker, result=event.result_digest, at=now)
                )
            elif isinstance(event, TaskReopen):
                pool_events.append(TaskReopened(task=event.task, at=now))
            elif isinstance(event, TaskFinalize):
                pool_events.append(TaskFinalized(task=event.task, at=now))
            elif isinstance(event, TaskClaimed):
                pool_events.append(TaskRefunded(task=event.task, at=now))
        return pool_events

    async def _consensus(self, event: TaskConsensus, now: float) -> list[AnyEvent]:
        """Return the consensus on a task that waits for reveals.

        The state of the head is enough: later events correct it. Nodes delete the states of older blocks, which a pool
        that was down for long would otherwise need.
        """
        view = await self.hub.view_task(event.task)
        if view.status is not TaskStatus.REVEALING:
            return []
        deadline = view.reveal_deadline
        return [ConsensusReached(task=event.task, result_hash=event.consensus, reveal_deadline=deadline, at=now)]

    async def deal_or_refusal(self, deal: DealId, now: float) -> DealMatched:
        """Read a deal; an unreadable deal is refused so that it does not block later ones.

        Raises SealgridError when the chain does not answer, which is temporary: the deal is read again.
        """
        try:
            return await self.deal(deal, now)
        except SealgridError:
            raise
        except Exception as error:  # noqa: BLE001  the content of a deal is untrusted
            _log.exception("deal %s cannot be read", deal)
            return unreadable(deal, now, type(error).__name__)

    async def deal(self, deal: DealId, now: float) -> DealMatched:
        """Read a deal, and the app's bundle and deadlines that follow from it."""
        view = await self.hub.view_deal(deal)
        timeref = (await self.hub.view_category(view.category)).timeref
        bundle = await self.assets.multiaddr("App", view.app.pointer)
        app_digest = await self.assets.checksum("App", view.app.pointer)
        files: list[Digest] = []
        with contextlib.suppress(InputRefused):  # no address of content
            files.append(digest_of_cid(bundle.removeprefix("/ipfs/")))
        if view.dataset.pointer != ZERO_ADDRESS:
            files.append(await self.assets.checksum("Dataset", view.dataset.pointer))
        return DealMatched(
            at=now,
            deal=deal,
            first=view.bot_first,
            size=view.bot_size,
            app=view.app.pointer,
            app_digest=app_digest,
            bundle=bundle,
            contribution_deadline=view.start_time + CONTRIBUTION_DEADLINE_RATIO * timeref,
            final_deadline=view.start_time + FINAL_DEADLINE_RATIO * timeref,
            refusal=refusal(view, gated=await self._is_gated(view)),
            requester=view.requester,
            tag=view.tag,
            price=view.workerpool.price,
            seconds=timeref,
            memory=await self._memory.of(app_digest, bundle),
            replicated=not is_tee(view.tag),
            trust=view.trust,
            stake=view.worker_stake,
            params="" if is_tee(view.tag) else view.params,
            files=tuple(files),
        )

    async def _is_gated(self, view: DealView) -> bool:
        return not is_tee(view.tag) and bool(await self.hub.node.code(view.workerpool.owner))


def unreadable(deal: DealId, now: float, reason: str) -> DealMatched:
    """Return a refused deal without tasks."""
    return DealMatched(
        at=now,
        deal=deal,
        first=0,
        size=0,
        app=ZERO_ADDRESS,
        app_digest=Digest("0x" + "00" * 32),
        bundle="",
        contribution_deadline=0,
        final_deadline=0,
        refusal=f"the deal cannot be read ({reason})",
    )


def refusal(deal: DealView, *, gated: bool = False) -> str:
    """Return the reason why this pool does not run a deal, or an empty text; a gate owns a ``gated`` pool."""
    if not is_tee(deal.tag):
        if gated:
            return "the deal has no TEE, and this pool, which a gate owns, runs tasks in enclaves only"
        if deal.trust < MIN_TRUST_WITHOUT_TEE:
            return "the deal has no TEE and trust 1, at which PoCo pays the result of one worker without a comparison"
        return public_refusal(deal)
    if deal.trust != 1:
        return f"the deal requires trust {deal.trust}; a confidential task runs once, with trust 1"
    return ""


def public_refusal(deal: DealView) -> str:
    """Return why a deal without a TEE cannot run, or an empty text: whatever it uses must be public."""
    if deal.dataset.pointer != ZERO_ADDRESS:
        return "the deal has no TEE, and vaults do not release the key of its model to a machine without one"
    if deal.callback != ZERO_ADDRESS:
        return "the deal has no TEE, and its callback contract would accept a result that no enclave signed"
    try:
        params = parse_params(deal.params)
    except InputRefused as error:
        return f"the deal has no TEE, and its params cannot be read: {error.message}"
    if params.iexec_secrets or params.bulk_cid or params.has_deferred_callback:
        return "the deal has no TEE, and names a secret, a bulk or a deferred callback"
    if params.iexec_result_encryption or params.iexec_input_files:
        return "the deal has no TEE, and names input by URL or an encrypted result"
    return ""


class ChainClock:
    """Estimates the chain's time: that of its newest block plus the time since; never behind the local clock.

    Deadlines pass on a chain without new blocks too: the next transaction would carry the later time.
    """

    def __init__(self) -> None:
        self._ahead = 0.0  #: seconds by which the chain's clock is ahead
        self._number = -1

    def observe(self, number: int, timestamp: int, now: float) -> None:
        """Update the estimate from the newest block."""
        if number != self._number:
            self._number, self._ahead = number, max(0.0, timestamp - now)

    def now(self, now: float) -> int:
        """Return the chain's time in whole Unix seconds."""
        return int(now + self._ahead)
