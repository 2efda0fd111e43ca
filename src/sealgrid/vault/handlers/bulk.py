"""Bulk deals in a release: reads the slice's datasets on the chain, and adds their shares and log entries."""

from dataclasses import dataclass, field

from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import BulkFact, Facts
from sealgrid.attestation.vault_log import entry_of
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.bulk import is_key_of, make_bulk_fact, parse_slice
from sealgrid.vault.checks.entitlement import check_params
from sealgrid.vault.handlers.release_response import bulk_share
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.log_store import AppendedEntry
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.preview import PreviewRequest
from sealgrid.wire.vault import BulkShare, ReleaseRequest


@dataclass(frozen=True, slots=True)
class BulkRelease:
    """One vault's part of a bulk: a share and a log entry for each dataset whose key it has."""

    shares: list[BulkShare] = field(default_factory=list)
    entries: list[AppendedEntry] = field(default_factory=list)


async def read_bulk(
    vault: Vault, request: ReleaseRequest | PreviewRequest, snapshot: ChainSnapshot
) -> BulkFact | UnsetType:
    """Return the facts about a task's bulk, UNSET for a deal without one; raise ReleaseRefused (7.3) or (7.17)."""
    params, documents = check_params(snapshot.deal), request.bulk
    if params.bulk_cid is None:
        return UNSET
    orders = parse_slice(documents, params, snapshot.deal, snapshot.task.index)  # (7.3) (7.17)
    block = 0 if documents is None else documents.block
    offers = await vault.chain.bulk_offers(snapshot, orders, block)
    return make_bulk_fact(offers, snapshot.deal, block)  # (7.12) (7.17) … (7.19)


def release_bulk(vault: Vault, facts: Facts, entry: AppendedEntry) -> BulkRelease:
    """Return this vault's shares of a bulk's keys, each with its own log entry after the release's entry."""
    bulk, release = BulkRelease(), entry.entry
    for index, dataset in enumerate(facts.bulk.datasets if facts.bulk else ()):
        share = None if dataset is None else vault.share_store.find_usable(dataset.address, dataset.owner)
        if dataset is not None and is_key_of(share, dataset):  # (7.1)
            next_entry = entry_of(
                facts, release.session, policy=0, block=release.block, time=release.time, bulk=dataset
            )
            bulk.entries.append(vault.log.prepare(next_entry, after=bulk.entries[-1] if bulk.entries else entry))
            bulk.shares.append(bulk_share(index, share, log_inclusion(vault, bulk.entries[-1])))
    return bulk


def log_inclusion(vault: Vault, entry: AppendedEntry) -> LogInclusion:
    """Return the inclusion proof of a prepared entry, valid once the entry is written."""
    return LogInclusion(head=vault.sign_head(entry.frontier, entry.entry.time), logged=entry.proof)
