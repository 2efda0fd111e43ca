"""Every store of tasks answers the same commands alike."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sql
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.poco.tags import GPU, NO_TAG, TEE, TEE_TAG
from sealgrid.pool import events as e
from sealgrid.pool.claims import ClaimResult, WorkerRequest
from sealgrid.pool.next_actions import lease_until
from sealgrid.pool.operations import open_tails
from sealgrid.pool.pool_store import PoolStore
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.step import new_tasks
from sealgrid.pool.task import OPEN, WORKING, PoolTask, workers_of
from sealgrid.pool.transactions import Fees, PoolTransaction
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest
from sealgrid.wire.pool import WorkerCapabilities
from tests.examples import examples
from tests.unit.pool.memory_pool_store import MemoryPoolStore
from tests.unit.pool.pool_scene import BLOCK
from tests.unit.pool.store_scene import StoreScene, deal, enclave

RULES = PoolRules(lease=30, retry=5, margin=5, urgent=60, tasks_per_worker=2, tasks_per_requester=4, tasks_per_app=5)
WORKERS = [enclave(number) for number in (10, 11, 12)]
REQUESTERS = [enclave(number) for number in (20, 21)]
APPS = [enclave(number) for number in (30, 31, 32)]
FILES = [to_digest(bytes([number]) * 32) for number in (1, 2)]
GPU_TAG = to_digest((TEE | GPU).to_bytes(32, "big"))
capabilities = st.builds(
    WorkerCapabilities,
    tag=st.sampled_from([TEE_TAG, GPU_TAG]),
    memory=st.sampled_from([0, 1, 5]),
    cached=st.sampled_from([(), (FILES[0],)]),
    apps=st.sampled_from([(), (), (APPS[0],)]),
    requesters=st.sampled_from([(), (), (REQUESTERS[0],)]),
)
stages = st.sampled_from(["launched", "running", "sealed", "completed", "failed"])
checks = st.sampled_from(["", "3.5", "7.10"])


class StoreCommands(RuleBasedStateMachine):
    """Gives each command to all stores and compares their answers and tasks."""

    tasks: Bundle[TaskId] = Bundle("tasks")

    def other_stores(self, folder: Path) -> list[PoolStore]:
        """Return the stores that are compared with the one in memory."""
        return [SqlPoolStore(f"sqlite:///{folder}/tasks.sqlite", RULES)]

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        stores = [MemoryPoolStore(RULES), *self.other_stores(Path(self.folder.name))]
        self.scenes = [StoreScene(rules=RULES, store=store) for store in stores]
        self.now, self.deals, self.known = 1.0, 0, list[TaskId]()

    def teardown(self) -> None:
        if hasattr(self, "scenes"):
            for scene in self.scenes:
                scene.store.close()
            self.folder.cleanup()

    def same(self, answers: list[object]) -> object:
        assert all(answer == answers[0] for answer in answers)
        return answers[0]

    def apply(self, event: e.AnyEvent) -> None:
        def answer(scene: StoreScene) -> object:
            try:
                return scene.apply(event)
            except SealgridError as refused:
                return str(refused)

        self.same([answer(scene) for scene in self.scenes])

    @rule(
        target=tasks,
        size=st.integers(1, 4),
        refusal=st.sampled_from(["", "", "", "no enclave"]),
        requester=st.sampled_from(REQUESTERS),
        app=st.sampled_from(APPS),
        tag=st.sampled_from([NO_TAG, TEE_TAG, GPU_TAG, FILES[0]]),
        memory=st.integers(0, 5),
        price=st.integers(0, 2),
        seconds=st.sampled_from([1, 60]),
        files=st.sampled_from([(), (FILES[0],), tuple(FILES)]),
    )
    def match_deal(self, size: int, refusal: str, **needs: Any):
        self.deals += 1
        matched = msgspec.structs.replace(
            deal(size, refusal),
            at=self.now,
            deal=DealId(to_digest(self.deals.to_bytes(32, "big"))),
            replicated=needs["tag"] == NO_TAG,
            trust=2,
            contribution_deadline=int(self.now) + 300,
            final_deadline=int(self.now) + 400,
            **needs,
        )
        self.apply(matched)
        made = [task.task for task in new_tasks(matched)]
        self.known += made
        return multiple(*made)

    @rule(task=tasks)
    def initialise(self, task: TaskId) -> None:
        self.apply(e.TaskInitialized(at=self.now, task=task))

    @rule(task=tasks, paid=st.booleans())
    def end(self, task: TaskId, paid: bool) -> None:
        self.apply((e.TaskFinalized if paid else e.TaskRefunded)(at=self.now, task=task))

    @rule(
        requests=st.lists(
            st.builds(WorkerRequest, st.sampled_from(WORKERS), st.integers(0, 3), capabilities), min_size=1, max_size=5
        )
    )
    def claim(self, requests: list[WorkerRequest]) -> None:
        answers = [scene.claim(*requests, at=self.now) for scene in self.scenes]
        self.same([comparable(answer) for answer in answers])

    @rule(task=tasks, worker=st.sampled_from(WORKERS), number=st.integers(1, 5), late=st.integers(0, 1))
    def propose(self, task: TaskId, worker: str, number: int, late: int) -> None:
        known = self.scenes[0].store.task(task)
        fence = known.fence - late if known else 1
        self.apply(
            e.EnclaveProposed(at=self.now, task=task, worker=worker, fence=fence, enclave=enclave(number))  # type: ignore[arg-type]
        )

    @rule(task=tasks, worker=st.sampled_from(WORKERS), result=st.sampled_from(FILES), late=st.integers(0, 1))
    def commit(self, task: TaskId, worker: Address, result: Digest, late: int) -> None:
        known = self.scenes[0].store.task(task)
        fence = known.fence - late if known else 1
        names = {"task": task, "worker": worker, "fence": fence, "result_seal": result, "score": 0}
        self.apply(e.ResultCommitted(at=self.now, result_hash=result, **names))  # type: ignore[arg-type]

    @rule(task=tasks, stage=stages, check=checks, own=st.booleans(), late=st.integers(0, 3))
    def report(self, task: TaskId, stage: str, check: str, own: bool, late: int) -> None:
        known = self.scenes[0].store.task(task)
        worker = workers_of(known)[-1] if known and workers_of(known) and own else WORKERS[0]
        fields = {"at": self.now, "task": task, "worker": worker, "fence": known.fence - late // 3 if known else 1}
        self.apply(msgspec.convert(fields | {"stage": stage, "check": check}, e.StageReported))

    @rule(task=tasks, check=checks, denied=st.booleans())
    def answer(self, task: TaskId, check: str, denied: bool) -> None:
        self.apply(e.VaultsAnswered(at=self.now, task=task, check=check, detail="no", denied=denied))

    @rule(task=tasks)
    def postpone(self, task: TaskId) -> None:
        self.apply(e.ChainCallPostponed(task=task, at=self.now, until=self.now + 7))

    @rule(task=tasks, nonce=st.integers(0, 2))
    def submit(self, task: TaskId, nonce: int) -> None:
        sent = PoolTransaction(
            nonce=nonce,
            epoch=1,
            kind="claim",
            tasks=(task,),
            data=b"data",
            gas=1,
            fees=Fees(1, 2),
            raw=b"raw",
            hashes=(BLOCK.hash,),
            sent_at=self.now,
        )
        for scene in self.scenes:
            with scene.store.transaction() as rows:
                rows.save_transaction(sent)
        self.apply(e.ChainCallSubmitted(task=task, at=self.now, nonce=nonce))

    @rule(task=tasks, nonce=st.integers(0, 2))
    def end_transaction(self, task: TaskId, nonce: int) -> None:
        for scene in self.scenes:
            with scene.store.transaction() as rows:
                rows.remove_transaction(nonce)
        self.apply(e.ChainCallEnded(task=task, at=self.now, nonce=nonce))

    @rule(seconds=st.integers(1, 60))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        for scene in self.scenes:
            scene.expire(self.now)

    @rule()
    def open_tails(self) -> None:
        for scene in self.scenes:
            with scene.store.transaction() as rows:
                open_tails(rows, self.now, RULES)

    @rule()
    def initialise_all(self) -> None:
        for task in self.known:
            self.initialise(task)

    @rule()
    def restart(self) -> None:
        for scene in self.scenes:
            with scene.store.transaction() as rows:
                rows.renew_leases(self.now)

    @rule()
    def forget(self) -> None:
        for scene in self.scenes:
            with scene.store.transaction() as rows:
                rows.forget(self.now - 100)

    @rule()
    def read_blocks(self) -> None:
        for scene in self.scenes:
            with scene.store.transaction() as rows:
                rows.save_trail(BlockTrail((BLOCK,)))
        self.same([scene.store.trail() for scene in self.scenes])

    def is_open(self, task: PoolTask, **of: str) -> bool:
        deal = self.scenes[0].store.deal(task.deal)
        return task.queued and task.stage in OPEN and all(getattr(deal, name) == value for name, value in of.items())

    @invariant()
    def tasks_are_equal(self) -> None:
        if hasattr(self, "scenes"):
            self.same([[scene.store.task(task) for task in self.known] for scene in self.scenes])
            self.same([scene.calls(self.now) for scene in self.scenes])
            self.same([scene.refusals() for scene in self.scenes])
            self.same([transactions(scene) for scene in self.scenes])
            self.same([scene.store.count_tasks(self.now - 60) for scene in self.scenes])

    @invariant()
    def nobody_has_more_tasks_than_it_may(self) -> None:
        if hasattr(self, "scenes"):
            found = [each for task in self.known if (each := self.scenes[0].store.task(task))]
            working = [task for task in found if task.stage in WORKING]
            assert all(sum(worker in workers_of(task) for task in working) <= 2 for worker in WORKERS)
            for requester in REQUESTERS:
                assert sum(self.is_open(task, requester=requester) for task in found) <= RULES.tasks_per_requester
            for app in APPS:
                assert sum(self.is_open(task, app=app) for task in found) <= RULES.tasks_per_app
            leased = (*WORKING, "contributing")
            assert all((lease_until(task, RULES) is not None) == (task.stage in leased) for task in found)


def transactions(scene: StoreScene) -> list[PoolTransaction]:
    with scene.store.transaction() as rows:
        return rows.transactions()


def comparable(result: ClaimResult) -> object:
    """Return a claim's answer without the order of tasks that were given again."""
    return (
        sorted((each.request, each.task.task, each.task.fence) for each in result.assignments),
        result.more,
        result.again_at,
    )


