"""Results of several workers for one task without an enclave: who contributes, and what the pool then does on chain."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.poco.consensus import ConsensusTally, RewardTerms
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.claims import WorkerRequest
from sealgrid.pool.next_actions import chain_call, is_assignable
from sealgrid.pool.operations import apply_events, expire
from sealgrid.pool.pool_store import PoolStore
from sealgrid.pool.replication import MAX_COMMITMENTS, replicas_of
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.task import MAX_ATTEMPTS
from sealgrid.pool.task_queue import fill_queue
from sealgrid.units import Address, Digest, to_address, to_digest
from tests.unit.pool.memory_pool_store import MemoryPoolStore
from tests.unit.pool.store_scene import DEAL, RULES, TASK, StoreScene, deal

RIGHT, WRONG, OTHER = (to_digest(bytes([number]) * 32) for number in (1, 2, 3))
ANNA, BERT, CARL, DORA = WORKERS = tuple(to_address(bytes([number]) * 20) for number in range(10, 14))
DEADLINE = 500
APP = deal().app


class ReplicatedScene(StoreScene):
    """A pool with one task without a TEE; each worker computes when it gets the task."""

    def __init__(self, *, trust: int = 3, replicas: int = 2, store: PoolStore | None = None) -> None:
        rules = PoolRules(lease=30, retry=5, margin=5, replicas=replicas)
        opened = deal(replicated=True, trust=trust), e.TaskInitialized(task=TASK, at=1)
        super().__init__(*opened, rules=rules, store=store)

    def runs(self, worker: Address, result: Digest, *, at: float = 2, score: int = 0, replicas: int = 0) -> None:
        """Give the task to a worker, which commits to a result."""
        (assignment,) = self.claim(WorkerRequest(worker), at=at).assignments
        self.commits(worker, result, assignment.task.fence, at=at, score=score, replicas=replicas)

    def commits(
        self, worker: Address, result: Digest, fence: int, *, at: float = 2, score: int = 0, replicas: int = 0
    ) -> None:
        names = {"task": TASK, "worker": worker, "fence": fence, "result_seal": OTHER, "score": score}
        names["replicas"] = replicas
        self.apply(e.ResultCommitted(result_hash=result, at=at, **names))

    def contributes(self, worker: Address, result: Digest, *, at: float = 3) -> None:
        """Apply a contribution that PoCo took, and the consensus in it."""
        self.apply(e.ResultContributed(task=TASK, worker=worker, result_hash=result, at=at))
        assert self.task().replication is not None
        if self.task().replication.tally.fires(result):
            self.apply(e.ConsensusReached(task=TASK, result_hash=result, reveal_deadline=DEADLINE, at=at))

    def starts(self, worker: Address, *, at: float = 2) -> int:
        """Give the task to a worker; return the fence of its assignment."""
        (assignment,) = self.claim(WorkerRequest(worker), at=at).assignments
        return assignment.task.fence

    def reveals(self, worker: Address) -> None:
        self.apply(e.ResultRevealed(task=TASK, worker=worker, result=OTHER, at=4))

    def passes(self, now: float, *, chain_now: int) -> None:
        """Let time pass, for leases and by the chain's clock."""
        with self.store.transaction() as rows:
            while expire(rows, now, chain_now, self.rules):
                pass

    def call(self) -> str:
        due = chain_call(self.task())
        return "" if due is None else due.kind

    @property
    def order(self) -> tuple[Address, ...]:
        assert self.task().replication is not None
        return self.task().replication.order


def test_a_second_worker_computes_before_the_pool_authorises_anyone() -> None:
    scene = ReplicatedScene()
    scene.runs(ANNA, RIGHT)
    assert (scene.task().stage, scene.order) == ("waiting", ())
    scene.runs(BERT, RIGHT)
    assert (scene.task().stage, scene.order) == ("contributing", (ANNA, BERT))


def test_a_worker_gets_a_task_once_and_its_repeated_commitment_changes_nothing() -> None:
    scene = ReplicatedScene()
    scene.runs(ANNA, RIGHT)
    before = scene.task()
    assert scene.claim(WorkerRequest(ANNA), at=9).assignments == ()
    scene.commits(ANNA, WRONG, before.fence)
    assert scene.task() == before


