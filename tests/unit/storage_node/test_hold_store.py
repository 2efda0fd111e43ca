"""Holds and chain references survive a restart."""

import dataclasses
from pathlib import Path

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.storage_node.hold_store import HoldStore
from sealgrid.storage_node.quota_types import (
    ClientKind,
    DropUpload,
    FileHold,
    RecordChainReference,
    RecordHold,
    RemoveHold,
)
from sealgrid.units import to_address, to_digest

FILE, OTHER = to_digest(b"\x0f" * 32), to_digest(b"\x0e" * 32)
HOLD = FileHold(FILE, "client", ClientKind.RESULT, 4096, 2.0, 9.0, 5.0, to_address(b"\x0a" * 20))
OLDER = FileHold(OTHER, "client", ClientKind.ADDRESS, 4096, 1.0, 9.0)


def test_holds_come_back_oldest_first_and_a_newer_one_replaces_the_clients_older_one(tmp_path: Path) -> None:
    store = HoldStore(tmp_path / "holds.sqlite")
    store.write([RecordHold(HOLD), RecordHold(OLDER), RecordChainReference(FILE), RecordChainReference(FILE)])
    longer = dataclasses.replace(HOLD, until=20.0)
    store.write([RecordHold(longer), DropUpload("unfinished")])
    store.close()
    again = HoldStore(tmp_path / "holds.sqlite")
    assert (again.holds(), again.named()) == ([OLDER, longer], [FILE])
    again.write([RemoveHold(FILE, "client"), RemoveHold(FILE, "another")])
    assert again.holds() == [OLDER]
    again.close()


def test_a_full_disk_is_named_and_leaves_the_records_as_they_were(tmp_path: Path) -> None:
    store = HoldStore(tmp_path / "holds.sqlite")
    store.write([RecordHold(OLDER)])
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ServiceUnavailable, match="the store's disk failed"):
        store.write([RecordHold(dataclasses.replace(HOLD, client=f"client {number}")) for number in range(200)])
    assert store.holds() == [OLDER]
    store.close()
