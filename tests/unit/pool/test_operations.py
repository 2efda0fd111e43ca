"""What happens to tasks: who gets one, keeps it and loses it, when it ends, and what the chain is asked for."""

import pytest

from sealgrid.errors import InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.claims import WorkerRequest
from sealgrid.pool.effects import ChainCall, SignAuthorisation, SignReassign
from sealgrid.pool.next_actions import lease_until
from sealgrid.pool.operations import apply_events
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import MAX_ATTEMPTS
from tests.unit.pool.store_scene import ANNA, BERT, DEAL, OPENED, RULES, TASK, StoreScene, assigned, deal, enclave


def test_each_task_of_a_deal_is_initialised() -> None:
    assert StoreScene(deal(size=3)).calls() == [
        ChainCall(kind="initialize", task=task_id(DEAL, index), deal=DEAL, index=index) for index in (4, 5, 6)
    ]


def test_a_deal_seen_twice_counts_once() -> None:
    scene = assigned()
    before = scene.task()
    scene.apply(deal())
    assert (scene.task(), scene.take(BERT)) == (before, [])


def test_a_task_that_is_not_initialised_is_not_assigned() -> None:
    assert StoreScene(deal()).take(ANNA) == []


def test_an_open_task_goes_to_one_worker_only() -> None:
    scene = StoreScene(*OPENED)
    assert (scene.take(ANNA), scene.take(BERT)) == ([TASK], [])


def test_one_claim_serves_many_workers_and_slots_in_their_order() -> None:
    tasks = [task_id(DEAL, index) for index in range(4, 9)]
    scene = StoreScene(deal(size=5), *(e.TaskInitialized(at=1, task=task) for task in tasks))
    result = scene.claim(WorkerRequest(ANNA, 2), WorkerRequest(BERT, 2), at=2)
    assert [(each.request, each.task.task) for each in result.assignments] == [
        (0, tasks[0]),
        (0, tasks[1]),
        (1, tasks[2]),
        (1, tasks[3]),
    ]
    assert result.more
    last = scene.claim(WorkerRequest(BERT, 2), at=2)
    assert [each.task.task for each in last.assignments] == [tasks[4]]
    assert not last.more


def test_a_task_that_nobody_here_may_take_blocks_no_other() -> None:
    other = task_id(DEAL, 5)
    scene = StoreScene(deal(size=2), e.TaskInitialized(at=1, task=TASK), e.TaskInitialized(at=1, task=other))
    assert scene.take(ANNA) == [TASK]
    scene.report(ANNA, "failed", at=10)
    assert scene.take(ANNA, at=11) == [other]
    result = scene.claim(WorkerRequest(ANNA), at=11)
    assert (result.assignments, result.more, result.again_at) == ((), True, 15)


def test_a_worker_without_a_report_gets_the_same_task_when_it_requests_again_later() -> None:
    scene = assigned()
    early = scene.claim(WorkerRequest(ANNA), at=2)
    assert (early.assignments, early.again_at) == ((), 6)
    assert scene.take(ANNA, at=7) == [TASK]
    assert scene.fence() == 2


def test_a_task_too_near_its_contribution_deadline_is_not_assigned() -> None:
    assert StoreScene(*OPENED).take(ANNA, at=695) == []
    assert StoreScene(*OPENED).take(ANNA, at=694) == [TASK]


def test_the_first_enclave_is_authorised_without_a_reassignment() -> None:
    scene = assigned()
    assert scene.propose(ANNA, 1) == (SignAuthorisation(task=TASK, worker=ANNA, enclave=enclave(1)),)
    assert (scene.task().attempt, scene.task().stage) == (1, "launched")


def test_the_same_enclave_gets_the_same_answer_again() -> None:
    scene = assigned()
    assert scene.propose(ANNA, 1) == scene.propose(ANNA, 1, at=2.5)
    assert scene.task().attempt == 1


def test_an_assignment_has_one_enclave() -> None:
    scene = assigned()
    scene.propose(ANNA, 1)
    with pytest.raises(InputRefused, match="has an enclave of yours"):
        scene.propose(ANNA, 2)


def with_enclaves(number: int) -> StoreScene:
    """Return a scene in which Anna has the task again after as many enclaves."""
    scene = assigned()
    for each in range(1, number + 1):
        scene.propose(ANNA, each, at=20 * each)
        scene.report(ANNA, "failed", at=20 * each + 1)
        scene.take(ANNA, at=20 * each + 10)
    return scene


