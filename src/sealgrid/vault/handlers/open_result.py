"""Handler of ``POST /openings``: seals the vault's share of a paid result's key to the requester's key."""

import msgspec

from sealgrid.units import to_bytes
from sealgrid.vault.checks.result_access import check_opening, not_settled
from sealgrid.vault.checks.signatures import check_canonical, checked_digest
from sealgrid.vault.handlers.deal_state import refuse_unknown_task
from sealgrid.vault.handlers.release_response import make_release
from sealgrid.vault.service import Vault
from sealgrid.wire.shares import seal_share
from sealgrid.wire.vault import OpenReply, OpenRequest, Testimony


async def open_result(vault: Vault, request: OpenRequest) -> OpenReply:
    """Release the share of K2 once the chain has paid; the check numbers are those of ``checks/result_access.py``."""
    check_canonical(addresses=(request.enclave,), digests=(request.task,))
    settled = vault.task_store.find_settle(request.task, request.enclave)
    released = vault.task_store.find_release(request.task, request.enclave)
    if settled is None or released is None:
        raise not_settled()
    with refuse_unknown_task("open.2"):
        snapshot = await vault.chain.task(request.task, worker=settled.settle.worker)
    paid = check_opening(settled, snapshot)
    testimony = None
    if request.testimony:
        release = make_release(released.facts, released.session, released.at)
        testimony = Testimony(
            facts=released.facts.encode().decode(),
            release=release,
            release_signature=vault.sign(release),
            settle=paid.settle,
            settle_signature=paid.signature,
            verdict=paid.verdict,
            verdict_signature=vault.sign(paid.verdict),
        )
    reply = OpenReply(vault=vault.address, testimony=testimony)
    if paid.result_share is None:
        return reply
    share, context = paid.result_share.share, to_bytes(checked_digest(paid.settle, vault.federation.domain), 32)
    return msgspec.structs.replace(
        reply,
        record=paid.result_share.record,
        signature=paid.result_share.signature,
        index=share.index,
        sealed=seal_share(share, to_bytes(released.facts.result_key, 32), context),
    )
