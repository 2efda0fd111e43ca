"""What a vault remembers, in a real database."""

import asyncio
import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.units import to_digest
from sealgrid.vault.checks.nonce import EnclaveAttempt
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import DATABASE, VaultDatabase, about
from sealgrid.vault.stores.share_store import ShareStore, StoredGrant, StoredPolicy
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import (
    ATTEMPT,
    DATASET,
    ENCLAVE,
    FEDERATION,
    MODEL_KEY,
    NOW,
    OWNER,
    PICTURE,
    PICTURE_KEY,
    REQUESTER,
    STRANGER,
    TASK,
    WORKER,
    Split,
    grant,
    key,
    policy,
    released,
    settled,
)

RANDOM = iter(i.to_bytes(12, "big") for i in range(1_000_000))
AT_REST = ShareEncryption(b"\x33" * 32, lambda _: next(RANDOM))
NONCE = b"\x41" * 32
INTEL, SIMULATED = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)
NO_TASK = to_digest(b"\xff" * 32)


@pytest.fixture
def database(tmp_path: Path) -> Any:
    with closing(VaultDatabase(tmp_path / DATABASE)) as opened:
        yield opened


@pytest.fixture
def task_store(database: VaultDatabase) -> Any:
    return TaskStore(database, AT_REST, FEDERATION)


@pytest.fixture
def share_store(database: VaultDatabase) -> Any:
    return ShareStore(database, AT_REST, FEDERATION)


def test_every_commit_reaches_the_disk(database: VaultDatabase) -> None:
    with database.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def write_half(database: VaultDatabase) -> None:
    with database.transaction() as connection:
        connection.execute(insert(about).values(name="half", value="written"))
        raise RuntimeError


def test_a_transaction_that_fails_leaves_nothing(database: VaultDatabase) -> None:
    with pytest.raises(RuntimeError):
        write_half(database)
    with database.transaction() as connection:
        assert connection.execute(select(about)).all() == []


def test_a_folder_belongs_to_one_chain_and_broker(database: VaultDatabase) -> None:
    database.claim({"chain": "1", "broker": "a"})
    database.claim({"chain": "1", "broker": "a"})
    with pytest.raises(InputRefused, match="broker"):
        database.claim({"chain": "1", "broker": "b"})


def test_evaluation_numbers_never_fall(database: VaultDatabase) -> None:
    for number in (5, 7, 6):
        database.raise_evaluation(INTEL, number)
    database.raise_evaluation(SIMULATED, 1)
    assert database.evaluations() == {INTEL: 7, SIMULATED: 1}


def test_evaluation_numbers_outlive_a_restart(tmp_path: Path) -> None:
    before = VaultDatabase(tmp_path / "vault.db")
    before.raise_evaluation(INTEL, 17)
    before.close()
    after = VaultDatabase(tmp_path / "vault.db")
    after.raise_evaluation(INTEL, 16)
    assert after.evaluations() == {INTEL: 17}
    after.close()


def test_a_nonce_is_good_once(task_store: TaskStore) -> None:
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    given = task_store.consume_nonce(NONCE)
    assert (given.attempt, given.expires) == (ATTEMPT, NOW + 120)
    assert task_store.consume_nonce(NONCE) is None


