"""Shares of a bulk: one share and one log entry for each dataset whose pushed key this vault has."""

from dataclasses import replace

import msgspec

from sealgrid.attestation.facts import BulkFact, DatasetFact
from sealgrid.attestation.vault_log import check_entry, entry_of
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from sealgrid.vault.handlers.bulk import log_inclusion, release_bulk
from sealgrid.vault.service import Vault
from tests.unit.vault.vault_scene import DATASET, MODEL, MODEL_KEY, NOW, OWNER, STRANGER, Split, facts

PUSHED = replace(MODEL_KEY.stored_share("iexec"), value_hash=to_digest(b"\x62" * 32))
HAS = DatasetFact(address=DATASET, owner=OWNER.address, checksum=MODEL)
LACKS = DatasetFact(address=to_address(b"\x63" * 20), owner=OWNER.address, checksum=MODEL)
SESSION = to_digest(b"\x64" * 32)


def of_bulk(*datasets: DatasetFact | None) -> object:
    return msgspec.structs.replace(facts(), dataset=None, bulk=BulkFact(block=7, datasets=datasets, left_out=()))


def released(vault: Vault, *datasets: DatasetFact | None) -> object:
    of_task = of_bulk(*datasets)
    return release_bulk(vault, of_task, vault.log.prepare(entry_of(of_task, SESSION, policy=0, block=7, time=NOW)))


def test_only_a_dataset_whose_key_is_here_gets_a_share_at_its_index(vault: Vault) -> None:
    vault.share_store.store(PUSHED, policy=None, grant=None, at=NOW)
    bulk = released(vault, None, LACKS, HAS)
    assert [share.place for share in bulk.shares] == [2]
    assert [entry.entry.asset for entry in bulk.entries] == [DATASET]


def test_the_entries_follow_the_releases_own_and_each_share_carries_its_proof(vault: Vault) -> None:
    other = Split(asset=LACKS.address)
    for share in (PUSHED, replace(other.stored_share("iexec"), value_hash=PUSHED.value_hash)):
        vault.share_store.store(share, policy=None, grant=None, at=NOW)
    of_task = of_bulk(LACKS, HAS)
    first = vault.log.prepare(entry_of(of_task, SESSION, policy=0, block=7, time=NOW))
    bulk = release_bulk(vault, of_task, first)
    vault.log.append(first, *bulk.entries)
    proofs = [log_inclusion(vault, first), *(share.log for share in bulk.shares)]
    entries = [
        check_entry(proof.logged.entry.encode(), index, proof.logged.path, proof.head.head)
        for index, proof in enumerate(proofs)
    ]
    assert [entry.asset for entry in entries] == [ZERO_ADDRESS, LACKS.address, DATASET]


def test_a_key_with_a_policy_or_of_a_former_owner_is_not_given(vault: Vault) -> None:
    vault.share_store.store(MODEL_KEY.stored_share("dataset"), policy=None, grant=None, at=NOW)
    assert released(vault, HAS).shares == []
    assert released(vault, msgspec.structs.replace(HAS, owner=STRANGER.address)).shares == []