TestSqliteStore = StoreCommands.TestCase
TestSqliteStore.settings = settings(max_examples=examples(15, 100), stateful_step_count=40, deadline=None)


class UsedIndexes:
    """The plans of all statements about tasks that SQLite runs."""

    def __init__(self, store: SqlPoolStore) -> None:
        self.scans: list[str] = []
        self._busy = False
        sql.event.listen(store._engine, "before_cursor_execute", self._explain)

    def _explain(self, connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        words = statement.split()
        if self._busy or "pool_task" not in words or words[0] not in {"SELECT", "UPDATE", "DELETE"}:
            return
        first = parameters[0] if isinstance(parameters, list) else parameters
        plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", first).fetchall()
        self.scans += [f"{step[3]}: {statement}" for step in plan if "USING" not in step[3] or "TEMP B-TREE" in step[3]]


def test_no_statement_of_a_claim_a_report_or_a_deadline_walks_all_tasks(tmp_path: Path) -> None:
    store = SqlPoolStore(f"sqlite:///{tmp_path}/tasks.sqlite", RULES)
    found = UsedIndexes(store)
    scene = StoreScene(deal(6), rules=RULES, store=store)
    for index in range(4, 10):
        scene.apply(e.TaskInitialized(at=1, task=task_id(deal().deal, index)))
    picky = WorkerCapabilities(memory=9, apps=(enclave(9),), requesters=(deal().requester,))
    taken = scene.claim(WorkerRequest(WORKERS[0], 1, picky), WorkerRequest(WORKERS[1], 1), at=2).assignments
    assert len(taken) == 2
    task, worker = taken[0].task, WORKERS[taken[0].request]
    scene.apply(e.StageReported(at=3, task=task.task, worker=worker, fence=1, stage="failed"))
    scene.claim(WorkerRequest(worker), at=9)
    scene.claim(WorkerRequest(worker), at=650)
    scene.apply(e.TaskFinalized(at=4, task=taken[1].task.task))
    scene.expire(2000)
    scene.calls()
    scene.refusals()
    store.close()
    assert found.scans == []
