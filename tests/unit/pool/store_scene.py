"""A store of tasks with one deal, and short forms of what happens to it."""

from typing import Any, get_args

import msgspec

from sealgrid.errors import SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.claims import ClaimResult, WorkerRequest, claim
from sealgrid.pool.effects import ChainCall, ChainCallKind, Effect
from sealgrid.pool.operations import apply_events, expire, pending_calls
from sealgrid.pool.pool_store import PoolStore
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import PoolTask
from sealgrid.pool.task_queue import fill_queue
from sealgrid.units import Address, DealId, TaskId, to_address, to_digest
from tests.unit.pool.memory_pool_store import MemoryPoolStore

DEAL = DealId(to_digest(b"\x0d" * 32))
TASK = task_id(DEAL, 4)
ANNA, BERT = to_address(b"\x0a" * 20), to_address(b"\x0b" * 20)
RULES = PoolRules(lease=30, retry=5, margin=5)


def enclave(number: int) -> Address:
    return to_address(bytes([number]) * 20)


def deal(size: int = 1, refusal: str = "", **other: Any) -> e.DealMatched:
    matched = e.DealMatched(
        at=0,
        deal=DEAL,
        first=4,
        size=size,
        app=enclave(9),
        app_digest=to_digest(b"\x01" * 32),
        bundle="/ipfs/b",
        contribution_deadline=700,
        final_deadline=1000,
        refusal=refusal,
    )
    return msgspec.structs.replace(matched, **other)


class StoreScene:
    """Applies events and operations to a store, each in a transaction of its own."""

    def __init__(self, *events: e.AnyEvent, rules: PoolRules = RULES, store: PoolStore | None = None) -> None:
        self.rules = rules
        self.store = store or MemoryPoolStore(rules)
        for event in events:
            self.apply(event)

    def apply(self, event: e.AnyEvent) -> tuple[Effect, ...]:
        """Apply one event; raise the error by which it is refused."""
        with self.store.transaction() as rows:
            (result,) = apply_events(rows, [event], self.rules)
            fill_queue(rows, event.at, self.rules)
        if isinstance(result, SealgridError):
            raise result
        return result

    def claim(self, *requests: WorkerRequest, at: float) -> ClaimResult:
        with self.store.transaction() as rows:
            return claim(rows, requests, at, int(at), self.rules)

    def take(self, worker: Address, at: float = 1, slots: int = 1) -> list[TaskId]:
        """Return the tasks that a worker gets."""
        return [each.task.task for each in self.claim(WorkerRequest(worker, slots), at=at).assignments]

    def fence(self, task: TaskId = TASK) -> int:
        return self.task(task).fence

    def propose(self, worker: Address, number: int, at: float = 2, fence: int | None = None) -> tuple[Effect, ...]:
        fence = self.fence() if fence is None else fence
        return self.apply(e.EnclaveProposed(at=at, task=TASK, worker=worker, fence=fence, enclave=enclave(number)))

    def report(self, worker: Address, stage: str, at: float = 3, fence: int | None = None, **other: str) -> None:
        fence = self.fence() if fence is None else fence
        fields = {"at": at, "task": TASK, "worker": worker, "fence": fence, "stage": stage, **other}
        self.apply(msgspec.convert(fields, e.StageReported))

    def expire(self, now: float) -> None:
        with self.store.transaction() as rows:
            while expire(rows, now, int(now), self.rules):
                pass
            fill_queue(rows, now, self.rules)

    def calls(self, now: float = 10**6) -> list[ChainCall]:
        with self.store.transaction() as rows:
            return [call for kind in get_args(ChainCallKind) for call in pending_calls(rows, kind, now, 100)]

    def refusals(self) -> list[TaskId]:
        with self.store.transaction() as rows:
            return rows.refusals(100)

    def task(self, task: TaskId = TASK) -> PoolTask:
        found = self.store.task(task)
        assert found is not None
        return found


OPENED = (deal(), e.TaskInitialized(at=0.5, task=TASK))


def assigned(rules: PoolRules = RULES) -> StoreScene:
    """Return a scene in which Anna has the task."""
    scene = StoreScene(*OPENED, rules=rules)
    assert scene.take(ANNA) == [TASK]
    return scene
