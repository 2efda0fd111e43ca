"""Gather what the rules about a deal are decided on: what is stored here, and what whoever asks has shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import BulkFact, JobParams
from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.iexec_challenge import requester_secret_address
from sealgrid.errors import DealRefused
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.units import Address, Digest, TaskId
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.deposit import StoredShare, input_asset
from sealgrid.vault.checks.entitlement import StoredKeys
from sealgrid.vault.checks.iexec_terms import MatchedSale, sale_of
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.refusals_at_match import PREVIEW_SECONDS, StateAtMatch
from sealgrid.vault.handlers.bulk import bulk_of
from sealgrid.vault.handlers.unpaid_uses import counted_uses
from sealgrid.vault.service import Vault
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.preview import PreviewRequest
from sealgrid.wire.vault import ReleaseRequest


@dataclass(frozen=True, slots=True)
class DealDocuments:
    """What a worker or client shows about a deal, compared with the chain where the chain knows it."""

    sale: MatchedSale | None = None  #: of a dataset whose key came by iExec's route
    rsa: RegisteredResultKey | None = None  #: unchecked
    bulk: BulkFact | UnsetType = UNSET
    refusal: DealRefused | None = None  #: of the bulk


async def shown_for(vault: Vault, snapshot: ChainSnapshot, request: ReleaseRequest | PreviewRequest) -> DealDocuments:
    """Return what is shown about a task; raise ReleaseRefused (7.17) for a bulk that was shown wrongly."""
    try:
        bulk, refusal = await bulk_of(vault, request, snapshot), None
    except DealRefused as error:
        bulk, refusal = UNSET, error
    return DealDocuments(await _sale(vault, request, snapshot), request.result_key, bulk, refusal)


def keys_for(
    vault: Vault, snapshot: DealSnapshot, params: JobParams, shown: DealDocuments, *, but: TaskId, at: int
) -> StoredKeys:
    """Return what the store holds for one deal; ``but`` is the task that counts no use, empty for none."""
    inputs = {sha256: found for sha256 in params.inputs if (found := _input(vault, snapshot, sha256))}
    dataset, developer = snapshot.dataset, vault.custody.usable(snapshot.deal.app.pointer, snapshot.app_owner)
    secrets = _pushed(vault, snapshot.deal.requester, params)
    keys = StoredKeys(
        dataset=None,
        policy=None,
        uses=DatasetUses(),
        inputs=inputs,
        rsa=shown.rsa,
        developer=developer,
        secrets=secrets,
    )
    if dataset is None:
        return keys
    signed = vault.custody.policy(dataset.address, dataset.owner)
    held = vault.custody.usable(dataset.address, dataset.owner)
    proved = signed is not None and signed.policy.proved is True
    return replace(
        keys,
        dataset=held,
        unproved_since=_unproved_since(vault, dataset.address, dataset.owner) if proved else None,
        unopened=held is not None and vault.unopened.find(held.record_digest) is not None,
        policy=None if signed is None else signed.policy,
        uses=counted_uses(vault, snapshot, but=but, at=at),
        sale=shown.sale,
    )


def at_match_of(vault: Vault, snapshot: ChainSnapshot, at: int) -> StateAtMatch:
    """Return what this vault knows of the time at which a task's deal was made."""
    deal, dataset = snapshot.deal, snapshot.dataset
    if dataset is None:
        return StateAtMatch(policies=(), had_share=False, uses=DatasetUses())
    address, owner, until = dataset.address, dataset.owner, deal.start_time
    since = until - PREVIEW_SECONDS
    held = vault.custody.usable(address, owner)
    noted = None if held is None else vault.unopened.find(held.record_digest)
    unproved_since = _unproved_since(vault, address, owner)
    return StateAtMatch(
        policies=vault.history.policies(address, owner, since=since, until=until),
        had_share=vault.history.had_share(address, owner, since=since, until=until),
        uses=vault.history.uses_at_match(
            address, owner, deal.requester, matched=until, cutoff=since, but=snapshot.task_id, at=at
        ),
        unopened=noted is not None and noted.noted <= since,
        unproved=unproved_since is not None and unproved_since <= since,
    )


def _unproved_since(vault: Vault, asset: Address, owner: Address) -> int | None:
    return vault.opened.unproved_since(vault.custody.versions(asset, owner))


async def _sale(vault: Vault, request: ReleaseRequest | PreviewRequest, snapshot: ChainSnapshot) -> MatchedSale | None:
    shown = request.matched
    if shown is None or snapshot.dataset is None:
        return None
    held = vault.custody.usable(snapshot.dataset.address, snapshot.dataset.owner)
    if held is None or held.kind != "iexec":
        return None  # the owner's policy speaks, whatever was shown
    order = from_document(DatasetOrder, shown.order)
    matched = await vault.chain.matched_dataset_order(snapshot, shown.block)
    return sale_of(order, vault.federation.orders, matched)


def _pushed(vault: Vault, requester: Address, params: JobParams) -> dict[str, StoredShare]:
    held = {
        name: vault.custody.usable(requester_secret_address(requester, name), requester) for name in params.secret_names
    }
    return {name: share for name, share in held.items() if share is not None}


def _input(vault: Vault, snapshot: DealSnapshot, sha256: Digest) -> tuple[StoredShare, Sequence[InputGrant]] | None:
    requester = snapshot.deal.requester
    held = vault.custody.usable(input_asset(sha256), requester)
    return None if held is None else (held, vault.custody.grants(requester, sha256))
