"""The state machine of one task: whatever happens, its rules hold."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused, SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.effects import ForwardedCall, SignReassign
from sealgrid.pool.step import step
from sealgrid.pool.task import ENDED, MAX_ATTEMPTS, MAX_REVERTS, TRANSITIONS, WORKING, PoolTask
from sealgrid.units import Address, TaskId, to_digest
from sealgrid.wire.pool import ForwardReply
from tests.unit.pool.store_scene import ANNA, BERT, DEAL, RULES, TASK, StoreScene, assigned, deal, enclave


def test_nothing_leaves_an_ended_stage() -> None:
    assert [key for key in TRANSITIONS if key[0] in ENDED] == []


FORWARD = ForwardedCall(account=enclave(7), data=b"call")
workers, tasks = st.sampled_from([ANNA, BERT]), st.sampled_from([TASK, task_id(DEAL, 5), TaskId(to_digest(bytes(32)))])
times = st.floats(min_value=0, max_value=1200)
stages = st.sampled_from(["waiting", "launched", "running", "sealed", "settled", "finalizing", "completed", "failed"])
fences = st.integers(0, 4)
happenings: st.SearchStrategy[e.AnyEvent] = st.one_of(
    st.just(deal(size=2)),
    st.builds(e.TaskAssigned, at=times, task=tasks, worker=workers),
    st.builds(
        e.EnclaveProposed, at=times, task=tasks, worker=workers, fence=fences, enclave=st.integers(1, 6).map(enclave)
    ),
    st.builds(e.StageReported, at=times, task=tasks, worker=workers, fence=fences, stage=stages),
    st.builds(e.CallForwarded, at=times, task=tasks, worker=workers, fence=fences, forward=st.just(FORWARD)),
    st.builds(e.ChainTimePassed, at=times, task=tasks, chain_now=st.integers(0, 1200)),
    *(
        st.builds(kind, at=times, task=tasks)
        for kind in (e.TaskInitialized, e.TailReached, e.LeaseExpired, e.TaskFinalized, e.TaskRefunded)
    ),
    st.builds(e.CallForwardEnded, at=times, task=tasks, final=st.booleans(), reverted=st.booleans()),
)


@given(st.lists(happenings, max_size=40))
def test_whatever_happens_the_rules_hold(events: list[e.AnyEvent]) -> None:
    scene, effects = StoreScene(deal(size=2)), []
    for event in events:
        before = dict(scene.store.open) | dict(scene.store.history)  # type: ignore[attr-defined]
        try:
            effects += scene.apply(event)
        except SealgridError:
            assert dict(scene.store.open) | dict(scene.store.history) == before  # type: ignore[attr-defined]
        for old in before.values():
            expect_progress(old, scene.task(old.task))
    signed = {(a.task, a.attempt): a.enclave for a in effects if isinstance(a, SignReassign)}
    assert all(a.enclave == signed[a.task, a.attempt] for a in effects if isinstance(a, SignReassign))
    assert all(attempt in {2, 3} for _, attempt in signed)


def expect_progress(old: PoolTask, new: PoolTask) -> None:
    assert new.attempt <= MAX_ATTEMPTS
    assert new.forward is None or (new.stage in WORKING and new.worker is not None)
    assert new == old or old.stage not in ENDED
    assert new.history[: len(old.history)] == old.history
    assert new.fence - old.fence in {0, 1}
    followers = {None, old.worker, *(copy.worker for copy in old.copies)}
    assert new.worker in followers or new.fence > old.fence
    assert len({new.worker, *(copy.worker for copy in new.copies)}) == 1 + len(new.copies) <= 2


@given(st.lists(happenings, max_size=40), happenings)
def test_an_event_of_another_fence_or_worker_returns_the_same_task(events: list[e.AnyEvent], last: e.AnyEvent) -> None:
    scene = StoreScene(deal(size=2))
    for event in events:
        try:
            scene.apply(event)
        except SealgridError:
            continue
    task = scene.task()
    live = {(task.worker, task.worker_fence), *((copy.worker, copy.fence) for copy in task.copies)}
    if isinstance(last, e.WorkerEvent) and (last.worker, last.fence) not in live:
        about_this = msgspec.structs.replace(last, task=TASK)
        try:
            assert step(task, deal(size=2), about_this, RULES) == (task, ())
        except InputRefused:
            return


def at_the_tail(stage: str = "running") -> StoreScene:
    """Return a scene in which Anna's enclave is at a stage for longer than a lease, and her deal is at its end."""
    scene = assigned()
    scene.propose(ANNA, 1)
    scene.report(ANNA, stage, at=3)
    scene.report(ANNA, stage, at=30)
    scene.apply(e.TailReached(at=40, task=TASK))
    return scene


def test_an_idle_worker_computes_one_of_the_last_tasks_too() -> None:
    scene = at_the_tail()
    assert scene.take(BERT, at=41) == [TASK]
    signed = scene.propose(BERT, 2, at=42, fence=2)
    assert [(each.worker, each.enclave) for each in signed] == [(BERT, enclave(2))] * 2
    assert isinstance(signed[1], SignReassign)
    assert (signed[1].attempt, scene.task().worker, scene.task().enclave) == (2, ANNA, enclave(1))
    assert scene.propose(BERT, 2, at=43, fence=2) == signed  # the reply was lost


