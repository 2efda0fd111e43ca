"""Ask the vaults before a deal is made: what they would refuse is not bought."""

from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import DealRefused, SealgridError, ServiceUnavailable
from sealgrid.poco.orders import to_document
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.deal_terms import DealOrders
from sealgrid.sdk.operations.policies import policy_heard
from sealgrid.sdk.operations.vault_quorum import require
from sealgrid.sdk.progress import Progress, ProgressStep, silent
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.preview import OfferedMachine, PreviewRequest, Proposal, VaultOpinion, preview
from sealgrid.wire.quorum import call_all


async def expect_release(conn: Connection, terms: DealOrders, progress: Progress = silent) -> None:
    """Raise DealRefused, with the number of the check, unless enough vaults would release for a deal on these terms.

    Enough are t, or as many as the quorum of the model's owner. Raises ServiceUnavailable where fewer of them answer,
    as a release would fail then. Vaults that answer and know no previews stop nobody: ``progress`` hears of them.
    """
    needed = await _needed(conn, terms.dataset.dataset)
    request = PreviewRequest(proposal=proposal_of(conn, terms), machines=await _machines(conn, terms))
    asked = [
        preview(client.transport, request, vault, conn.domain)
        for client, vault in zip(conn.vaults, conn.vault_addresses, strict=True)
    ]
    replies = await call_all(asked, enough=needed)
    require([reply if isinstance(reply, ServiceUnavailable) else None for reply in replies], needed)
    heard = [reply for reply in replies if isinstance(reply, VaultOpinion)]
    _expect_enough(heard, may_refuse=len(replies) - needed)
    for reply in replies:
        if isinstance(reply, SealgridError):
            progress(
                ProgressStep(f"a vault could not say beforehand whether it will release ({reply.reason.rstrip('.')})")
            )
        elif isinstance(reply, BaseException) and not isinstance(reply, (ValueError, *UNREADABLE)):
            raise reply


def proposal_of(conn: Connection, terms: DealOrders) -> Proposal:
    """Return the deal that these orders would make."""
    request = terms.request
    return Proposal(
        app=terms.app.app,
        dataset=terms.dataset.dataset,
        workerpool=terms.workerpool.workerpool,
        requester=request.requester,
        beneficiary=request.beneficiary,
        callback=request.callback,
        params=request.params,
        tag=request.tag,
        trust=request.trust,
        tasks=request.volume,
        request=order_hash(request, conn.order_domain),
        dataset_order=None if terms.dataset.dataset == ZERO_ADDRESS else to_document(terms.dataset),
    )


async def _needed(conn: Connection, model: Address) -> int:
    """Return how many vaults must release for a run on a model: its owner's signed policy may ask for more than t."""
    if model == ZERO_ADDRESS:
        return conn.network.threshold
    policy = await policy_heard(conn, model)
    quorum = 0 if policy is None else policy.quorum_among(len(conn.vaults))  # none: its key came by iExec's route
    return max(conn.network.threshold, quorum)


def _expect_enough(heard: list[VaultOpinion], *, may_refuse: int) -> None:
    """Raise when more than ``may_refuse`` vaults refuse, so that too few are left."""
    refusing = [each for each in heard if each.check]
    if len(refusing) > may_refuse:
        raise DealRefused(refusing[0].check, refusing[0].sentence)
    unmet = [rule for each in heard for rule in each.machines if rule.advertised is False]
    if len(unmet) > may_refuse:
        raise DealRefused(unmet[0].check, f"the pool has no machine that the model's owner allows. {unmet[0].rule}")


async def _machines(conn: Connection, terms: DealOrders) -> tuple[OfferedMachine, ...]:
    if terms.workerpool.workerpool != conn.network.workerpool:
        return ()  # of another pool nothing is known here
    try:
        return (await conn.pool.view()).machines
    except SealgridError:
        return ()