def test_another_enclave_is_a_second_attempt_with_a_signed_reassignment() -> None:
    reassign = with_enclaves(1).propose(ANNA, 2, at=40)[1]
    assert reassign == SignReassign(task=TASK, attempt=2, worker=ANNA, enclave=enclave(2))


def test_a_task_whose_third_enclave_is_lost_has_failed() -> None:
    scene = with_enclaves(3)
    assert (scene.task().stage, scene.task().attempt, scene.take(BERT, at=200)) == ("failed", MAX_ATTEMPTS, [])


def test_a_worker_that_does_not_have_the_task_is_refused() -> None:
    scene = assigned()
    for act in (
        lambda: scene.propose(BERT, 1),
        lambda: scene.report(BERT, "running"),
        lambda: scene.report(BERT, "failed"),
    ):
        with pytest.raises(InputRefused, match="not assigned to you"):
            act()


@pytest.mark.parametrize("fence", [0, 1, 3])
def test_a_call_of_another_assignment_changes_nothing(fence: int) -> None:
    scene = assigned()
    scene.report(ANNA, "failed", at=10)
    assert scene.take(ANNA, at=15) == [TASK]
    before = scene.task()
    assert before.fence == 2
    for act in (
        lambda: scene.report(ANNA, "running", at=16, fence=fence),
        lambda: scene.report(ANNA, "failed", at=16, fence=fence),
        lambda: scene.propose(ANNA, 1, at=16, fence=fence),
    ):
        with pytest.raises(InputRefused, match=f"assignment {fence} of task .* has ended"):
            act()
    assert scene.task() == before


def test_an_unknown_task_is_not_found_by_a_report() -> None:
    with pytest.raises(NotFound):
        StoreScene().report(ANNA, "running", fence=1)


@pytest.mark.parametrize("stage", ["waiting", "assigned", "refunded"])
def test_a_worker_cannot_report_a_stage_of_the_pool(stage: str) -> None:
    with pytest.raises(InputRefused, match="does not report"):
        assigned().report(ANNA, stage)


def test_a_worker_cannot_complete_its_own_task() -> None:
    scene = assigned()
    scene.report(ANNA, "completed")
    assert scene.task().stage == "assigned"


def test_a_late_report_of_completion_is_no_error() -> None:
    scene = assigned()
    scene.apply(e.TaskFinalized(at=5, task=TASK))
    scene.report(ANNA, "completed", at=6)
    with pytest.raises(InputRefused, match="it is completed"):
        scene.report(ANNA, "sealed", at=6)


def test_reports_move_a_task_forward_only_and_each_stage_is_noted_once() -> None:
    scene = assigned()
    for stage in ("launched", "running", "attested", "running", "sealed"):
        scene.report(ANNA, stage)
    stages = [entry.stage for entry in scene.task().history]
    assert stages == ["waiting", "assigned", "launched", "running", "sealed"]


def test_a_silent_worker_loses_its_task_to_another_one() -> None:
    scene = assigned()
    scene.report(ANNA, "running", at=20)
    scene.expire(49.9)
    assert scene.task().worker == ANNA
    scene.expire(50)
    assert scene.take(BERT, at=50) == [TASK]
    with pytest.raises(InputRefused, match="not assigned to you"):
        scene.report(ANNA, "sealed", at=51, fence=1)


def test_a_lease_that_a_report_renewed_meanwhile_does_not_end() -> None:
    scene = assigned()
    scene.report(ANNA, "running", at=20)
    scene.apply(e.LeaseExpired(task=TASK, at=49))
    assert scene.task().worker == ANNA


def test_a_worker_that_repeats_one_stage_loses_its_task_after_ten_leases() -> None:
    scene = assigned()
    for at in range(20, 330, 10):
        scene.report(ANNA, "released", at=at)
    scene.expire(319)
    assert scene.task().worker == ANNA
    scene.expire(320)
    assert scene.take(BERT, at=320) == [TASK]


def test_repeated_requests_do_not_keep_a_task_for_ever() -> None:
    scene = assigned()
    for at in range(10, 310, 10):
        scene.take(ANNA, at=at)
    scene.expire(300)
    assert scene.task().worker == ANNA
    scene.expire(301)
    assert scene.task().worker is None


