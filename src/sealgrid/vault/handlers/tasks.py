"""Serve enclaves and requesters: nonce, release, settle, open, in that order for every confidential task."""

from collections.abc import Awaitable

import msgspec
from msgspec import UNSET

from sealgrid.attestation.facts import JobParams
from sealgrid.attestation.statements import Verdict
from sealgrid.attestation.vault_log import entry_of
from sealgrid.errors import DealRefused, NotFound, ReleaseRefused
from sealgrid.units import to_bytes
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks import release, result_access, settle
from sealgrid.vault.checks.entitlement import NO_KEYS, Entitlement, entitle, read_params, refused
from sealgrid.vault.checks.nonce import NONCE_BYTES, EnclaveAttempt, authorised_digest, check_nonce_request
from sealgrid.vault.checks.refusals_at_match import stood_at_match
from sealgrid.vault.checks.request_order import check_signed, signature_kind
from sealgrid.vault.checks.signatures import canonical, digest_of
from sealgrid.vault.handlers.bulk import logged, shares_of_bulk
from sealgrid.vault.handlers.deal_state import DealDocuments, at_match_of, keys_for, shown_for
from sealgrid.vault.handlers.release_response import VaultSigner, facts_of, release_of, sealed_answer
from sealgrid.vault.handlers.settled_files import fetch_settled
from sealgrid.vault.handlers.unpaid_uses import give_back_unpaid
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.opened_keys import opened_record
from sealgrid.vault.stores.unopened_keys import unopened_record
from sealgrid.wire.shares import seal_share
from sealgrid.wire.vault import (
    NonceReply,
    NonceRequest,
    OpenReply,
    OpenRequest,
    ReleaseReply,
    ReleaseRequest,
    SettleReply,
    SettleRequest,
    Testimony,
)


async def give_nonce(vault: Vault, request: NonceRequest) -> NonceReply:
    """Give a nonce to an enclave that the pool authorised."""
    asked = request.authorization
    word = (authorised_digest(asked), asked.signature)
    snapshot = await vault.chain.task(asked.task, pool_word=word)
    await vault.store.turn()
    attempt = check_nonce_request(
        request,
        snapshot,
        vault.journal.attempts(asked.task),
        settled=vault.journal.is_settled(asked.task),
        restored=vault.store.restored,
        domain=vault.federation.domain,
    )
    nonce, at = vault.random(NONCE_BYTES), vault.clock()
    expires = at + vault.rules.nonce_ttl
    vault.journal.give_nonce(nonce, attempt, expires, at)
    return NonceReply(vault=vault.us, nonce=nonce, expires=expires)


async def release_shares(vault: Vault, request: ReleaseRequest) -> ReleaseReply:
    """Answer evidence with facts and shares, as ``release.py`` numbers it.

    A refusal that the requester brought about is answered with facts that name it, and no share (``at_match.py``).
    """
    await vault.store.turn()
    began = vault.clock()
    given = vault.journal.consume_nonce(release.own_nonce(request, vault.federation))
    attempt = _current(vault, request, given, began)  # (1)
    attested = release.check_evidence(  # (2) (3) (4) (4b)
        request, attempt, federation=vault.federation, trusted=_trusted(vault), at=began
    )
    vault.store.raise_evaluation(attested.claims.series, attested.claims.eval_number)
    snapshot = await _still_known("6", vault.chain.task(attempt.task, runtime=attested.runtime))
    shown = await shown_for(vault, snapshot, request)
    signed = await signature_kind(vault.chain, request.request, snapshot, vault.federation.orders)
    await give_back_unpaid(vault, snapshot, but=snapshot.task_id)
    await vault.store.turn()
    at = vault.clock()
    _current(vault, request, given, began)  # (1) others were served while the chain was read
    release.check_chain(attested, snapshot, federation=vault.federation, at=at, seconds_left=vault.rules.seconds_left)
    granted = _granted(vault, attested, snapshot, shown, at)  # (5) (7)
    kind = check_signed(signed)  # (7.21)
    bulk = UNSET if granted.refusal else shown.bulk
    facts = facts_of(attested, snapshot, granted, vault.federation, signature=kind, bulk=bulk)
    released = settle.remembered(attested, facts, at)
    entry = vault.log.next(entry_of(facts, attested.session, policy=granted.policy, block=snapshot.block, time=at))
    of_bulk = shares_of_bulk(vault, facts, entry)
    speaker = VaultSigner(vault.keys.signing, vault.federation.domain, vault.identity)
    sealed = sealed_answer(
        attested,
        facts,
        granted.shares,
        logged(vault, entry),
        request.hpke_public,
        speaker=speaker,
        at=at,
        bulk=of_bulk.shares,
    )
    with vault.store.transaction():
        vault.journal.remember_release(released)
        vault.history.note_deal(released.task, snapshot.deal.start_time)
        vault.log.append(entry, *of_bulk.entries)
    return ReleaseReply(vault=vault.us, sealed=sealed)


