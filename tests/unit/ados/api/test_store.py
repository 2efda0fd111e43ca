"""The files of transactions: an idempotency key has one id, and what was not bought keeps its readings."""

import msgspec
import pytest

from sealgrid.ados.api.store import TransactionRecord, TransactionStore, transaction_id
from sealgrid.errors import InputRefused, ServiceUnavailable


def record(name="t1", key="acme", created=1, **changes):
    fields = {"id": name, "key": key, "request": "r", "app": "0xa", "model": "0xb", "arguments": (), "price": 5}
    return TransactionRecord(**fields, created=created, updated=created, **changes)


def test_an_idempotency_key_has_one_id_for_each_api_key():
    assert transaction_id("acme", "monday") == transaction_id("acme", "monday")
    assert len({transaction_id(key, given) for key in ("acme", "bolt") for given in ("monday", "", None, None)}) == 8


def test_a_restart_finds_the_transactions_and_what_they_cost(tmp_path):
    store = TransactionStore(tmp_path)
    store.create(record("t2", created=2), b"readings")
    store.create(record("t1"), b"readings")
    store.create(record("t3", key="bolt"), b"readings")
    store.update(record("t1", state="delivered"))
    again = TransactionStore(tmp_path)
    assert [each.id for each in again.of_key("acme")] == ["t1", "t2"], "oldest first"
    assert [each.id for each in again.unfinished()] == ["t3", "t2"]
    assert (again.spent("acme"), again.spent("bolt"), again.find("t4")) == (10, 5, None)


def test_readings_are_kept_until_they_are_bought(tmp_path):
    store = TransactionStore(tmp_path)
    store.create(record(), b"readings")
    assert store.readings(record()) == b"readings"
    store.update(record(state="bought"))
    with pytest.raises(ServiceUnavailable, match="cannot use its disk") as caught:
        store.readings(record())
    assert str(tmp_path) not in str(caught.value)


def test_a_delivered_transaction_has_its_result(tmp_path):
    store = TransactionStore(tmp_path)
    store.create(record(), b"readings")
    store.store_result(record(), b"{}")
    assert TransactionStore(tmp_path).result(record()) == b"{}"


def test_a_new_transaction_is_stored_with_its_readings_or_not_at_all(tmp_path):
    store = TransactionStore(tmp_path)
    (tmp_path / "t1.json").mkdir()  # its record cannot be written
    with pytest.raises(ServiceUnavailable):
        store.create(record(), b"readings")
    assert [each.name for each in tmp_path.iterdir()] == ["t1.json"]


@pytest.mark.parametrize("content", [b"", b"{}", msgspec.json.encode({"id": "t1"}), b"\xff"])
def test_a_damaged_record_is_refused(tmp_path, content):
    (tmp_path / "t1.json").write_bytes(content)
    with pytest.raises(InputRefused, match="not a valid transaction"):
        TransactionStore(tmp_path)
