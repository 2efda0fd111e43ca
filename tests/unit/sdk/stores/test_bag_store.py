"""Private files of bags."""

import msgspec
import pytest

from sealgrid.errors import InputRefused, NotFound
from sealgrid.sdk.stores.bag_store import BagPurchase, BagRecord, BagStore, bag_id
from sealgrid.units import to_address, to_digest

CHAIN, ME, OTHER = to_digest(b"\x01" * 32), to_address(b"\x02" * 20), to_address(b"\x03" * 20)
SECRET = "5e" * 32
ID = bag_id(CHAIN, ME, "monday")
RECORD = BagRecord(
    id=ID,
    genesis=CHAIN,
    hub=OTHER,
    account=ME,
    created=1,
    content="c0" * 32,
    names=("input 0",),
    purchases=(BagPurchase(shards=(0,), request={"app": OTHER}, deals=(), result_key=SECRET),),
)


@pytest.fixture
def store(tmp_path):
    return BagStore(tmp_path / "bags")


def test_a_record_is_read_as_it_was_stored_by_its_owner_alone(store):
    store.store(RECORD)
    assert store.read(ID) == RECORD
    assert store.path(ID).stat().st_mode & 0o077 == 0
    store.remove(ID)
    assert store.find(ID) is None


def test_a_key_names_one_bag_of_one_account_on_one_chain():
    assert len({bag_id(CHAIN, ME, "a"), bag_id(CHAIN, ME, "b"), bag_id(CHAIN, OTHER, "a"), bag_id(ME, ME, "a")}) == 4


@pytest.mark.parametrize("name", [ID, "../jobs/0x00", "", ID.upper(), ID + "0"])
def test_a_bag_that_is_not_there_is_not_found_whatever_its_name(store, name):
    with pytest.raises(NotFound):
        store.read(name)


def test_all_bags_are_listed_newest_first(store):
    assert store.all() == ()
    newer = msgspec.structs.replace(RECORD, id=bag_id(CHAIN, ME, "tuesday"), created=2)
    for each in (RECORD, newer):
        store.store(each)
    assert store.all() == (newer, RECORD)


def test_of_two_processes_that_buy_one_bag_one_does(store):
    store.store(RECORD, new=True)
    with pytest.raises(InputRefused, match="another process has just bought bag"):
        store.store(RECORD, new=True)
    store.store(RECORD)


def test_a_damaged_file_is_named(store):
    store.store(RECORD)
    store.path(ID).write_bytes(b"{}")
    with pytest.raises(InputRefused, match="not a valid bag file"):
        store.read(ID)


def test_a_folder_that_cannot_be_written_is_refused_before_the_purchase(tmp_path):
    (tmp_path / "bags").write_text("a file")
    with pytest.raises(InputRefused, match="cannot be recorded"):
        BagStore(tmp_path / "bags").store(RECORD)


def test_the_result_key_is_in_no_repr():
    assert SECRET not in repr(RECORD)