def test_the_pool_finalizes_when_all_winners_have_revealed() -> None:
    scene = ReplicatedScene()
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    for worker in (ANNA, BERT):
        assert scene.call() == ""
        scene.contributes(worker, RIGHT)
    assert scene.task().stage == "revealing"
    scene.reveals(ANNA)
    assert scene.call() == ""
    scene.reveals(BERT)
    assert scene.call() == "finalize"
    scene.apply(e.TaskFinalized(task=TASK, at=5))
    assert scene.task().stage == "completed"


def test_who_has_not_revealed_at_the_deadline_is_left_out() -> None:
    scene = ReplicatedScene()
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    for worker in (ANNA, BERT):
        scene.contributes(worker, RIGHT)
    scene.reveals(BERT)
    scene.passes(10, chain_now=DEADLINE)
    assert scene.call() == "finalize"


def test_a_task_of_which_nobody_revealed_is_reopened_for_other_workers() -> None:
    scene = ReplicatedScene(trust=2)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    scene.contributes(ANNA, RIGHT)
    scene.passes(10, chain_now=DEADLINE - 1)
    assert scene.call() == ""
    scene.passes(11, chain_now=DEADLINE)
    assert scene.call() == "reopen"
    scene.apply(e.TaskReopened(task=TASK, at=12))
    assert scene.task().stage == "waiting"
    scene.runs(CARL, RIGHT, at=13)
    assert (scene.task().stage, scene.order) == ("contributing", (BERT,))


def test_a_lying_minority_contributes_first_and_needs_no_more_than_the_honest() -> None:
    scene = ReplicatedScene(trust=3, replicas=3)
    scene.runs(ANNA, WRONG)
    for worker in (BERT, CARL, DORA):
        scene.runs(worker, RIGHT)
    assert scene.order == (ANNA, BERT, CARL, DORA)


def test_a_liar_that_would_decide_alone_does_not_contribute() -> None:
    scene = ReplicatedScene(trust=2)
    scene.runs(ANNA, WRONG, score=300)
    for worker in (BERT, CARL):
        scene.runs(worker, RIGHT)
    assert scene.order == (BERT,)


def test_as_many_workers_compute_as_pocos_formula_demands_whatever_the_pool_promises() -> None:
    scene = ReplicatedScene(trust=5, replicas=1)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
        assert scene.task().stage == "waiting"
    scene.runs(CARL, RIGHT)
    assert scene.order == (ANNA, BERT, CARL)


def test_a_trusted_workers_first_result_is_enough_as_far_as_pocos_formula_allows() -> None:
    scene = ReplicatedScene(trust=2)
    scene.runs(ANNA, RIGHT, replicas=1)
    assert scene.order == (ANNA,)
    scene = ReplicatedScene(trust=3)
    scene.runs(ANNA, RIGHT, replicas=1)
    assert scene.task().stage == "waiting"


def test_who_comes_second_is_not_trusted_and_a_trusted_worker_that_differs_is_compared_as_promised() -> None:
    scene = ReplicatedScene(trust=3)
    scene.runs(ANNA, RIGHT, replicas=1)
    scene.runs(BERT, WRONG, replicas=1)
    scene.runs(CARL, WRONG)
    assert scene.order == (BERT, CARL)


@pytest.mark.parametrize(
    ("agreements", "draw", "replicas"), [(9, 0.99, 3), (10, 0.09, 3), (10, 0.1, 1), (100, 0.02, 1), (0, 0.5, 3)]
)
def test_one_result_in_as_many_as_a_worker_agreed_on_is_compared(agreements: int, draw: float, replicas: int) -> None:
    assert replicas_of(3, agreements, draw) == replicas


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "sqlite"])
def test_who_agreed_is_counted_and_who_differed_begins_anew(memory: bool, tmp_path: Path) -> None:
    store = MemoryPoolStore(RULES) if memory else SqlPoolStore(f"sqlite:///{tmp_path}/pool.sqlite", RULES)
    scene = ReplicatedScene(trust=3, replicas=3, store=store)
    with store.transaction() as rows:
        rows.add_agreement(ANNA, APP, at=1)
        rows.add_agreement(BERT, APP, at=1)
        rows.add_agreement(BERT, APP, at=1)
    scene.runs(ANNA, WRONG)
    for worker in (BERT, CARL, DORA):
        scene.runs(worker, RIGHT)
    scene.apply(e.TaskFinalized(task=TASK, at=5))
    with store.transaction() as rows:
        assert [rows.agreements(worker, APP) for worker in WORKERS] == [0, 3, 1, 1]


