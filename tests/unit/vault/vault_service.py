"""A whole vault in memory of one test: real keys, stores and log; its chain is a snapshot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealgrid.chain.blocks import Block
from sealgrid.chain.views import DealView, TaskStatus, TaskView
from sealgrid.errors import NotFound
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.units import ZERO_DIGEST, Address, Digest, TaskId
from sealgrid.vault.chain.snapshot import AppOnChain, ChainSnapshot, DatasetOnChain
from sealgrid.vault.keys import VaultKeys
from sealgrid.vault.service import Vault, VaultRules, make_identity
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.history import DepositHistory
from sealgrid.vault.stores.key_notes import OpenedKeys, UnopenedKeys
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import AT_REST, DEPOSIT_KEY, FEDERATION, MACHINE, NOW, SNAPSHOT, VAULTS


@dataclass
class SnapshotChain:
    """Stands for the chain reader: returns plain data, and counts how often it was read."""

    snapshot: ChainSnapshot = SNAPSHOT
    tasks_at: dict[TaskId, TaskView] = field(default_factory=dict)
    now: int = NOW
    deadline: int = 0  #: final deadline of every sealed input's deals
    reads: int = 0

    async def task(self, task: TaskId, **_: Any) -> ChainSnapshot:
        self.reads += 1
        if task != self.snapshot.task_id:
            raise NotFound("the chain knows no such task.")
        return self.snapshot

    async def tasks(self, tasks: Sequence[TaskId], *, at: Digest) -> list[TaskView]:
        self.reads += 1
        assert at == self.snapshot.block_hash
        return [self.tasks_at[task] for task in tasks]

    async def task_and_deal(self, task: TaskId) -> tuple[Block, TaskView, DealView | None]:
        self.reads += 1
        block = Block(self.snapshot.block, self.snapshot.block_hash, ZERO_DIGEST, self.snapshot.time)
        view = self.tasks_at.get(task, self.snapshot.task)
        return block, view, None if view.status is TaskStatus.UNSET else self.snapshot.deal

    async def asset(self, address: Address) -> DatasetOnChain | AppOnChain | None:
        self.reads += 1
        dataset = self.snapshot.dataset
        if dataset is not None and address == dataset.address:
            return dataset
        app = self.snapshot.deal.app.pointer
        return AppOnChain(app, self.snapshot.app_owner) if address == app else None

    async def time(self) -> int:
        return self.now

    async def last_deadline(self, requests: Sequence[Digest]) -> int:
        self.reads += 1
        return self.deadline


@contextmanager
def open_vault(folder: Path) -> Iterator[tuple[Vault, SnapshotChain]]:
    """Yield the first vault of the scene's federation, and its chain."""
    folder.mkdir(exist_ok=True)
    database, chain = VaultDatabase(folder / DATABASE), SnapshotChain()
    keys = VaultKeys(signing=VAULTS[0], deposit=DEPOSIT_KEY, at_rest=AT_REST)
    rules = VaultRules(
        roots=(MACHINE.trust_root,), allow_simulated=True, nonce_ttl=120, minimum_seconds_left=20, previews_per_minute=0
    )
    numbers = iter(range(1, 1000))
    try:
        yield (
            Vault(
                federation=FEDERATION,
                rules=rules,
                keys=keys,
                database=database,
                share_store=ShareStore(database, AT_REST, FEDERATION),
                task_store=TaskStore(database, AT_REST, FEDERATION),
                history=DepositHistory(database),
                unopened_keys=UnopenedKeys(database),
                opened_keys=OpenedKeys(database),
                log=VaultLog(database),
                chain=chain,  # type: ignore[arg-type]
                files=LocalFiles(ContentFolder(folder / "files")),
                clock=lambda: chain.now,
                random=lambda size: next(numbers).to_bytes(size, "big"),
                identity=make_identity(FEDERATION, rules, keys),
            ),
            chain,
        )
    finally:
        database.close()
