"""Serve the bulk of a task: what the chain says before a release, which shares and entries of the log go with it."""

from dataclasses import dataclass, field

from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import BulkFact, Facts
from sealgrid.attestation.vault_log import entry_of
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.bulk import is_key_of, judge, read_slice
from sealgrid.vault.checks.entitlement import read_params
from sealgrid.vault.handlers.release_response import bulk_share
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.log_store import AppendedEntry
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.preview import PreviewRequest
from sealgrid.wire.vault import BulkShare, ReleaseRequest


@dataclass(frozen=True, slots=True)
class BulkRelease:
    """What one vault gives of a bulk: a share and an entry of the log for each dataset whose key it holds."""

    shares: list[BulkShare] = field(default_factory=list)
    entries: list[AppendedEntry] = field(default_factory=list)


async def bulk_of(
    vault: Vault, request: ReleaseRequest | PreviewRequest, snapshot: ChainSnapshot
) -> BulkFact | UnsetType:
    """Return what facts say of a task's bulk, UNSET for a deal without one; raise ReleaseRefused (7.3) or (7.17)."""
    params, shown = read_params(snapshot.deal), request.bulk
    if params.bulk_cid is None:
        return UNSET
    orders = read_slice(shown, params, snapshot.deal, snapshot.task.index)  # (7.3) (7.17)
    block = 0 if shown is None else shown.block
    return judge(await vault.chain.offered(snapshot, orders, block), snapshot.deal, block)  # (7.12) (7.17) … (7.19)


def shares_of_bulk(vault: Vault, facts: Facts, entry: AppendedEntry) -> BulkRelease:
    """Return our shares of a bulk's keys, each under its own entry of the log behind the release's."""
    given, said = BulkRelease(), entry.entry
    for place, dataset in enumerate(facts.bulk.datasets if facts.bulk else ()):
        held = None if dataset is None else vault.custody.usable(dataset.address, dataset.owner)
        if dataset is not None and is_key_of(held, dataset):  # (7.1)
            of_it = entry_of(facts, said.session, policy=0, block=said.block, time=said.time, bulk=dataset)
            given.entries.append(vault.log.next(of_it, after=given.entries[-1] if given.entries else entry))
            given.shares.append(bulk_share(place, held, logged(vault, given.entries[-1])))
    return given


def logged(vault: Vault, entry: AppendedEntry) -> LogInclusion:
    """Return the proof that an entry stands in our log, as it will once it is written."""
    return LogInclusion(head=vault.signed_head(entry.frontier, entry.entry.time), logged=entry.proof)
