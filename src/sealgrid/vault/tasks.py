"""Serve enclaves and requesters: nonce, release, settle, open, in that order for every confidential task."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace

import msgspec

from sealgrid.attestation.facts import JobParams
from sealgrid.attestation.log import entry_of
from sealgrid.attestation.statements import InputGrant, Verdict
from sealgrid.crypto import hpke
from sealgrid.crypto.iexec_challenge import requester_secret
from sealgrid.errors import NotFound, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.vault import nonces, opening, release, settle
from sealgrid.vault.answer import Speaker, facts_of, release_of, sealed_answer
from sealgrid.vault.bulk_task import bulk_of, logged, shares_of_bulk
from sealgrid.vault.deposit import HeldShare, input_asset
from sealgrid.vault.entitlement import HeldKeys, entitle, read_params
from sealgrid.vault.files import fetch_settled
from sealgrid.vault.iexec_terms import Sale, sale_of
from sealgrid.vault.service import Vault
from sealgrid.vault.signatures import canonical, digest_of
from sealgrid.vault.snapshot import ChainSnapshot
from sealgrid.vault.terms import Uses
from sealgrid.vault.unpaid import counted_uses, give_back_unpaid
from sealgrid.wire.message import encode
from sealgrid.wire.vault import (
    NonceReply,
    NonceRequest,
    OpenReply,
    OpenRequest,
    ReleaseReply,
    ReleaseRequest,
    SettleReply,
    SettleRequest,
    SharePart,
    Testimony,
)


async def give_nonce(vault: Vault, request: NonceRequest) -> NonceReply:
    """Give a nonce to an enclave that the pool authorised."""
    asked = request.authorization
    word = (nonces.authorised_digest(asked), asked.signature)
    snapshot = await vault.chain.task(asked.task, pool_word=word)
    await vault.store.turn()
    attempt = nonces.check_nonce_request(
        request,
        snapshot,
        vault.journal.attempts(asked.task),
        settled=vault.journal.is_settled(asked.task),
        restored=vault.store.restored,
        domain=vault.federation.domain,
    )
    nonce, at = vault.random(nonces.NONCE_BYTES), vault.clock()
    expires = at + vault.rules.nonce_ttl
    vault.journal.give_nonce(nonce, attempt, expires, at)
    return NonceReply(vault=vault.us, nonce=nonce, expires=expires)


async def release_shares(vault: Vault, request: ReleaseRequest) -> ReleaseReply:
    """Answer evidence with facts and shares, as ``release.py`` numbers it."""
    await vault.store.turn()
    began = vault.clock()
    given = vault.journal.consume_nonce(release.own_nonce(request, vault.federation))
    attempt = _current(vault, request, given, began)  # (1)
    attested = release.check_evidence(  # (2) (3) (4) (4b)
        request, attempt, federation=vault.federation, trusted=_trusted(vault), at=began
    )
    vault.store.raise_evaluation(attested.claims.series, attested.claims.eval_number)
    snapshot = await _still_known("6", vault.chain.task(attempt.task, runtime=attested.runtime))
    sale, bulk = await _sale(vault, request, snapshot), await bulk_of(vault, request, snapshot)
    await give_back_unpaid(vault, snapshot)
    await vault.store.turn()
    at = vault.clock()
    _current(vault, request, given, began)  # (1) others were served while the chain was read
    release.check_chain(attested, snapshot, federation=vault.federation, at=at, seconds_left=vault.rules.seconds_left)
    params = read_params(snapshot.deal)
    keys = replace(_keys_for(vault, snapshot, params, sale, at), rsa=request.result_key)
    granted = entitle(attested, snapshot, params, keys, at=at)  # (5) (7)
    facts = facts_of(attested, snapshot, granted, vault.federation, bulk)
    released = settle.remembered(attested, facts, at)
    entry = vault.log.next(entry_of(facts, attested.session, policy=granted.policy, block=snapshot.block, time=at))
    of_bulk = shares_of_bulk(vault, facts, entry)
    speaker = Speaker(vault.keys.signing, vault.federation.domain, vault.identity)
    sealed = sealed_answer(
        attested, facts, granted.shares, logged(vault, entry), request.hpke_public,
        speaker=speaker, at=at, bulk=of_bulk.shares,
    )  # fmt: skip
    with vault.store.transaction():
        vault.journal.remember_release(released)
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
    settle.check_receipt(receipt, wanted, released, vault.federation.domain)  # (6)
    snapshot = await _still_known("settle.7", vault.chain.task(wanted.task))
    at = vault.clock()
    settle.check_time(released, snapshot, at=at)  # (7)
    released, escrowed, known = _settleable(vault, request)  # (3) others were served in the meantime
    if known is not None:
        return _reply(vault, known.verdict)
    verdict = settle.verdict_for(wanted, released, vault.federation.vault_set, at)
    vault.journal.remember_settle(settle.Settled(wanted, request.signature, escrowed, verdict, at))
    return _reply(vault, verdict)


async def open_result(vault: Vault, request: OpenRequest) -> OpenReply:
    """Give our share of K2 to the requester's key once the chain has paid, as ``opening.py`` numbers it."""
    canonical(addresses=(request.enclave,), digests=(request.task,))
    settled = vault.journal.settle(request.task, request.enclave)
    released = vault.journal.release(request.task, request.enclave)
    if settled is None or released is None:
        raise opening.unknown()
    snapshot = await _still_known("open.2", vault.chain.task(request.task, worker=settled.settle.worker))
    paid = opening.check_opening(settled, snapshot)
    reply = OpenReply(vault=vault.us, testimony=_testimony(vault, released, paid) if request.testimony else None)
    if paid.escrowed is None:
        return reply
    share, context = paid.escrowed.share, to_bytes(digest_of(paid.settle, vault.federation.domain), 32)
    part = encode(SharePart(value=share.value, blind=share.blind))
    return msgspec.structs.replace(
        reply,
        record=paid.escrowed.record,
        signature=paid.escrowed.signature,
        index=share.index,
        sealed=hpke.seal(to_bytes(released.facts.result_key, 32), part, context),
    )