def test_of_many_who_present_a_nonce_at_once_one_gets_it(task_store: TaskStore) -> None:
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    got = []
    threads = [threading.Thread(target=lambda: got.append(task_store.consume_nonce(NONCE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(given is not None for given in got) == 1


def test_an_unknown_nonce_is_nobodys(task_store: TaskStore) -> None:
    assert task_store.consume_nonce(b"\x99" * 32) is None


def test_expired_nonces_are_forgotten_when_the_next_is_given(task_store: TaskStore) -> None:
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    task_store.add_nonce(b"\x42" * 32, ATTEMPT, NOW + 240, NOW + 120)
    assert task_store.consume_nonce(NONCE) is None


def test_attempts_come_back_in_order(task_store: TaskStore) -> None:
    second = EnclaveAttempt(TASK, 2, WORKER.address, key("second").address)
    task_store.add_nonce(NONCE, ATTEMPT, NOW, NOW)
    task_store.add_nonce(b"\x42" * 32, second, NOW, NOW)
    task_store.add_nonce(b"\x43" * 32, second, NOW, NOW)
    assert task_store.attempts(TASK) == [ATTEMPT, second]
    assert task_store.attempts(to_digest(b"\xee" * 32)) == []


def test_a_deposit_survives_a_restart(tmp_path: Path) -> None:
    word, signature = grant()
    with closing(VaultDatabase(tmp_path / DATABASE)) as first:
        share_store = ShareStore(first, AT_REST, FEDERATION)
        signed = StoredPolicy(policy(), b"policy signature")
        share_store.store(MODEL_KEY.held(), policy=signed, grant=None, at=NOW)
        share_store.store(PICTURE_KEY.held("input"), policy=None, grant=StoredGrant(word, signature), at=NOW)
    with closing(VaultDatabase(tmp_path / DATABASE)) as second:
        share_store = ShareStore(second, AT_REST, FEDERATION)
        assert share_store.find(DATASET, OWNER.address) == MODEL_KEY.held()
        assert share_store.policy(DATASET, OWNER.address) == signed
        assert share_store.find(PICTURE_KEY.asset, REQUESTER.address) == PICTURE_KEY.held("input")
        assert share_store.grants(REQUESTER.address, PICTURE) == [word]


def test_two_owners_of_one_asset_do_not_disturb_each_other(share_store: ShareStore) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    bought = Split(owner=STRANGER, dek=b"\x31" * 32)
    share_store.store(bought.held(), policy=None, grant=None, at=NOW + 1)
    assert share_store.find(DATASET, OWNER.address) == MODEL_KEY.held()
    assert share_store.find(DATASET, STRANGER.address) == bought.held()
    assert share_store.policy(DATASET, STRANGER.address) is None


def test_shares_lie_encrypted_in_the_database(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore, task_store: TaskStore
) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    task_store.store_release(released())
    task_store.store_settle(settled())
    database.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert MODEL_KEY.record.asset.encode() in stored  # the search does find what lies there in the clear
    for share in (MODEL_KEY.shares[0], settled().result_share.share):
        assert share.value not in stored
        assert share.blind not in stored


def test_a_database_without_its_key_file_opens_no_share(database: VaultDatabase, share_store: ShareStore) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    thief = ShareStore(database, ShareEncryption(b"\x34" * 32, bytes), FEDERATION)
    with pytest.raises(InputRefused):
        thief.find(DATASET, OWNER.address)


def test_a_share_moved_to_another_row_does_not_open(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    share_store.store(PICTURE_KEY.held("input"), policy=None, grant=None, at=NOW)
    database.close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as raw:
        raw.execute("UPDATE assets SET share = (SELECT share FROM assets WHERE kind = 'input')")
        raw.commit()
    with pytest.raises(InputRefused):
        share_store.find(DATASET, OWNER.address)


def test_releases_and_settles_come_back_as_they_went(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.store_release(released())
    task_store.store_settle(settled())
    assert task_store.find_release(TASK, ENCLAVE.address) == released()
    assert task_store.find_settle(TASK, ENCLAVE.address) == settled()
    assert task_store.find_settle(TASK, STRANGER.address) is None
    assert task_store.is_settled(TASK)


def test_a_settle_without_escrow_has_no_share(task_store: TaskStore) -> None:
    task_store.store_settle(settled(result_share=None))
    assert task_store.find_settle(TASK, ENCLAVE.address).result_share is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(order=st.lists(st.tuples(st.sampled_from(["give", "take"]), st.integers(0, 3)), max_size=20))
def test_a_nonce_is_taken_at_most_as_often_as_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, order: Any
) -> None:
    with closing(VaultDatabase(tmp_path_factory.mktemp("nonces") / DATABASE)) as database:
        task_store, held = TaskStore(database, AT_REST, FEDERATION), set()
        for step, which in order:
            nonce = bytes([which]) * 32
            if step == "give" and nonce not in held:
                task_store.add_nonce(nonce, ATTEMPT, NOW + 120, NOW)
                held.add(nonce)
            elif step == "take":
                assert (task_store.consume_nonce(nonce) is not None) == (nonce in held)
                held.discard(nonce)


async def test_what_is_saved_survives_a_kill_and_what_is_not_never_happened(
    tmp_path: Path, database: VaultDatabase
) -> None:
    database.raise_evaluation(INTEL, 1)
    await database.flush()
    database.raise_evaluation(INTEL, 2)
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path, killed)
    with closing(VaultDatabase(killed / DATABASE)) as again:
        assert again.evaluations() == {INTEL: 1}


async def test_those_who_wait_together_share_one_commit(
    database: VaultDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, commit = [], database.commit
    monkeypatch.setattr(database, "commit", lambda: commits.append(commit()))

    async def write(number: int) -> None:
        database.raise_evaluation(INTEL, number)
        await database.flush()

    await asyncio.gather(*(write(number) for number in range(1, 9)))
    await database.flush()
    assert len(commits) == 1


def test_a_step_that_fails_takes_nothing_of_others_back(database: VaultDatabase) -> None:
    database.raise_evaluation(INTEL, 1)
    with pytest.raises(RuntimeError):
        write_half(database)
    database.commit()
    with database.reading() as connection:
        assert [name for name, _ in connection.execute(select(about))] == [f"evaluation {INTEL}"]


async def test_after_a_commit_that_failed_nothing_is_told_any_more(
    database: VaultDatabase, task_store: TaskStore
) -> None:
    with database.reading() as connection:  # a rule that only the commit looks at, and that what follows breaks
        for line in (
            "PRAGMA foreign_keys = ON",
            "CREATE TEMP TABLE a (b INTEGER PRIMARY KEY)",
            "CREATE TEMP TABLE c (d REFERENCES a(b) DEFERRABLE INITIALLY DEFERRED)",
        ):
            connection.exec_driver_sql(line)
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO c VALUES (7)")
    told = await asyncio.gather(*(database.flush() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, ServiceUnavailable) for each in told)
    with pytest.raises(ServiceUnavailable):
        task_store.consume_nonce(NONCE)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def stored_share(folder: Path) -> bytes:
    with closing(sqlite3.connect(folder / DATABASE)) as raw:
        return bytes(raw.execute("SELECT share FROM assets WHERE kind = 'dataset'").fetchone()[0])


async def test_an_old_share_is_gone_from_the_disk_when_a_new_one_is_kept(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    await database.scrub()
    old = stored_share(tmp_path)
    assert old in on_disk(tmp_path)
    share_store.store(Split(version=2).held(), policy=None, grant=None, at=NOW + 5)
    await database.scrub()
    assert old not in on_disk(tmp_path)
    history = share_store.versions(DATASET, OWNER.address)
    assert [(each.record.version, each.received, each.destroyed) for each in history] == [
        (1, NOW, NOW + 5),
        (2, NOW + 5, 0),
    ]


async def test_a_destroyed_share_is_gone_from_the_disk_and_its_version_remembered(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    share_store.store(PICTURE_KEY.held("input"), policy=None, grant=None, at=NOW)
    await database.scrub()
    old = stored_share(tmp_path)
    share_store.destroy(DATASET, OWNER.address, at=NOW + 7)
    await database.scrub()
    assert old not in on_disk(tmp_path)
    assert share_store.find(DATASET, OWNER.address) is None
    assert [each.destroyed for each in share_store.versions(DATASET, OWNER.address)] == [NOW + 7]
    assert share_store.find(PICTURE_KEY.asset, REQUESTER.address) is not None


async def test_while_a_backup_reads_shares_are_not_said_to_be_destroyed(
    tmp_path: Path, database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
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


def test_a_share_of_a_former_federation_is_kept_and_not_usable(
    database: VaultDatabase, share_store: ShareStore
) -> None:
    share_store.store(MODEL_KEY.held(), policy=None, grant=None, at=NOW)
    others = tuple(sorted([FEDERATION.own_address, key("new one").address, key("new two").address]))
    later = ShareStore(database, AT_REST, replace(FEDERATION, vaults=others))
    assert share_store.find_usable(DATASET, OWNER.address) == later.find(DATASET, OWNER.address) == MODEL_KEY.held()
    assert later.find_usable(DATASET, OWNER.address) is None