def test_who_contributes_another_result_than_its_commitment_did_not_agree() -> None:
    scene = ReplicatedScene(trust=3)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    scene.contributes(ANNA, WRONG)
    scene.contributes(BERT, RIGHT)
    for worker in (CARL, DORA):
        scene.runs(worker, RIGHT)
    for worker in (CARL, DORA):
        scene.contributes(worker, RIGHT)
    for worker in (BERT, CARL, DORA):
        scene.reveals(worker)
    assert scene.call() == "finalize"
    scene.apply(e.TaskFinalized(task=TASK, at=5))
    with scene.store.transaction() as rows:
        assert [rows.agreements(worker, APP) for worker in WORKERS] == [0, 1, 1, 1]


def test_a_worker_that_does_not_contribute_in_time_is_replaced() -> None:
    scene = ReplicatedScene()
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    scene.passes(100, chain_now=1)
    assert scene.task().stage == "waiting"
    scene.runs(CARL, RIGHT, at=101)
    assert scene.order == (BERT, CARL)


def test_an_absent_worker_that_contributes_after_all_completes_the_agreement() -> None:
    scene = ReplicatedScene(trust=3)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    scene.contributes(ANNA, RIGHT)
    scene.passes(100, chain_now=1)
    assert (scene.task().stage, scene.order) == ("waiting", ())
    scene.contributes(BERT, RIGHT, at=101)
    scene.reveals(ANNA)
    scene.reveals(BERT)
    assert (scene.task().stage, scene.call()) == ("revealing", "finalize")


def test_a_late_contribution_lets_others_contribute_where_they_complete_a_consensus() -> None:
    scene = ReplicatedScene(trust=5)
    for worker in (ANNA, BERT, CARL):
        scene.runs(worker, RIGHT)
    scene.contributes(ANNA, RIGHT)
    scene.passes(100, chain_now=1)
    assert (scene.task().stage, scene.order) == ("waiting", ())
    scene.contributes(BERT, RIGHT, at=101)
    assert (scene.task().stage, scene.order) == ("contributing", (CARL,))


def test_a_worker_that_kept_its_promise_breaks_none_by_a_consensus_that_others_do_not_share() -> None:
    scene = ReplicatedScene(trust=3)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    scene.contributes(ANNA, RIGHT)
    scene.passes(100, chain_now=1)
    for worker in (CARL, DORA):
        scene.runs(worker, WRONG, at=101)
    scene.contributes(BERT, RIGHT, at=102)
    assert (scene.task().stage, scene.task().replication.is_agreed) == ("revealing", False)
    with scene.store.transaction() as rows:
        assert rows.failures([ANNA, BERT]) == {}


def test_only_the_chain_states_a_consensus_whatever_scores_the_pool_knew() -> None:
    scene = ReplicatedScene(trust=3)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT, score=300)  # the chain has lowered their scores since
    scene.apply(e.ResultContributed(task=TASK, worker=ANNA, result_hash=RIGHT, at=3))
    assert scene.task().replication.tally.consensus is None
    scene.passes(100, chain_now=1)  # no event of a consensus
    assert (scene.task().stage, scene.task().replication.next_worker) == ("contributing", BERT)


def test_a_consensus_on_another_result_than_the_commitments_is_not_finalized() -> None:
    scene = ReplicatedScene(trust=2)
    for worker in (ANNA, BERT):
        scene.runs(worker, RIGHT)
    scene.contributes(ANNA, WRONG)
    scene.reveals(ANNA)
    assert (scene.task().stage, scene.call()) == ("revealing", "")
    with scene.store.transaction() as rows:  # it gets fewer tasks of the app, and begins anew to be trusted
        assert [(each.worker, each.count) for each in rows.failures([ANNA, BERT]).values()] == [(ANNA, 1)]
        assert rows.agreements(ANNA, APP) == 0
    scene.passes(10, chain_now=1000)
    assert scene.call() == "claim"


