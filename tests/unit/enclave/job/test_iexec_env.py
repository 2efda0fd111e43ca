"""Environment variables of an app, and its computed.json."""

import hashlib
import json

import msgspec
import pytest
from Crypto.Hash import keccak

from sealgrid.attestation.facts import BulkFact, DatasetFact, OmittedDataset
from sealgrid.enclave.job.iexec_env import (
    MAX_CALLBACK_BYTES,
    AppInputs,
    AppTask,
    environment,
    merge_requester_secrets,
    output_digest,
    read_computed,
)
from sealgrid.errors import AppFailed
from tests.unit.enclave.facts_scene import ACCOUNT, HASH, facts


def test_an_app_finds_iexecs_variables():
    dataset = DatasetFact(address="0x" + "0d" * 20, owner=ACCOUNT, checksum=HASH)
    inputs = AppInputs(input_files=["a.png", "b"], requester_secrets={"1": "s", "4": "t"}, developer_secret="d")
    assert environment(AppTask.of(facts(dataset)), inputs) == {
        "IEXEC_TASK_ID": "0x" + "02" * 32,
        "IEXEC_DEAL_ID": "0x" + "01" * 32,
        "IEXEC_TASK_INDEX": "7",
        "IEXEC_IN": "/iexec_in",
        "IEXEC_OUT": "/iexec_out",
        "IEXEC_BOT_SIZE": "4",
        "IEXEC_BOT_FIRST_INDEX": "5",
        "IEXEC_BOT_TASK_INDEX": "7",
        "IEXEC_DATASET_ADDRESS": "0x" + "0d" * 20,
        "IEXEC_DATASET_FILENAME": "0x" + "0d" * 20,
        "IEXEC_INPUT_FILES_FOLDER": "/iexec_inputs",
        "IEXEC_INPUT_FILES_NUMBER": "2",
        "IEXEC_INPUT_FILE_NAME_1": "a.png",
        "IEXEC_INPUT_FILE_NAME_2": "b",
        "IEXEC_REQUESTER_SECRET_1": "s",
        "IEXEC_REQUESTER_SECRET_4": "t",
        "IEXEC_APP_DEVELOPER_SECRET": "d",
        "IEXEC_APP_DEVELOPER_SECRET_1": "d",
    }


def test_without_a_dataset_its_variables_name_the_zero_address_as_iexecs_do():
    shown = environment(AppTask.of(facts()), AppInputs())
    assert {name: value for name, value in shown.items() if "DATASET" in name} == {
        "IEXEC_DATASET_ADDRESS": "0x" + "00" * 20,
        "IEXEC_DATASET_FILENAME": "0x" + "00" * 20,
    }


def test_without_secrets_there_are_no_variables_for_them():
    assert not [name for name in environment(AppTask.of(facts()), AppInputs()) if "SECRET" in name]


def test_each_dataset_of_a_bulk_has_the_variable_of_its_index_also_when_the_task_runs_without_it():
    one, unopened = (DatasetFact(address="0x" + digit * 40, owner=ACCOUNT, checksum=HASH) for digit in "13")
    left_out = OmittedDataset(place=1, dataset="0x" + "2" * 40, check="7.18")
    bulk = BulkFact(block=7, datasets=(one, None, unopened), left_out=(left_out,))
    shown = environment(AppTask.of(msgspec.structs.replace(facts(), bulk=bulk)), AppInputs(bulk={0: one}))
    assert {name: value for name, value in shown.items() if "DATASET" in name or "BULK" in name} == {
        "IEXEC_DATASET_ADDRESS": "0x" + "00" * 20,
        "IEXEC_DATASET_FILENAME": "0x" + "00" * 20,
        "IEXEC_BULK_SLICE_SIZE": "3",
        "IEXEC_DATASET_1_FILENAME": one.address,
        "IEXEC_DATASET_2_FILENAME": left_out.dataset,
        "IEXEC_DATASET_3_FILENAME": unopened.address,
    }


def test_secrets_of_the_sealed_input_and_of_iexecs_api_are_merged():
    assert merge_requester_secrets({"1": "sealed"}, {"2": "pushed"}) == {"1": "sealed", "2": "pushed"}


def test_a_secret_number_that_is_defined_twice_is_refused_without_repeating_a_secret():
    with pytest.raises(AppFailed, match="number 2;") as caught:
        merge_requester_secrets({"1": "a", "2": "sealed", "10": "b"}, {"10": "c", "2": "pushed"})
    assert "sealed input" in str(caught.value)
    assert "pushed" not in str(caught.value)


def computed(**fields: object) -> dict[str, bytes]:
    return {"computed.json": json.dumps({key.replace("_", "-"): value for key, value in fields.items()}).encode()}


def test_a_deterministic_file_is_named_and_hashed_with_sha256():
    files = computed(deterministic_output_path="/iexec_out/result.txt") | {"result.txt": b"x"}
    computed_result = read_computed(files)
    assert (computed_result.path, computed_result.callback) == ("result.txt", None)
    assert output_digest(files, computed_result) == hashlib.sha256(b"x").digest()


def test_a_deterministic_folder_is_hashed_over_its_own_files_in_their_order():
    files = computed(deterministic_output_path="/iexec_out/out/") | {"out/b": b"2", "out/a": b"1", "out/deep/c": b"3"}
    expected = keccak.new(digest_bits=256)
    expected.update(hashlib.sha256(b"1").digest() + hashlib.sha256(b"2").digest())
    assert output_digest(files, read_computed(files)) == expected.digest()


def test_callback_data_are_read_and_hashed_as_poco_does():
    files = computed(callback_data="0x0102")
    computed_result = read_computed(files, needs_callback=True)
    assert computed_result.callback == b"\x01\x02"
    assert output_digest(files, computed_result) == keccak.new(digest_bits=256, data=b"\x01\x02").digest()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "wrote no"),
        ({"computed.json": b"[]"}, "not a JSON object"),
        ({"computed.json": b"{\xff"}, "not a JSON object"),
        (computed(), "neither"),
        (computed(deterministic_output_path="/iexec_out/none"), "did not write"),
        (computed(deterministic_output_path="/etc/passwd"), "outside"),
        (computed(deterministic_output_path="/iexec_out/../etc/passwd"), "did not write"),
        (computed(callback_data="0xzz"), "not hex text"),
        (computed(callback_data="0x123"), "not hex text"),
    ],
)
def test_an_invalid_computed_file_is_the_apps_failure(files, reason):
    with pytest.raises(AppFailed, match=reason):
        read_computed(files)


@pytest.mark.parametrize("computed_result", [{}, {"callback_data": ""}, {"callback_data": "0x"}])
def test_a_deal_with_a_callback_needs_callback_data(computed_result):
    files = computed(deterministic_output_path="/iexec_out/x", **computed_result) | {"x": b""}
    with pytest.raises(AppFailed, match="no callback-data"):
        read_computed(files, needs_callback=True)


def test_callback_data_are_bounded_where_the_chain_must_carry_them():
    fits, above = computed(callback_data="00" * MAX_CALLBACK_BYTES), computed(callback_data="00" * 16385)
    assert len(read_computed(fits, needs_callback=True).callback) == MAX_CALLBACK_BYTES
    assert len(read_computed(above).callback) == 16385
    with pytest.raises(AppFailed, match="16384 bytes"):
        read_computed(above, needs_callback=True)