async def settle_result(vault: Vault, request: SettleRequest) -> SettleReply:
    """Bind a result and sign the Verdict about it, as ``settle.py`` numbers it; the same again gives the same."""
    wanted = request.settle
    digests = (wanted.task, wanted.sealed_sha256, wanted.receipt_sha256)
    canonical(addresses=(wanted.worker, wanted.enclave), digests=digests)
    released, escrowed, known = _settleable(vault, request)  # (1) (2) (3) (4)
    if known is not None:
        return _reply(vault, known.verdict)
    receipt = await fetch_settled(  # (5)
        vault.files, wanted.sealed_sha256, wanted.receipt_sha256, output_bytes=released.facts.output_bytes
    )
    body = settle.check_receipt(receipt, wanted, released, vault.federation.domain)  # (6)
    snapshot = await _still_known("settle.7", vault.chain.task(wanted.task))
    at = vault.clock()
    settle.check_time(released, snapshot, at=at)  # (7)
    released, escrowed, known = _settleable(vault, request)  # (3) others were served in the meantime
    if known is not None:
        return _reply(vault, known.verdict)
    verdict = settle.verdict_for(wanted, released, vault.federation.vault_set, at)
    with vault.store.transaction():
        vault.journal.remember_settle(settle.SettleRecord(wanted, request.signature, escrowed, verdict, at))
        if (record := unopened_record(body, released.facts)) is not None:
            vault.unopened.note(record, wanted.task, snapshot.time)
        if (record := opened_record(body, released.facts)) is not None:
            vault.opened.note(record, wanted.task, snapshot.time)
    return _reply(vault, verdict)


async def open_result(vault: Vault, request: OpenRequest) -> OpenReply:
    """Give our share of K2 to the requester's key once the chain has paid, as ``opening.py`` numbers it."""
    canonical(addresses=(request.enclave,), digests=(request.task,))
    settled = vault.journal.settle(request.task, request.enclave)
    released = vault.journal.release(request.task, request.enclave)
    if settled is None or released is None:
        raise result_access.unknown()
    snapshot = await _still_known("open.2", vault.chain.task(request.task, worker=settled.settle.worker))
    paid = result_access.check_opening(settled, snapshot)
    reply = OpenReply(vault=vault.us, testimony=_testimony(vault, released, paid) if request.testimony else None)
    if paid.escrowed is None:
        return reply
    share, context = paid.escrowed.share, to_bytes(digest_of(paid.settle, vault.federation.domain), 32)
    return msgspec.structs.replace(
        reply,
        record=paid.escrowed.record,
        signature=paid.escrowed.signature,
        index=share.index,
        sealed=seal_share(share, to_bytes(released.facts.result_key, 32), context),
    )


async def _still_known(number: str, reading: Awaitable[ChainSnapshot]) -> ChainSnapshot:
    # A task that was there when its nonce was given has been taken back together with its block.
    try:
        return await reading
    except NotFound as error:
        raise ReleaseRefused(number, "the chain knows this task no more; its block was taken back.") from error


def _testimony(vault: Vault, released: settle.ReleaseRecord, paid: settle.SettleRecord) -> Testimony:
    release_statement = release_of(released.facts, released.session, released.at)
    return Testimony(
        facts=released.facts.encode().decode(),
        release=release_statement,
        release_signature=vault.sign(release_statement),
        settle=paid.settle,
        settle_signature=paid.signature,
        verdict=paid.verdict,
        verdict_signature=vault.sign(paid.verdict),
    )


def _current(vault: Vault, request: ReleaseRequest, given: release.IssuedNonce | None, at: int) -> EnclaveAttempt:
    task = request.authorization.task
    attempts = vault.journal.attempts(task)
    return release.check_nonce(
        request.authorization,
        given,
        attempts[-1] if attempts else None,
        settled=vault.journal.is_settled(task),
        at=at,
    )


def _trusted(vault: Vault) -> release.TrustedRoots:
    return release.TrustedRoots(vault.rules.roots, vault.store.evaluation(), simulated=vault.rules.simulated)


def _granted(
    vault: Vault, attested: release.VerifiedEnclave, snapshot: ChainSnapshot, shown: DealDocuments, at: int
) -> Entitlement:
    params: JobParams | None = None
    keys = NO_KEYS
    try:
        params = read_params(snapshot.deal)
        if shown.refusal is not None:
            raise shown.refusal
        keys = keys_for(vault, snapshot, params, shown, but=snapshot.task_id, at=at)
        return entitle(attested, snapshot, params, keys, at=at)
    except DealRefused as refusal:
        if not stood_at_match(refusal, snapshot, params, keys, at_match_of(vault, snapshot, at)):
            raise
        return refused(refusal.check)


def _settleable(
    vault: Vault, request: SettleRequest
) -> tuple[settle.ReleaseRecord, settle.ResultShare | None, settle.SettleRecord | None]:
    wanted = request.settle
    known = vault.journal.settle(wanted.task, wanted.enclave)
    released, escrowed = settle.check_settle(
        request,
        vault.journal.release(wanted.task, wanted.enclave),
        known,
        federation=vault.federation,
        deposit_key=vault.keys.deposit,
    )
    return released, escrowed, known


def _reply(vault: Vault, verdict: Verdict) -> SettleReply:
    return SettleReply(verdict=verdict, signature=vault.sign(verdict))
