"""What receipts proved about keys: the first proof stays, and a new version needs its own."""

from dataclasses import replace

import msgspec

from sealgrid.attestation.facts import DatasetFact
from sealgrid.units import TaskId, to_digest
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.key_notes import KeyNote, opened_record, unopened_record
from sealgrid.vault.stores.share_store import StoredVersion
from tests.unit.receipts.receipt_scene import Job
from tests.unit.vault.vault_scene import MODEL_KEY, TASK, Split, facts

FIRST, SECOND = MODEL_KEY.stored_share(), Split(version=2).stored_share()
VERSIONS = [
    StoredVersion(each.record, each.record_digest, each.signature, received=received, destroyed=0)
    for each, received in ((FIRST, 100), (SECOND, 200))
]


def test_the_first_note_about_a_key_stays(vault: Vault) -> None:
    other = TaskId(to_digest(b"\x61" * 32))
    for task, at in ((TASK, 5), (other, 6)):
        vault.unopened_keys.note(FIRST.record_digest, task, at)
    assert vault.unopened_keys.find(FIRST.record_digest) == KeyNote(TASK, 5)
    assert vault.opened_keys.find(FIRST.record_digest) is None


def test_a_key_is_unproved_from_the_deposit_of_the_first_version_after_a_proved_one(vault: Vault) -> None:
    assert vault.opened_keys.unproved_since(VERSIONS) == 0
    vault.opened_keys.note(FIRST.record_digest, TASK, 150)
    assert vault.opened_keys.unproved_since(VERSIONS[:1]) is None
    assert vault.opened_keys.unproved_since(VERSIONS) == 200
    vault.opened_keys.note(SECOND.record_digest, TASK, 250)
    assert vault.opened_keys.unproved_since([*VERSIONS, replace(VERSIONS[1], received=300)]) is None


def test_a_receipt_proves_the_record_of_the_deals_dataset_alone() -> None:
    record = FIRST.record_digest
    opened, unopened = Job(body={"opened": True}).receipt.body, Job(body={"exit_class": "unopened"}).receipt.body
    assert (opened_record(opened, facts()), unopened_record(opened, facts())) == (record, None)
    assert (opened_record(unopened, facts()), unopened_record(unopened, facts())) == (None, record)
    without = msgspec.structs.replace(facts(), dataset=None)
    assert isinstance(facts().dataset, DatasetFact)
    assert opened_record(opened, without) is None
