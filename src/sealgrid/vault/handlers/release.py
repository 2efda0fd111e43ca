"""Handler of ``POST /releases``: verifies an enclave's evidence and responds with facts and sealed key shares."""

from msgspec import UNSET

from sealgrid.attestation.facts import JobParams, RequesterSignature
from sealgrid.attestation.vault_log import entry_of
from sealgrid.errors import DealRefused
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.vault.chain.reader import ChainReader
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.entitlement import NO_KEYS, Entitlement, check_params, entitle, refusal_entitlement
from sealgrid.vault.checks.nonce import EnclaveAttempt
from sealgrid.vault.checks.refusals_at_match import was_refused_at_match
from sealgrid.vault.checks.release import (
    IssuedNonce,
    TrustedRoots,
    VerifiedEnclave,
    check_chain,
    check_evidence,
    check_nonce,
    own_nonce,
)
from sealgrid.vault.checks.request_order import check_signature_kind, match_request
from sealgrid.vault.checks.settle import release_record
from sealgrid.vault.handlers.bulk import log_inclusion, release_bulk
from sealgrid.vault.handlers.deal_state import (
    DealDocuments,
    find_keys,
    read_documents,
    refuse_unknown_task,
    state_at_match,
)
from sealgrid.vault.handlers.release_response import VaultSigner, make_facts, seal_response
from sealgrid.vault.handlers.unpaid_uses import refund_unpaid_uses
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import ReleaseReply, ReleaseRequest


async def release_shares(vault: Vault, request: ReleaseRequest) -> ReleaseReply:
    """Respond to valid evidence with facts and shares; the check numbers are those of ``checks/release.py``.

    For a refusal that the requester caused, the facts name the failed check, and the response contains no share
    (``checks/refusals_at_match.py``).
    """
    await vault.database.wait_for_commit()
    started = vault.clock()
    issued = vault.task_store.consume_nonce(own_nonce(request, vault.federation))
    attempt = _check_nonce(vault, request, issued, started)  # (1)
    rules, seen = vault.rules, vault.database.evaluations()
    trusted = TrustedRoots(rules.roots, seen, simulated=rules.allow_simulated, quotes=vault.quotes)
    attested = check_evidence(request, attempt, federation=vault.federation, trusted=trusted, at=started)  # (2)…(4b)
    vault.database.raise_evaluation(attested.claims.series, attested.claims.eval_number)
    with refuse_unknown_task("6"):
        snapshot = await vault.chain.task(attempt.task, runtime=attested.runtime)
    documents = await read_documents(vault, snapshot, request)
    kind = await signature_kind(vault.chain, request.request, snapshot, vault.federation.order_domain)
    await refund_unpaid_uses(vault, snapshot, excluding=snapshot.task_id)
    await vault.database.wait_for_commit()
    # No await from here on, so the state below cannot change before it is written.
    at = vault.clock()
    _check_nonce(vault, request, issued, started)  # (1) again: other requests ran while the chain was read
    minimum = rules.minimum_seconds_left
    check_chain(attested, snapshot, federation=vault.federation, at=at, seconds_left=minimum)  # (5) (6)
    entitlement = _entitlement(vault, attested, snapshot, documents, at)  # (5) (7)
    kind = check_signature_kind(kind)  # (7.21)
    bulk = UNSET if entitlement.refusal else documents.bulk
    facts = make_facts(attested, snapshot, entitlement, vault.federation, signature=kind, bulk=bulk)
    record = release_record(attested, facts, at)
    entry = vault.log.prepare(
        entry_of(facts, attested.session, policy=entitlement.policy, block=snapshot.block, time=at)
    )
    bulk_release = release_bulk(vault, facts, entry)
    sealed = seal_response(
        attested,
        facts,
        entitlement.shares,
        log_inclusion(vault, entry),
        request.hpke_public,
        signer=VaultSigner(vault.keys.signing, vault.federation.domain, vault.identity),
        at=at,
        bulk=bulk_release.shares,
    )
    with vault.database.transaction():
        vault.task_store.store_release(record)
        vault.history.note_deal(record.task, snapshot.deal.start_time)
        vault.log.append(entry, *bulk_release.entries)
    return ReleaseReply(vault=vault.address, sealed=sealed)


def _check_nonce(vault: Vault, request: ReleaseRequest, issued: IssuedNonce | None, at: int) -> EnclaveAttempt:
    task = request.authorization.task
    attempts = vault.task_store.attempts(task)
    return check_nonce(
        request.authorization,
        issued,
        attempts[-1] if attempts else None,
        settled=vault.task_store.is_settled(task),
        at=at,
    )


async def signature_kind(
    chain: ChainReader, document: RequestDocument | None, snapshot: ChainSnapshot, domain: OrderDomain
) -> RequesterSignature | None:
    """Return how PoCo accepted the deal's request order as signed; None if the order sent does not show it.

    Reads the chain, at the snapshot's block, only for an order without a signature by the requester's key.
    """
    request = match_request(document, snapshot.deal, domain)
    if request is None:
        return None
    if request.is_signed_by_key():
        return "eoa"
    order = request.order
    return await chain.order_signature_kind(order.requester, request.hash, order.sign, at=snapshot.block_hash)


def _entitlement(
    vault: Vault, attested: VerifiedEnclave, snapshot: ChainSnapshot, documents: DealDocuments, at: int
) -> Entitlement:
    params: JobParams | None = None
    keys = NO_KEYS
    try:
        params = check_params(snapshot.deal)
        if documents.refusal is not None:
            raise documents.refusal
        keys = find_keys(vault, snapshot, params, documents, excluding=snapshot.task_id, at=at)
        return entitle(attested, snapshot, params, keys, at=at)
    except DealRefused as refusal:
        if not was_refused_at_match(refusal, snapshot, params, keys, state_at_match(vault, snapshot, at)):
            raise
        return refusal_entitlement(refusal.check)