def test_workers_that_never_agree_end_the_task() -> None:
    scene = ReplicatedScene()
    for number in range(MAX_COMMITMENTS):
        scene.runs(to_address(bytes([20 + number]) * 20), to_digest(bytes([number]) * 32))
    assert (scene.task().stage, scene.call()) == ("failed", "")


def test_a_run_without_a_result_counts_as_an_attempt() -> None:
    scene = ReplicatedScene()
    for number in range(MAX_ATTEMPTS):
        worker = WORKERS[number]
        (assignment,) = scene.claim(WorkerRequest(worker), at=2).assignments
        failed = {"task": TASK, "worker": worker, "fence": assignment.task.fence, "stage": "failed"}
        scene.apply(e.StageReported(at=2, detail="no memory", **failed))
    assert scene.task().stage == "failed"


def test_as_many_workers_as_must_agree_compute_at_the_same_time() -> None:
    scene = ReplicatedScene(replicas=3)
    fences = {worker: scene.starts(worker) for worker in (ANNA, BERT, CARL)}
    assert (fences, scene.claim(WorkerRequest(DORA), at=2).assignments) == ({ANNA: 1, BERT: 2, CARL: 3}, ())
    for worker in (CARL, ANNA, BERT):
        assert scene.task().stage == "assigned"
        scene.commits(worker, RIGHT, fences[worker])
    assert (scene.task().stage, scene.order) == ("contributing", (CARL, ANNA))


def test_a_worker_that_is_trusted_alone_computes_alone() -> None:
    scene = ReplicatedScene(trust=2)
    with scene.store.transaction() as rows:
        for _ in range(10):
            rows.add_agreement(ANNA, APP, at=1)
    fence = scene.starts(ANNA)
    assert scene.claim(WorkerRequest(BERT), at=2).assignments == ()
    scene.commits(ANNA, RIGHT, fence, replicas=1)
    assert scene.order == (ANNA,)


def test_a_worker_beside_a_trusted_one_is_compared_with_it() -> None:
    scene = ReplicatedScene(trust=2)
    anna, bert = scene.starts(ANNA), scene.starts(BERT)
    scene.commits(BERT, RIGHT, bert, replicas=1)
    assert (scene.task().stage, scene.task().worker) == ("assigned", ANNA)
    scene.commits(ANNA, RIGHT, anna)
    assert (scene.task().stage, scene.order) == ("contributing", (BERT,))


def test_of_two_workers_one_may_fail_and_a_third_takes_its_place() -> None:
    scene = ReplicatedScene()
    anna, bert = scene.starts(ANNA), scene.starts(BERT)
    scene.report(BERT, "running", fence=bert)
    scene.report(ANNA, "failed", fence=anna, detail="no memory")
    assert (scene.task().stage, scene.task().worker, scene.task().losses) == ("running", BERT, ((ANNA, 3),))
    carl = scene.starts(CARL)
    scene.commits(BERT, RIGHT, bert)
    scene.commits(CARL, RIGHT, carl)
    assert scene.order == (BERT, CARL)


def test_the_silent_one_of_two_workers_loses_its_own_assignment_only() -> None:
    scene = ReplicatedScene()
    anna, bert = scene.starts(ANNA), scene.starts(BERT)
    scene.report(ANNA, "running", at=20, fence=anna)
    scene.expire(32)
    assert (scene.task().worker, scene.task().copies, scene.task().losses) == (ANNA, (), ((BERT, 32),))
    with pytest.raises(InputRefused, match="is not assigned to you"):
        scene.commits(BERT, RIGHT, bert)


def test_a_fence_of_an_earlier_assignment_is_refused_beside_another_worker() -> None:
    scene = ReplicatedScene()
    scene.starts(ANNA)
    bert = scene.starts(BERT)
    assert scene.starts(BERT, at=8) == bert + 1  # the reply was lost
    with pytest.raises(InputRefused, match="has ended"):
        scene.report(BERT, "running", fence=bert)


