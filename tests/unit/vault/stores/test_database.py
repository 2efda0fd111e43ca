"""The database of a vault: durable, atomic, bound to one vault, with shared commits."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.units import to_digest
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.schema import about
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import (
    ATTEMPT,
    NOW,
)

NONCE = b"\x41" * 32
INTEL, SIMULATED = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)


def test_every_commit_reaches_the_disk(database: VaultDatabase) -> None:
    with database.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def write_half(database: VaultDatabase) -> None:
    with database.transaction() as connection:
        connection.execute(insert(about).values(name="half", value="written"))
        raise RuntimeError


def test_a_failed_transaction_leaves_nothing(database: VaultDatabase) -> None:
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


def test_evaluation_numbers_survive_a_restart(tmp_path: Path) -> None:
    before = VaultDatabase(tmp_path / "vault.db")
    before.raise_evaluation(INTEL, 17)
    before.close()
    after = VaultDatabase(tmp_path / "vault.db")
    after.raise_evaluation(INTEL, 16)
    assert after.evaluations() == {INTEL: 17}
    after.close()


async def test_flushed_writes_survive_a_kill_and_others_do_not(tmp_path: Path, database: VaultDatabase) -> None:
    database.raise_evaluation(INTEL, 1)
    await database.flush()
    database.raise_evaluation(INTEL, 2)
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path, killed)
    with closing(VaultDatabase(killed / DATABASE)) as again:
        assert again.evaluations() == {INTEL: 1}


async def test_concurrent_flushes_share_one_commit(database: VaultDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    commits, commit = [], database.commit
    monkeypatch.setattr(database, "commit", lambda: commits.append(commit()))

    async def write(number: int) -> None:
        database.raise_evaluation(INTEL, number)
        await database.flush()

    await asyncio.gather(*(write(number) for number in range(1, 9)))
    await database.flush()
    assert len(commits) == 1


def test_a_failed_step_undoes_no_other_step(database: VaultDatabase) -> None:
    database.raise_evaluation(INTEL, 1)
    with pytest.raises(RuntimeError):
        write_half(database)
    database.commit()
    with database.reading() as connection:
        assert [name for name, _ in connection.execute(select(about))] == [f"evaluation {INTEL}"]


async def test_after_a_failed_commit_every_use_raises(database: VaultDatabase, task_store: TaskStore) -> None:
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
    results = await asyncio.gather(*(database.flush() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, ServiceUnavailable) for each in results)
    with pytest.raises(ServiceUnavailable):
        task_store.consume_nonce(NONCE)