async def _still_known(number: str, reading: Awaitable[ChainSnapshot]) -> ChainSnapshot:
    # A task that was there when its nonce was given has been taken back together with its block.
    try:
        return await reading
    except NotFound as error:
        raise ReleaseRefused(number, "the chain knows this task no more; its block was taken back.") from error


def _testimony(vault: Vault, released: settle.Released, paid: settle.Settled) -> Testimony:
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


def _current(vault: Vault, request: ReleaseRequest, given: release.GivenNonce | None, at: int) -> nonces.Attempt:
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


async def _sale(vault: Vault, request: ReleaseRequest, snapshot: ChainSnapshot) -> Sale | None:
    shown = request.matched
    if shown is None or snapshot.dataset is None:
        return None
    held = vault.custody.usable(snapshot.dataset.address, snapshot.dataset.owner)
    if held is None or held.kind != "iexec":
        return None  # the owner's policy speaks, whatever was shown
    order = from_document(DatasetOrder, shown.order)
    matched = await vault.chain.matched_dataset_order(snapshot, shown.block)
    return sale_of(order, OrderDomain(chain=vault.federation.chain, hub=vault.federation.hub), matched)


def _keys_for(vault: Vault, snapshot: ChainSnapshot, params: JobParams, sale: Sale | None, at: int) -> HeldKeys:
    inputs = {sha256: found for sha256 in params.inputs if (found := _input(vault, snapshot, sha256))}
    dataset, developer = snapshot.dataset, vault.custody.usable(snapshot.deal.app.pointer, snapshot.app_owner)
    secrets = _pushed(vault, snapshot.deal.requester, params)
    if dataset is None:
        return HeldKeys(dataset=None, policy=None, uses=Uses(), inputs=inputs, developer=developer, secrets=secrets)
    signed = vault.custody.policy(dataset.address, dataset.owner)
    return HeldKeys(
        dataset=vault.custody.usable(dataset.address, dataset.owner),
        policy=None if signed is None else signed.policy,
        uses=counted_uses(vault, snapshot, at),
        inputs=inputs,
        sale=sale,
        developer=developer,
        secrets=secrets,
    )


def _pushed(vault: Vault, requester: Address, params: JobParams) -> dict[str, HeldShare]:
    held = {name: vault.custody.usable(requester_secret(requester, name), requester) for name in params.secret_names}
    return {name: share for name, share in held.items() if share is not None}


def _input(vault: Vault, snapshot: ChainSnapshot, sha256: Digest) -> tuple[HeldShare, Sequence[InputGrant]] | None:
    requester = snapshot.deal.requester
    held = vault.custody.usable(input_asset(sha256), requester)
    return None if held is None else (held, vault.custody.grants(requester, sha256))


def _settleable(
    vault: Vault, request: SettleRequest
) -> tuple[settle.Released, settle.Escrowed | None, settle.Settled | None]:
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