def test_who_computes_while_others_agree_is_ended() -> None:
    scene = ReplicatedScene(trust=5, replicas=1)  # three new workers, but those with a score are enough
    fences = {worker: scene.starts(worker) for worker in (ANNA, BERT, CARL)}
    scene.commits(ANNA, RIGHT, fences[ANNA], score=30)
    assert scene.order == (ANNA,)
    with pytest.raises(InputRefused, match="is not assigned to you: it is contributing"):
        scene.report(BERT, "running", fence=fences[BERT])


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "sqlite"])
def test_a_restart_renews_the_lease_of_each_worker_of_a_task(memory: bool, tmp_path: Path) -> None:
    rules = PoolRules(lease=30, retry=5, margin=5)
    scene = ReplicatedScene(store=MemoryPoolStore(rules) if memory else SqlPoolStore(f"sqlite:///{tmp_path}/p", rules))
    anna, bert = scene.starts(ANNA), scene.starts(BERT)
    with scene.store.transaction() as rows:
        rows.renew_leases(100)
    scene.expire(129)
    scene.report(ANNA, "running", at=129, fence=anna)
    scene.report(BERT, "running", at=129, fence=bert)
    with scene.store.transaction() as rows:
        assert [task.task for task in rows.of_workers([BERT])] == [TASK]
    scene.store.close()


@pytest.mark.parametrize("memory", [True, False], ids=["memory", "sqlite"])
def test_after_a_restart_whose_turn_it_is_has_two_leases_in_whatever_number_of_tasks(
    memory: bool, tmp_path: Path
) -> None:
    rules = PoolRules(lease=30, retry=5, margin=5, replicas=1, tasks_per_worker=0)
    store = MemoryPoolStore(rules) if memory else SqlPoolStore(f"sqlite:///{tmp_path}/pool.sqlite", rules)
    scene, deadlines = StoreScene(rules=rules, store=store), {"contribution_deadline": 5000, "final_deadline": 9000}
    many, tasks = deal(600, replicated=True, trust=2, **deadlines), [task_id(DEAL, 4 + index) for index in range(600)]
    with store.transaction() as rows:
        apply_events(rows, [many, *(e.TaskInitialized(task=task, at=1) for task in tasks)], rules)
        fill_queue(rows, 1, rules)
    committed = {"worker": ANNA, "result_hash": RIGHT, "result_seal": OTHER, "score": 0, "at": 2.0}
    fences = [(each.task.task, each.task.fence) for each in scene.claim(WorkerRequest(ANNA, 600), at=2).assignments]
    with store.transaction() as rows:
        apply_events(rows, [e.ResultCommitted(task=task, fence=fence, **committed) for task, fence in fences], rules)
        rows.renew_leases(1000)
    scene.expire(1059)  # ends although more tasks wait than one operation expires
    assert {scene.task(task).stage for task in tasks} == {"contributing"}
    scene.expire(1060)
    assert {scene.task(task).stage for task in tasks} == {"waiting"}
    store.close()


def test_a_task_without_a_tee_authorises_no_enclave() -> None:
    scene = ReplicatedScene()
    (assignment,) = scene.claim(WorkerRequest(ANNA), at=2).assignments
    proposal = {"task": TASK, "worker": ANNA, "fence": assignment.task.fence}
    with pytest.raises(InputRefused, match="runs without an enclave; commit to its result"):
        scene.apply(e.EnclaveProposed(at=2, enclave=BERT, **proposal))
    assert scene.task() == assignment.task


def test_a_task_in_an_enclave_takes_no_commitment() -> None:
    scene = StoreScene(deal(), e.TaskInitialized(task=TASK, at=1))
    scene.claim(WorkerRequest(ANNA), at=2)
    with pytest.raises(InputRefused, match="runs in an enclave"):
        scene.apply(
            e.ResultCommitted(task=TASK, worker=ANNA, fence=1, result_hash=RIGHT, result_seal=RIGHT, score=0, at=2)
        )