@pytest.mark.parametrize("stage", ["launched", "attested", "sealed", "settled", "finalizing"])
def test_an_enclave_without_its_keys_or_with_its_result_is_not_followed_by_another(stage: str) -> None:
    assert at_the_tail(stage).take(BERT, at=41) == []


def test_who_is_first_on_the_chain_has_the_task_and_the_other_is_ended() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.propose(BERT, 2, at=42, fence=2)
    scene.apply(e.ResultContributed(at=50, task=TASK, worker=BERT, result_hash=DEAL))
    scene.apply(e.TaskFinalized(at=50, task=TASK))
    assert (scene.task().stage, scene.task().worker, scene.task().enclave) == ("completed", BERT, enclave(2))
    with pytest.raises(InputRefused, match="is not assigned to you: it is completed"):
        scene.report(ANNA, "sealed", at=51, fence=1)


def test_the_first_workers_end_leaves_the_task_to_the_other() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.propose(BERT, 2, at=42, fence=2)
    scene.report(ANNA, "failed", at=50, fence=1)
    assert (scene.task().worker, scene.task().stage, scene.task().enclave) == (BERT, "launched", enclave(2))
    scene.report(BERT, "finalizing", at=51, fence=2)


def test_the_others_end_leaves_the_task_to_the_first_worker() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.report(ANNA, "running", at=60, fence=1)
    scene.expire(72)
    assert (scene.task().worker, scene.task().copies, scene.task().stage) == (ANNA, (), "running")


def test_an_enclave_that_another_has_followed_gets_no_authorisation_again() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.propose(BERT, 2, at=42, fence=2)
    with pytest.raises(InputRefused, match="has another enclave since"):
        scene.propose(ANNA, 1, at=43, fence=1)


def test_the_last_attempt_is_not_for_an_idle_worker() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.propose(BERT, 2, at=42, fence=2)
    scene.report(BERT, "failed", at=43, fence=2)
    scene.report(ANNA, "running", at=60, fence=1)
    scene.apply(e.TailReached(at=75, task=TASK))
    assert scene.take(enclave(0x0C), at=76) == []


def failures(scene: StoreScene) -> dict[Address, int]:
    with scene.store.transaction() as rows:
        return {each.worker: each.count for each in rows.failures({ANNA, BERT}).values()}


def with_two_results() -> StoreScene:
    """Return a scene in which Anna and Bert both have a result of one task in enclaves."""
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.propose(BERT, 2, at=42, fence=2)
    scene.report(ANNA, "finalizing", at=50, fence=1)
    scene.report(BERT, "finalizing", at=50, fence=2)
    return scene


@pytest.mark.parametrize(("loser", "fence", "winner"), [(ANNA, 1, BERT), (BERT, 2, ANNA)])
def test_who_was_paid_second_and_reports_it_before_the_chain_has_no_failure(
    loser: Address, fence: int, winner: Address
) -> None:
    scene = with_two_results()
    scene.report(loser, "failed", at=51, fence=fence)
    assert (scene.task().worker, failures(scene)) == (winner, {})
    scene.apply(e.TaskFinalized(at=52, task=TASK))
    assert (scene.task().stage, scene.task().worker, failures(scene)) == ("completed", winner, {})


def test_both_have_a_failure_if_none_was_paid() -> None:
    scene = with_two_results()
    scene.report(ANNA, "failed", at=51, fence=1)
    scene.report(BERT, "failed", at=52, fence=2)
    assert (scene.task().stage, failures(scene)) == ("waiting", {ANNA: 1, BERT: 1})


def test_a_failure_without_a_result_counts_beside_another_worker_too() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.report(BERT, "failed", at=42, fence=2)
    assert failures(scene) == {BERT: 1}


def test_a_result_that_reverted_beside_another_worker_counts_once_both_lost_the_task() -> None:
    scene = with_two_results()
    for _ in range(2):
        scene.apply(e.CallForwarded(at=51, task=TASK, worker=BERT, fence=2, forward=FORWARD))
        scene.apply(e.CallForwardEnded(at=52, task=TASK, reverted=True))
        assert failures(scene) == {}
    scene.report(BERT, "failed", at=53, fence=2)
    scene.report(ANNA, "failed", at=54, fence=1)
    assert failures(scene) == {ANNA: 1, BERT: 1}


def test_the_pool_sends_the_result_of_a_copy_as_that_of_the_first_worker() -> None:
    scene = at_the_tail()
    scene.take(BERT, at=41)
    scene.propose(BERT, 2, at=42, fence=2)
    scene.apply(e.CallForwarded(at=50, task=TASK, worker=BERT, fence=2, forward=FORWARD))
    assert (scene.task().worker, scene.task().forward) == (BERT, FORWARD)
    scene.report(ANNA, "sealed", at=51, fence=1)


