"""Deposits in a real database: encrypted, versioned, and gone from the disk once destroyed."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.share_store import ShareStore, StoredGrant, StoredPolicy
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import (
    AT_REST,
    DATASET,
    FEDERATION,
    MODEL_KEY,
    NOW,
    OWNER,
    PICTURE,
    PICTURE_KEY,
    REQUESTER,
    STRANGER,
    Split,
    grant,
    key,
    policy,
    released,
    settled,
)


def test_a_deposit_survives_a_restart(tmp_path: Path) -> None:
    word, signature = grant()
    with closing(VaultDatabase(tmp_path / DATABASE)) as first:
        share_store = ShareStore(first, AT_REST, FEDERATION)
        signed = StoredPolicy(policy(), b"policy signature")
        share_store.store(MODEL_KEY.stored_share(), policy=signed, grant=None, at=NOW)
        share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=StoredGrant(word, signature), at=NOW)
    with closing(VaultDatabase(tmp_path / DATABASE)) as second:
        share_store = ShareStore(second, AT_REST, FEDERATION)
        assert share_store.find(DATASET, OWNER.address) == MODEL_KEY.stored_share()
        assert share_store.policy(DATASET, OWNER.address) == signed
        assert share_store.find(PICTURE_KEY.asset, REQUESTER.address) == PICTURE_KEY.stored_share("input")
        assert share_store.grants(REQUESTER.address, PICTURE) == [word]


def test_keys_of_two_owners_of_one_asset_are_stored_apart(share_store: ShareStore) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    bought = Split(owner=STRANGER, dek=b"\x31" * 32)
    share_store.store(bought.stored_share(), policy=None, grant=None, at=NOW + 1)
    assert share_store.find(DATASET, OWNER.address) == MODEL_KEY.stored_share()
    assert share_store.find(DATASET, STRANGER.address) == bought.stored_share()
    assert share_store.policy(DATASET, STRANGER.address) is None


def test_shares_are_encrypted_in_the_database(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore, task_store: TaskStore
) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    task_store.store_release(released())
    task_store.store_settle(settled())
    database.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert MODEL_KEY.record.asset.encode() in stored  # the search does find what lies there in the clear
    for share in (MODEL_KEY.shares[0], settled().result_share.share):
        assert share.value not in stored
        assert share.blind not in stored


def test_a_database_without_its_key_file_discloses_no_share(database: VaultDatabase, share_store: ShareStore) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    thief = ShareStore(database, ShareEncryption(b"\x34" * 32, bytes), FEDERATION)
    with pytest.raises(InputRefused):
        thief.find(DATASET, OWNER.address)


def test_a_share_moved_to_another_row_cannot_be_decrypted(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=None, at=NOW)
    database.close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as raw:
        raw.execute("UPDATE assets SET share = (SELECT share FROM assets WHERE kind = 'input')")
        raw.commit()
    with pytest.raises(InputRefused):
        share_store.find(DATASET, OWNER.address)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def stored_share(folder: Path) -> bytes:
    with closing(sqlite3.connect(folder / DATABASE)) as raw:
        return bytes(raw.execute("SELECT share FROM assets WHERE kind = 'dataset'").fetchone()[0])


async def test_an_old_share_is_gone_from_the_disk_when_a_new_one_is_stored(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    await database.scrub()
    old = stored_share(tmp_path)
    assert old in on_disk(tmp_path)
    share_store.store(Split(version=2).stored_share(), policy=None, grant=None, at=NOW + 5)
    await database.scrub()
    assert old not in on_disk(tmp_path)
    history = share_store.versions(DATASET, OWNER.address)
    assert [(each.record.version, each.received, each.destroyed) for each in history] == [
        (1, NOW, NOW + 5),
        (2, NOW + 5, 0),
    ]


async def test_a_destroyed_share_is_gone_from_the_disk_and_its_version_stays_recorded(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=None, at=NOW)
    await database.scrub()
    old = stored_share(tmp_path)
    share_store.destroy(DATASET, OWNER.address, at=NOW + 7)
    await database.scrub()
    assert old not in on_disk(tmp_path)
    assert share_store.find(DATASET, OWNER.address) is None
    assert [each.destroyed for each in share_store.versions(DATASET, OWNER.address)] == [NOW + 7]
    assert share_store.find(PICTURE_KEY.asset, REQUESTER.address) is not None


async def test_shares_are_not_reported_as_destroyed_while_a_backup_reads(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    database.commit()
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(tmp_path / DATABASE)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT * FROM assets").fetchall()
        share_store.destroy(DATASET, OWNER.address, at=NOW)
        with pytest.raises(ServiceUnavailable, match="backup"):
            await database.scrub()
    await database.scrub()


def test_a_share_of_a_former_federation_is_stored_and_not_usable(
    database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=NOW)
    others = tuple(sorted([FEDERATION.own_address, key("new one").address, key("new two").address]))
    later = ShareStore(database, AT_REST, replace(FEDERATION, vaults=others))
    assert (
        share_store.find_usable(DATASET, OWNER.address)
        == later.find(DATASET, OWNER.address)
        == MODEL_KEY.stored_share()
    )
    assert later.find_usable(DATASET, OWNER.address) is None