BEHAVIOURS = st.tuples(
    st.sampled_from((RIGHT, RIGHT, RIGHT, WRONG, OTHER)),  # computes
    st.sampled_from(("contributes", "contributes", "contributes", "is absent", "is late", "breaks its promise")),
    st.sampled_from((True, True, False)),  # reveals
)
HONEST = (RIGHT, "contributes", True)
JOINED = [HONEST, (WRONG, "breaks its promise", True), (WRONG, "is absent", True), (OTHER, "contributes", True)]


@settings(max_examples=150, deadline=None)
@given(
    trust=st.integers(2, 6),
    replicas=st.integers(1, 3),
    workers=st.lists(BEHAVIOURS, min_size=MAX_COMMITMENTS, max_size=MAX_COMMITMENTS),
    together=st.booleans(),
)
@example(
    trust=3, replicas=2, workers=[*JOINED, *[HONEST] * 4], together=False
)  # the fourth commits to what the second contributed
@example(
    trust=3,
    replicas=2,
    workers=[HONEST, (RIGHT, "is late", True), (WRONG, "contributes", True), *[HONEST] * 5],
    together=False,
)
def test_whatever_workers_do_the_chain_takes_every_call_and_pays_for_an_agreed_result_only(
    trust: int, replicas: int, workers: list[tuple[Digest, str, bool]], together: bool
) -> None:
    scene, chain = ReplicatedScene(trust=trust, replicas=replicas), ConsensusTally(trust)
    behaviours = {to_address(bytes([30 + number]) * 20): each for number, each in enumerate(workers)}
    idle, late, now = list(behaviours), list[Address](), 2.0
    for _ in range(60):
        now += 1
        if late and chain.consensus is None and len(idle) % 2:  # at once, or after another worker has computed
            worker = late.pop(0)
            chain = chain.contribute(worker, behaviours[worker][0], 0)
            scene.contributes(worker, behaviours[worker][0], at=now)
        state = scene.task().replication
        assert state is not None
        match scene.task().stage:
            case "waiting" if idle:
                fences: list[tuple[Address, int]] = []
                while idle and (together or not fences) and is_assignable(scene.task()):
                    fences.append((idle[0], scene.starts(idle.pop(0), at=now)))
                for worker, fence in reversed(fences):
                    with suppress(InputRefused):  # the others have agreed
                        scene.commits(worker, behaviours[worker][0], fence, at=now)
            case "contributing":
                worker = state.next_worker
                assert worker is not None
                result, acts, _ = behaviours[worker]
                if acts in {"is absent", "is late"}:
                    late += [worker] if acts == "is late" else []
                    now += 61  # two leases
                    scene.passes(now, chain_now=1)
                else:
                    result = OTHER if acts == "breaks its promise" else result
                    chain = chain.contribute(worker, result, 0)  # raises where PoCo reverts
                    scene.contributes(worker, result, at=now)
            case "revealing":
                for each in chain.winners:
                    if behaviours[each.worker][2]:
                        chain = chain.reveal(each.worker)
                        scene.reveals(each.worker)
                scene.passes(now, chain_now=DEADLINE)
                if scene.call() == "reopen":
                    chain = chain.reopen()
                    scene.apply(e.TaskReopened(task=TASK, at=now))
                elif scene.call() == "finalize":
                    chain.finalize(
                        RewardTerms(pool_price=9, worker_stake=3, scheduler_reward_ratio=1),
                        [0] * len(chain.contributions),
                    )
                    assert chain.consensus == state.agreed
                    assert list(state.results.values()).count(chain.consensus) >= replicas
                    scene.apply(e.TaskFinalized(task=TASK, at=now))
                else:
                    assert chain.consensus != state.agreed
                    counts = Counter(state.results.values())
                    agreeing = counts.pop(chain.consensus)
                    results = ((each.result_hash, state.results.get(each.worker)) for each in state.commitments)
                    broken = any(contributed not in {committed, None} for committed, contributed in results)
                    assert broken or agreeing < replicas or agreeing <= max(counts.values(), default=0)
                    break
            case _:
                break
    if scene.task().stage != "completed":
        scene.passes(now, chain_now=1000)
        assert scene.call() == "claim"