def forwarded() -> StoreScene:
    """Return a scene in which the pool has Anna's result."""
    scene = StoreScene(deal(), e.TaskInitialized(at=1, task=TASK), e.TaskAssigned(at=2, task=TASK, worker=ANNA))
    scene.apply(e.CallForwarded(at=3, task=TASK, worker=ANNA, fence=1, forward=FORWARD))
    return scene


def test_a_worker_whose_result_the_pool_has_loses_its_task_at_the_contribution_deadline_alone() -> None:
    scene = forwarded()
    scene.apply(e.LeaseExpired(at=600, task=TASK))
    scene.report(ANNA, "failed", at=601)
    scene.expire(699)
    assert (scene.task().worker, scene.task().forward) == (ANNA, FORWARD)
    scene.expire(700)
    assert (scene.task().stage, scene.task().forward) == ("failed", None)


def test_a_worker_has_a_whole_lease_to_ask_again_after_its_result_was_refused() -> None:
    scene = forwarded()
    scene.apply(e.CallForwardEnded(at=500, task=TASK, reason="the node was behind"))
    assert scene.task().forward_refusal == ForwardReply(refusal="the node was behind")
    scene.expire(529)
    assert scene.task().worker == ANNA
    scene.apply(e.CallForwarded(at=529, task=TASK, worker=ANNA, fence=1, forward=FORWARD))
    assert (scene.task().forward, scene.task().forward_refusal) == (FORWARD, ForwardReply())
    scene.apply(e.CallForwardEnded(at=530, task=TASK))
    scene.expire(560)
    assert scene.task().worker is None


def test_a_result_that_the_pool_refused_for_good_is_not_sent_again() -> None:
    scene = forwarded()
    scene.apply(e.CallForwardEnded(at=4, task=TASK, reason="it needs 9 gas", final=True))
    scene.apply(e.CallForwarded(at=5, task=TASK, worker=ANNA, fence=1, forward=FORWARD))
    assert scene.calls() == []
    assert scene.task().forward_refusal.final
    scene.report(ANNA, "failed", at=6)
    assert scene.take(BERT, at=7) == [TASK]
    assert scene.task().forward_refusal == ForwardReply()


def test_results_that_revert_at_the_pools_cost_count_as_losses_and_end_after_three() -> None:
    scene = forwarded()
    for number in range(1, MAX_REVERTS + 1):
        scene.apply(e.CallForwardEnded(at=10 * number, task=TASK, reason="its transaction reverted", reverted=True))
        with scene.store.transaction() as rows:
            assert rows.failures([ANNA])[ANNA, deal().app].count == number
        assert scene.task().forward_refusal.final == (number == MAX_REVERTS)
        scene.apply(e.CallForwarded(at=10 * number + 1, task=TASK, worker=ANNA, fence=1, forward=FORWARD))
    assert scene.calls() == []


def test_a_result_for_an_account_is_a_chain_call_until_it_ended_or_its_worker_lost_the_task() -> None:
    scene = StoreScene(deal(), e.TaskInitialized(at=1, task=TASK), e.TaskAssigned(at=2, task=TASK, worker=ANNA))
    forwarded = e.CallForwarded(at=3, task=TASK, worker=ANNA, fence=1, forward=FORWARD)
    for end in (e.CallForwardEnded(at=4, task=TASK), e.ChainTimePassed(at=99, task=TASK, chain_now=700)):
        scene.apply(forwarded)
        assert [call.forward for call in scene.calls()] == [FORWARD]
        scene.apply(end)
        assert scene.calls() == []


def test_a_result_that_is_under_way_is_not_replaced() -> None:
    scene = StoreScene(deal(), e.TaskInitialized(at=1, task=TASK), e.TaskAssigned(at=2, task=TASK, worker=ANNA))
    scene.apply(e.CallForwarded(at=3, task=TASK, worker=ANNA, fence=1, forward=FORWARD))
    scene.apply(e.ChainCallSubmitted(at=4, task=TASK, nonce=7))
    other = ForwardedCall(account=enclave(7), data=b"other")
    scene.apply(e.CallForwarded(at=5, task=TASK, worker=ANNA, fence=1, forward=other))
    assert scene.task(TASK).forward == FORWARD


def test_only_the_tasks_worker_under_its_fence_has_a_result_sent() -> None:
    scene = StoreScene(deal(), e.TaskInitialized(at=1, task=TASK), e.TaskAssigned(at=2, task=TASK, worker=ANNA))
    for worker, fence in ((BERT, 1), (ANNA, 0), (ANNA, 2)):
        with pytest.raises(InputRefused, match="not assigned to you"):
            scene.apply(e.CallForwarded(at=3, task=TASK, worker=worker, fence=fence, forward=FORWARD))


def test_of_a_task_without_an_enclave_no_result_is_sent() -> None:
    public = deal(replicated=True, params="{}")
    scene = StoreScene(public, e.TaskInitialized(at=1, task=TASK), e.TaskAssigned(at=2, task=TASK, worker=ANNA))
    with pytest.raises(InputRefused, match="no enclave"):
        scene.apply(e.CallForwarded(at=3, task=TASK, worker=ANNA, fence=1, forward=FORWARD))
