"""Collects the input of the checks about a deal: stored keys and terms, and the documents in the request."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import BulkFact, JobParams
from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.iexec_challenge import requester_secret_address
from sealgrid.errors import DealRefused, NotFound, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.units import Address, Digest, TaskId
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.deposit import StoredShare, input_asset
from sealgrid.vault.checks.entitlement import StoredKeys
from sealgrid.vault.checks.iexec_terms import MatchedSale, make_sale
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.refusals_at_match import PREVIEW_SECONDS, StateAtMatch
from sealgrid.vault.handlers.bulk import read_bulk
from sealgrid.vault.handlers.unpaid_uses import count_uses
from sealgrid.vault.service import Vault
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.preview import PreviewRequest
from sealgrid.wire.vault import ReleaseRequest


@dataclass(frozen=True, slots=True)
class DealDocuments:
    """Documents about a deal from a worker or client, verified against the chain where possible."""

    sale: MatchedSale | None = None  #: of a dataset whose key was pushed through iExec's API
    rsa: RegisteredResultKey | None = None  #: not verified
    bulk: BulkFact | UnsetType = UNSET
    refusal: DealRefused | None = None  #: of the bulk


async def read_documents(
    vault: Vault, snapshot: ChainSnapshot, request: ReleaseRequest | PreviewRequest
) -> DealDocuments:
    """Return the documents of a request about a task; raise ReleaseRefused (7.17) for a wrong or missing bulk."""
    try:
        bulk, refusal = await read_bulk(vault, request, snapshot), None
    except DealRefused as error:
        bulk, refusal = UNSET, error
    return DealDocuments(await _read_sale(vault, request, snapshot), request.result_key, bulk, refusal)


@contextmanager
def refuse_unknown_task(check: str) -> Iterator[None]:
    """Turn NotFound into ReleaseRefused: a reorganisation removed the block of a task that the vault has served."""
    try:
        yield
    except NotFound as error:
        raise ReleaseRefused(check, "the chain no longer has this task; its block was reorganised.") from error


def find_keys(
    vault: Vault, snapshot: DealSnapshot, params: JobParams, documents: DealDocuments, *, excluding: TaskId, at: int
) -> StoredKeys:
    """Return the stored keys of one deal; uses by the task ``excluding`` do not count (empty for none)."""
    find_usable, requester = vault.share_store.find_usable, snapshot.deal.requester
    inputs: dict[Digest, tuple[StoredShare, Sequence[InputGrant]]] = {}
    own = None
    if params.task_inputs is not None:
        own = vault.share_store.task_input(requester, params.task_inputs, _task_index(snapshot))
    for sha256 in (*params.inputs, *(() if own is None else (own.file_sha256,))):
        if (share := find_usable(input_asset(sha256), requester)) is not None:
            inputs[sha256] = (share, vault.share_store.grants(requester, sha256))
    secrets: dict[str, StoredShare] = {}
    for name in params.secret_names:
        if (share := find_usable(requester_secret_address(requester, name), requester)) is not None:
            secrets[name] = share
    keys = StoredKeys(
        dataset=None,
        policy=None,
        uses=DatasetUses(),
        inputs=inputs,
        task_input=own,
        rsa=documents.rsa,
        developer=find_usable(snapshot.deal.app.pointer, snapshot.app_owner),
        secrets=secrets,
    )
    dataset = snapshot.dataset
    if dataset is None:
        return keys
    signed = vault.share_store.policy(dataset.address, dataset.owner)
    share = find_usable(dataset.address, dataset.owner)
    proved = signed is not None and signed.policy.proved is True
    return replace(
        keys,
        dataset=share,
        unproved_since=_unproved_since(vault, dataset.address, dataset.owner) if proved else None,
        unopened=share is not None and vault.unopened_keys.find(share.record_digest) is not None,
        policy=None if signed is None else signed.policy,
        uses=count_uses(vault, snapshot, excluding=excluding, at=at),
        sale=documents.sale,
    )


def state_at_match(vault: Vault, snapshot: ChainSnapshot, at: int) -> StateAtMatch:
    """Return this vault's state at the time when a task's deal was matched."""
    deal, dataset = snapshot.deal, snapshot.dataset
    if dataset is None:
        return StateAtMatch(policies=(), had_share=False, uses=DatasetUses())
    address, owner, until = dataset.address, dataset.owner, deal.start_time
    since = until - PREVIEW_SECONDS
    share = vault.share_store.find_usable(address, owner)
    note = None if share is None else vault.unopened_keys.find(share.record_digest)
    unproved_since = _unproved_since(vault, address, owner)
    return StateAtMatch(
        policies=vault.history.policies(address, owner, since=since, until=until),
        had_share=vault.history.had_share(address, owner, since=since, until=until),
        uses=vault.history.uses_at_match(
            address, owner, deal.requester, matched=until, cutoff=since, excluding=snapshot.task_id, at=at
        ),
        unopened=note is not None and note.noted <= since,
        unproved=unproved_since is not None and unproved_since <= since,
    )


def _task_index(snapshot: DealSnapshot) -> int:
    """Return the index of a snapshot's task; of a deal without one, as a preview proposes it, that of its last."""
    if isinstance(snapshot, ChainSnapshot):
        return snapshot.task.index
    return snapshot.deal.bot_first + snapshot.deal.bot_size - 1


def _unproved_since(vault: Vault, asset: Address, owner: Address) -> int | None:
    return vault.opened_keys.unproved_since(vault.share_store.versions(asset, owner))


async def _read_sale(
    vault: Vault, request: ReleaseRequest | PreviewRequest, snapshot: ChainSnapshot
) -> MatchedSale | None:
    document = request.matched
    if document is None or snapshot.dataset is None:
        return None
    share = vault.share_store.find_usable(snapshot.dataset.address, snapshot.dataset.owner)
    if share is None or share.kind != "iexec":
        return None  # the owner's policy decides, so the order sent does not matter
    order = from_document(DatasetOrder, document.order)
    matched = await vault.chain.matched_order_hash(snapshot, document.block)
    return make_sale(order, vault.federation.order_domain, matched)