def test_an_app_may_run_until_the_contribution_deadline() -> None:
    scene = assigned()
    for at in range(20, 690, 10):
        scene.report(ANNA, "running", at=at)
    scene.expire(699)
    assert scene.task().stage == "running"


def test_a_worker_whose_machine_failed_waits_before_it_gets_the_task_again_and_others_do_not() -> None:
    for worker, at, taken in ((ANNA, 14, []), (BERT, 14, [TASK]), (ANNA, 15, [TASK])):
        scene = assigned()
        scene.report(ANNA, "failed", at=10, detail="out of memory")
        assert scene.task().history[-1].detail == "ended without a result: out of memory"
        assert scene.take(worker, at=at) == taken


def test_after_a_restart_every_worker_has_its_whole_lease_again() -> None:
    scene = assigned()
    with scene.store.transaction() as rows:
        rows.renew_leases(500)
    assert lease_until(scene.task(), RULES) == 530
    scene.expire(529)
    assert scene.task().worker == ANNA


def test_the_chain_alone_completes_a_task_at_any_stage() -> None:
    def closed() -> StoreScene:
        scene = assigned()
        scene.expire(700)
        return scene

    def launched() -> StoreScene:
        scene = assigned()
        scene.propose(ANNA, 1)
        return scene

    for scene in (StoreScene(*OPENED), assigned(), launched(), closed()):
        scene.apply(e.TaskFinalized(at=701, task=TASK))
        assert scene.task().stage == "completed"


def test_after_the_contribution_deadline_a_task_has_failed_and_is_not_assigned() -> None:
    scene = StoreScene(*OPENED)
    scene.expire(700)
    assert (scene.task().stage, scene.take(ANNA, at=701), scene.calls()) == ("failed", [], [])


def test_after_the_final_deadline_the_refund_is_claimed_until_the_chain_has_it() -> None:
    for events, kind in ((OPENED, "claim"), (OPENED[:1], "initialize and claim")):
        scene = StoreScene(*events)
        scene.expire(1000)
        assert scene.calls() == [ChainCall(kind=kind, task=TASK, deal=DEAL, index=4)]
        before = scene.task()
        scene.expire(1001)
        assert scene.task() == before
        scene.apply(e.TaskRefunded(at=1002, task=TASK))
        assert (scene.task().stage, scene.calls()) == ("refunded", [])


def test_a_chain_call_that_failed_waits_and_lets_others_go_first() -> None:
    scene = StoreScene(deal(size=2))
    scene.apply(e.ChainCallPostponed(task=TASK, at=5, until=10))
    assert [call.index for call in scene.calls(now=9)] == [5]
    assert [call.index for call in scene.calls(now=10)] == [5, 4]


def test_a_refund_does_not_wait_for_an_initialisation_that_failed() -> None:
    scene = StoreScene(deal(), e.ChainCallPostponed(task=TASK, at=999, until=5000))
    scene.expire(1000)
    assert [call.kind for call in scene.calls(now=1000)] == ["initialize and claim"]


def test_a_call_that_a_transaction_carries_is_not_made_again_until_that_one_has_ended() -> None:
    scene = StoreScene(deal(), e.ChainCallSubmitted(task=TASK, at=1, nonce=7))
    assert scene.calls() == []
    scene.apply(e.ChainCallEnded(task=TASK, at=2, nonce=6))
    assert scene.calls() == []
    scene.apply(e.ChainCallEnded(task=TASK, at=3, nonce=7))
    assert [call.kind for call in scene.calls()] == ["initialize"]


def test_a_paid_task_is_never_refunded() -> None:
    scene = assigned()
    scene.apply(e.TaskFinalized(at=5, task=TASK))
    paid = scene.task()
    scene.expire(5000)
    scene.apply(e.TaskRefunded(at=6, task=TASK))
    assert (scene.task(), scene.calls()) == (paid, [])


def test_a_deal_that_this_pool_does_not_run_has_a_reason_and_is_refunded() -> None:
    scene = StoreScene(deal(refusal="no enclave"), e.TaskInitialized(at=1, task=TASK))
    assert (scene.task().stage, scene.task().history[-1].detail) == ("failed", "no enclave")
    assert (scene.calls(), scene.take(ANNA)) == ([], [])
    scene.expire(1000)
    assert [call.kind for call in scene.calls()] == ["claim"]


