"""Receipts of a bulk's task: the used datasets, and each vault's log proofs."""

import json

import pytest

from sealgrid.attestation.facts import BulkFact, DatasetFact, OmittedDataset
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.receipts.receipt import UsedDataset, parse_envelope
from sealgrid.receipts.verify import verify
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from tests.unit.receipts.receipt_mutations import leaves, mutate, number_for
from tests.unit.receipts.receipt_scene import FACTS, PINS, VAULT_KEYS, VAULTS, Job, alter

OWNER = FACTS.dataset.owner
FIRST, SECOND = (
    DatasetFact(address=to_address(bytes([n]) * 20), owner=OWNER, checksum=to_digest(bytes([n]) * 32)) for n in (81, 82)
)
REFUSED = OmittedDataset(place=1, dataset=to_address(b"\x53" * 20), check="7.18")
PARAMS = '{"bulk_cid":"bafkrei' + "a" * 52 + '"}'
ORDER = {"dataset": ZERO_ADDRESS, "params": PARAMS}
IN_BULK = {
    "params": PARAMS,
    "result_key": NO_RESULT_KEY,
    "dataset": None,
    "secrets": (),
    "inputs": (),
    "release": "direct",
    "bulk": BulkFact(block=7, datasets=(FIRST, None, SECOND), left_out=(REFUSED,)),
}


def used(*datasets):
    return tuple(UsedDataset(address=each.address, checksum=each.checksum) for each in datasets)


def job(body=(FIRST, SECOND), logged=(FIRST, SECOND), facts=IN_BULK, **named):
    made = Job(facts=facts, order=ORDER, body={"bulk": used(*body)}, **named)
    made.releases = {
        key.address: alter(
            released, {"bulk": tuple(made.logged_by(key, released.release, bulk=each) for each in logged)}
        )
        for key, released in ((key, made.releases[key.address]) for key in VAULT_KEYS[:2])
    }
    return made


def refused(number, document):
    report = verify(document, PINS)
    assert report.failed is not None
    assert report.failed.number == number, report.failed
    return report.failed.detail


def test_a_receipt_over_every_dataset_of_the_slice_passes_on_line_too():
    made = job()
    assert verify(made.encode(), PINS, made.onchain(dataset_checksum=None)).ok
    assert parse_envelope(made.encode()) == made.envelope()


@pytest.mark.parametrize("body", [(), (FIRST,), (SECOND,)], ids=["none", "the first", "the second"])
def test_an_enclave_may_run_without_datasets_that_their_owners_spoiled(body):
    assert verify(job(body).encode(), PINS).ok


def test_a_vault_proves_the_shares_that_it_gave_which_may_be_a_part():
    assert verify(job(logged=(SECOND,)).encode(), PINS).ok
    assert verify(job(logged=()).encode(), PINS).ok


def test_20_facts_without_a_bulk_where_the_order_names_one_are_refused():
    made = Job(facts={name: value for name, value in IN_BULK.items() if name != "bulk"}, order=ORDER)
    assert "(15)" in refused(20, made.encode())


@pytest.mark.parametrize(
    "body", [(SECOND, FIRST), (FIRST, FIRST), (FIRST, FACTS.dataset)], ids=["another order", "twice", "another one"]
)
def test_6_a_body_that_names_other_datasets_than_the_facts_list_is_refused(body):
    assert "bulk" in refused(6, job(body).encode())


def test_6_a_body_of_a_bulks_task_without_bulk_is_refused():
    assert "bulk" in refused(6, Job(facts=IN_BULK).encode())


def test_6_a_body_with_a_bulk_where_the_facts_have_none_is_refused():
    assert "bulk" in refused(6, Job(body={"bulk": ()}).encode())


def test_5_a_logged_dataset_that_the_facts_do_not_list_is_refused():
    assert "do not list" in refused(5, job(logged=(FACTS.dataset,)).encode())


def test_5_an_entry_about_another_owner_or_release_is_refused_although_it_is_in_the_log():
    sold = alter(FIRST, {"owner": VAULTS[0]})
    assert "logged another release" in refused(5, job(logged=(sold,)).encode())
    made = job()
    vault = VAULT_KEYS[0]
    later = alter(made.releases[vault.address].release, {"issued": 1})
    other = {"bulk": (made.logged_by(vault, later, bulk=FIRST),)}
    releases = made.releases | {vault.address: alter(made.releases[vault.address], other)}
    assert "logged another release" in refused(5, made.encode(releases=releases))


DOCUMENT = job().encode()


@pytest.mark.parametrize(
    "path",
    [path for path in leaves(json.loads(DOCUMENT)) if "bulk" in path],
    ids=lambda path: ".".join(map(str, path)),
)
def test_a_change_of_any_field_about_the_bulk_is_refused_by_its_check(path):
    assert verify(mutate(DOCUMENT, path), PINS).failed.number == number_for(path)
