"""Checks of a bulk's datasets (7.3), (7.12), (7.17) to (7.19), and keys that count for them (7.1)."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.facts import DatasetFact, OmittedDataset
from sealgrid.attestation.job_params import JobParams
from sealgrid.chain.views import ResourceView
from sealgrid.crypto.digests import cid_of
from sealgrid.crypto.unixfs import FileAddress
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.orders import BULK_VOLUME, DatasetOrder, to_document
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from sealgrid.vault.chain.snapshot import DatasetOnChain
from sealgrid.vault.checks.bulk import MAX_DATASETS, BulkOffer, is_key_of, make_bulk_fact, parse_slice
from sealgrid.wire.vault import MAX_LIST_BYTES, BulkDocuments
from tests.unit.vault.vault_scene import APP, DATASET, MODEL, MODEL_KEY, OWNER, PICTURE, STRANGER, deal

OTHER = to_address(b"\x0c" * 20)
ORDER = DatasetOrder(dataset=DATASET, volume=BULK_VOLUME, apprestrict=APP)
NO_DATASET = deal(dataset=ResourceView(ZERO_ADDRESS, ZERO_ADDRESS, 0))
ON_CHAIN = DatasetOnChain(DATASET, OWNER.address, MODEL)
LISTED = DatasetFact(address=DATASET, owner=OWNER.address, checksum=MODEL)


def as_ipfs_nodes_name(content: bytes) -> str:
    file = FileAddress()
    file.write(content)
    return file.cid()


def as_we_name(content: bytes) -> str:
    return cid_of(to_digest(hashlib.sha256(content).digest()))


def written(*orders: DatasetOrder) -> bytes:
    return json.dumps([to_document(order) for order in orders]).encode()


SLICE = written(ORDER)


def shown(own: bytes = SLICE, *, root: bytes | None = None, address: Any = as_ipfs_nodes_name) -> BulkDocuments:
    listed = json.dumps([address(b"the slice of another task"), address(own)]).encode()
    return BulkDocuments(block=7, root=listed if root is None else root, slice=own)


def read(bulk: BulkDocuments | None, *, chain: Any = NO_DATASET, index: int = 1, cid: str | None = None) -> Any:
    named = cid or as_ipfs_nodes_name(b"" if bulk is None else bulk.root)
    return parse_slice(bulk, JobParams(bulk_cid=named), chain, index)


def refused(number: str, bulk: BulkDocuments | None, **named: Any) -> str:
    with pytest.raises(ReleaseRefused) as caught:
        read(bulk, **named)
    assert caught.value.check == number
    return caught.value.message


@pytest.mark.parametrize("address", [as_ipfs_nodes_name, as_we_name])
def test_a_task_uses_the_slice_at_its_index_by_either_content_address(address: Any) -> None:
    bulk = shown(address=address)
    assert read(bulk, cid=address(bulk.root)) == (ORDER,)


def test_a_slice_may_be_empty() -> None:
    assert read(shown(b"[]")) == ()


def test_17_a_deal_that_has_a_dataset_of_its_own_is_refused() -> None:
    refused("7.17", shown(), chain=deal())


def test_17_a_bulk_that_was_not_sent_is_refused() -> None:
    refused("7.17", None)


def test_17_another_list_than_the_one_that_params_name_is_refused() -> None:
    refused("7.17", shown(), cid=as_ipfs_nodes_name(b"another list"))


def test_17_another_slice_than_the_one_that_the_list_names_is_refused() -> None:
    better = written(ORDER, replace_order(dataset=OTHER))
    refused("7.17", BulkDocuments(block=7, root=shown().root, slice=better))


def test_17_the_slice_of_another_task_is_refused() -> None:
    refused("7.17", shown(), index=0)


def test_17_a_task_without_a_slice_is_refused_by_name() -> None:
    assert "2 slices" in refused("7.17", shown(), index=2)


@pytest.mark.parametrize("root", [b"", b"{}", b"[1]", b"\xff", b"[" * 5000, b'["Qm'])
def test_17_a_list_that_cannot_be_read_is_refused(root: bytes) -> None:
    refused("7.17", shown(root=root))


@pytest.mark.parametrize("own", [b"", b"{}", b"[1]", b"[{}]", b"\xff", b"[" * 5000, written(ORDER)[:-1]])
def test_17_a_slice_that_cannot_be_read_is_refused(own: bytes) -> None:
    refused("7.17", shown(own))


def test_17_a_slice_of_more_datasets_than_iexecs_client_makes_is_refused() -> None:
    assert len(read(shown(written(*[ORDER] * MAX_DATASETS)))) == MAX_DATASETS
    refused("7.17", shown(written(*[ORDER] * (MAX_DATASETS + 1))))


def test_17_lists_above_the_limit_are_refused_before_they_are_read() -> None:
    padded = SLICE + b" " * MAX_LIST_BYTES
    refused("7.17", shown(padded))
    refused("7.17", shown(root=shown().root + b" " * MAX_LIST_BYTES))


def test_3_a_deal_with_a_callback_is_refused() -> None:
    refused("7.3", shown(), chain=msgspec.structs.replace(NO_DATASET, callback=STRANGER.address))


@given(st.binary(max_size=300).filter(lambda content: content.strip()[:1] != b"["))
def test_17_whatever_is_no_list_is_refused_with_its_number(content: bytes) -> None:
    refused("7.17", shown(content))


def replace_order(**changes: Any) -> DatasetOrder:
    fields = {name: getattr(ORDER, name) for name in DatasetOrder.__struct_fields__}
    return DatasetOrder(**fields | changes)


def judged(order: DatasetOrder = ORDER, *, dataset: Any = ON_CHAIN, fits: bool = True) -> Any:
    return make_bulk_fact([BulkOffer(order, dataset, fits=fits)], NO_DATASET, 7)


def left_out(check: str, **named: Any) -> None:
    found = judged(**named)
    assert found.datasets == (None,)
    assert found.left_out == (OmittedDataset(place=0, dataset=DATASET, check=check),)


def test_a_dataset_that_is_free_for_this_very_app_is_listed_as_the_chain_has_it() -> None:
    found = judged()
    assert (found.block, found.datasets, found.left_out) == (7, (LISTED,), ())


def test_18_an_order_that_the_hub_does_not_let_pass_leaves_its_dataset_out() -> None:
    left_out("7.18", fits=False)


def test_18_an_address_that_the_hub_never_registered_is_left_out() -> None:
    left_out("7.18", dataset=None, fits=True)


@pytest.mark.parametrize("changes", [{"datasetprice": 1}, {"volume": BULK_VOLUME - 1}], ids=["a price", "an end"])
def test_19_an_order_that_sells_single_uses_leaves_its_dataset_out(changes: Any) -> None:
    left_out("7.19", order=replace_order(**changes))


@pytest.mark.parametrize("app", [ZERO_ADDRESS, STRANGER.address], ids=["any app", "another app or a group"])
def test_12_an_order_that_does_not_name_the_deals_app_leaves_its_dataset_out(app: Any) -> None:
    left_out("7.12", order=replace_order(apprestrict=app))


def test_an_omitted_dataset_keeps_its_index() -> None:
    bad = replace_order(dataset=OTHER, datasetprice=1)
    offers = [
        BulkOffer(bad, ON_CHAIN, fits=True),
        BulkOffer(ORDER, ON_CHAIN, fits=True),
        BulkOffer(bad, None, fits=False),
    ]
    found = make_bulk_fact(offers, NO_DATASET, 7)
    assert found.datasets == (None, LISTED, None)
    assert [(each.place, each.dataset, each.check) for each in found.left_out] == [
        (0, OTHER, "7.19"),
        (2, OTHER, "7.18"),
    ]


def test_1_a_key_counts_for_the_file_and_owner_that_the_chain_has_now() -> None:
    stored = MODEL_KEY.stored_share("iexec")
    assert is_key_of(stored, LISTED)
    for name, other in (("owner", STRANGER.address), ("checksum", PICTURE), ("address", OTHER)):
        fields = {"address": DATASET, "owner": OWNER.address, "checksum": MODEL} | {name: other}
        assert not is_key_of(stored, DatasetFact(**fields)), name


def test_1_a_key_with_a_policy_is_not_released_to_a_bulk() -> None:
    assert not is_key_of(MODEL_KEY.stored_share("dataset"), LISTED)
    assert not is_key_of(None, LISTED)