def refused_by_vaults(check: str = "7.10") -> StoreScene:
    scene = assigned()
    scene.propose(ANNA, 1)
    scene.report(ANNA, "failed", detail="no", check=check)
    return scene


def answer(scene: StoreScene, check: str = "", *, denied: bool = False) -> StoreScene:
    scene.apply(e.VaultsAnswered(at=4, task=TASK, check=check, detail="3 of 3 vaults refuse", denied=denied))
    return scene


def test_a_reported_refusal_waits_for_the_vaults() -> None:
    scene = refused_by_vaults()
    assert (scene.task().stage, scene.refusals(), scene.take(BERT, at=100)) == ("waiting", [TASK], [])


def test_the_vaults_answer_ends_a_task_at_once_and_a_workers_report_does_not() -> None:
    assert answer(refused_by_vaults(), "7.10").task().stage == "failed"
    not_confirmed = answer(refused_by_vaults())
    assert (not_confirmed.refusals(), not_confirmed.take(BERT, at=100)) == ([], [TASK])


def test_a_worker_whose_refusal_the_vaults_deny_does_not_get_the_task_again() -> None:
    denied = answer(refused_by_vaults(), denied=True).claim(WorkerRequest(ANNA), at=600)
    assert (denied.assignments, denied.again_at) == ((), None)
    assert answer(refused_by_vaults()).take(ANNA, at=600) == [TASK]


def test_a_refusal_that_is_about_the_machine_is_a_loss_like_any_other() -> None:
    assert refused_by_vaults("3.5").refusals() == []


def test_an_answer_of_the_vaults_without_a_reported_refusal_changes_nothing() -> None:
    assert answer(assigned(), "7.10").task().stage == "assigned"


def test_a_worker_that_takes_tasks_and_does_not_work_has_no_more_than_the_limit() -> None:
    tasks = [task_id(DEAL, index) for index in range(4, 9)]
    ready = [e.TaskInitialized(at=1, task=task) for task in tasks]
    scene = StoreScene(deal(size=5), *ready, rules=PoolRules(tasks_per_worker=2))
    assert scene.take(ANNA, slots=5) == tasks[:2]
    assert scene.take(BERT) == [tasks[2]]
    scene.apply(e.TaskFinalized(at=2, task=TASK))
    assert scene.take(ANNA, slots=5) == [tasks[3]]


def test_a_worker_at_its_limit_that_missed_the_answer_gets_the_same_task_again() -> None:
    assert assigned(PoolRules(tasks_per_worker=1)).take(ANNA, at=100) == [TASK]


def test_a_worker_at_its_limit_gets_its_own_task_again_although_an_older_one_waits() -> None:
    second = task_id(DEAL, 5)
    scene = StoreScene(deal(size=2), e.TaskInitialized(at=1, task=second), rules=PoolRules(tasks_per_worker=1))
    assert scene.take(ANNA) == [second]
    scene.apply(e.TaskInitialized(at=2, task=TASK))
    assert scene.take(ANNA, at=100) == [second]


def test_an_ended_task_is_forgotten_with_its_deal_and_an_open_one_never() -> None:
    second = task_id(DEAL, 5)
    scene = StoreScene(deal(size=2), e.TaskFinalized(at=50, task=TASK))
    for before, task, kept in ((50, TASK, True), (51, TASK, False), (10**9, second, True)):
        with scene.store.transaction() as rows:
            rows.forget(before)
        assert (scene.store.task(task) is not None) == kept
        assert scene.store.deal(DEAL) is not None
    scene.apply(e.TaskRefunded(at=60, task=second))
    with scene.store.transaction() as rows:
        rows.forget(10**9)
    assert scene.store.deal(DEAL) is None


def test_one_refused_event_does_not_stop_the_others_of_its_transaction() -> None:
    scene = StoreScene(*OPENED)
    wrong = e.StageReported(at=2, task=TASK, worker=BERT, fence=1, stage="running")
    with scene.store.transaction() as rows:
        taken = e.TaskAssigned(at=1, task=TASK, worker=ANNA)
        right = e.StageReported(at=2, task=TASK, worker=ANNA, fence=1, stage="running")
        results = apply_events(rows, [taken, wrong, right], RULES)
    assert isinstance(results[1], InputRefused)
    assert scene.task().stage == "running"
