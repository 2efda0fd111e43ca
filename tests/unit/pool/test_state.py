import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused, NotFound, SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.effects import AssignTask, ClaimRefund, InitializeTask, SignAuthorisation, SignReassign
from sealgrid.pool.state import (
    PoolState,
    StateSnapshot,
    due,
    pending_calls,
    snapshot,
    step,
    unverified_refusals,
)
from sealgrid.pool.task import ENDED, MAX_ATTEMPTS, TRANSITIONS
from sealgrid.units import Address, DealId, TaskId, to_address, to_digest

DEAL = DealId(to_digest(b"\x0d" * 32))
TASK = task_id(DEAL, 4)
ANNA, BERT = to_address(b"\x0a" * 20), to_address(b"\x0b" * 20)
RULES = e.PoolTimeouts(lease=30, retry=5, margin=5)


def enclave(number: int) -> Address:
    return to_address(bytes([number]) * 20)


def deal(size: int = 1, refusal: str = "") -> e.DealMatched:
    return e.DealMatched(
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


def request(worker: Address, at: float = 1) -> e.JobRequested:
    return e.JobRequested(at=at, worker=worker, chain_now=int(at))


def propose(worker: Address, number: int, at: float = 2) -> e.EnclaveProposed:
    return e.EnclaveProposed(at=at, task=TASK, worker=worker, enclave=enclave(number))


def report(worker: Address, stage: str, at: float = 3, detail: str = "") -> e.StageReported:
    return msgspec.convert(
        {"at": at, "task": TASK, "worker": worker, "stage": stage, "detail": detail}, e.StageReported
    )


def after(*events: e.AnyEvent, rules: e.PoolTimeouts = RULES) -> PoolState:
    state = PoolState(rules=rules)
    for event in events:
        state, _ = step(state, event)
    return state


OPENED = (deal(), e.TaskInitialized(at=0.5, task=TASK))
ASSIGNED = (*OPENED, request(ANNA))


def test_each_task_of_a_deal_is_initialised() -> None:
    tasks = [task_id(DEAL, index) for index in (4, 5, 6)]
    assert pending_calls(after(deal(size=3))) == tuple(
        InitializeTask(task=task, deal=DEAL, index=index) for task, index in zip(tasks, (4, 5, 6), strict=True)
    )


def test_a_deal_seen_twice_counts_once() -> None:
    assert after(*ASSIGNED, deal()) == after(*ASSIGNED)


def test_a_task_that_is_not_initialised_is_not_assigned() -> None:
    assert step(after(deal()), request(ANNA))[1] == ()


def test_an_open_task_goes_to_one_worker_only() -> None:
    state, answers = step(after(*OPENED), request(ANNA))
    assert answers == (AssignTask(task=TASK, worker=ANNA),)
    assert step(state, request(BERT))[1] == ()


def test_a_worker_without_a_report_gets_the_same_task_when_it_requests_again_later() -> None:
    state = after(*ASSIGNED)
    assert step(state, request(ANNA, at=2))[1] == ()
    assert step(state, request(ANNA, at=7))[1] == (AssignTask(task=TASK, worker=ANNA),)


def test_a_task_too_near_its_contribution_deadline_is_not_assigned() -> None:
    assert step(after(*OPENED), request(ANNA, at=695))[1] == ()
    assert step(after(*OPENED), request(ANNA, at=694))[1] != ()


def test_the_first_enclave_is_authorised_without_a_reassignment() -> None:
    state, answers = step(after(*ASSIGNED), propose(ANNA, 1))
    assert answers == (SignAuthorisation(task=TASK, worker=ANNA, enclave=enclave(1)),)
    assert (state.task(TASK).attempt, state.task(TASK).stage) == (1, "launched")


def test_the_same_enclave_gets_the_same_answer_again() -> None:
    state = after(*ASSIGNED, propose(ANNA, 1))
    again, answers = step(state, propose(ANNA, 1, at=2))
    assert answers == (SignAuthorisation(task=TASK, worker=ANNA, enclave=enclave(1)),)
    assert again.task(TASK).attempt == 1


def test_another_enclave_is_a_second_attempt_with_a_signed_reassignment() -> None:
    answers = step(after(*ASSIGNED, propose(ANNA, 1)), propose(ANNA, 2))[1]
    assert answers[1] == SignReassign(task=TASK, attempt=2, worker=ANNA, enclave=enclave(2))


def test_a_task_gets_three_enclaves_and_no_fourth() -> None:
    state = after(*ASSIGNED, propose(ANNA, 1), propose(ANNA, 2), propose(ANNA, 3))
    with pytest.raises(InputRefused, match="has had 3 enclaves"):
        step(state, propose(ANNA, 4))


def test_a_task_whose_third_enclave_is_lost_has_failed() -> None:
    state = after(*ASSIGNED, propose(ANNA, 1), propose(ANNA, 2), propose(ANNA, 3), report(ANNA, "failed"))
    assert state.task(TASK).stage == "failed"
    assert step(state, request(BERT, at=100))[1] == ()


@pytest.mark.parametrize("event", [propose(BERT, 1), report(BERT, "running"), report(BERT, "failed")])
def test_a_worker_that_does_not_hold_the_task_is_refused(event: e.AnyEvent) -> None:
    with pytest.raises(InputRefused, match="not assigned to you"):
        step(after(*ASSIGNED), event)


def test_an_unknown_task_is_not_found_by_a_report() -> None:
    with pytest.raises(NotFound):
        step(after(), report(ANNA, "running"))


@pytest.mark.parametrize("stage", ["waiting", "assigned", "refunded"])
def test_a_worker_cannot_report_a_stage_of_the_pool(stage: str) -> None:
    with pytest.raises(InputRefused, match="does not report"):
        step(after(*ASSIGNED), report(ANNA, stage))


def test_a_worker_cannot_complete_its_own_task() -> None:
    assert after(*ASSIGNED, report(ANNA, "completed")).task(TASK).stage == "assigned"


def test_reports_move_a_task_forward_only_and_each_stage_is_noted_once() -> None:
    reports = ("launched", "running", "attested", "running", "sealed")
    history = after(*ASSIGNED, *(report(ANNA, stage) for stage in reports)).task(TASK).history
    assert [entry.stage for entry in history] == ["waiting", "assigned", "launched", "running", "sealed"]


def test_a_silent_worker_loses_its_task_to_another_one() -> None:
    state = after(*ASSIGNED, report(ANNA, "running", at=20))
    assert due(state, now=49, chain_now=49) == ()
    (expired,) = due(state, now=50, chain_now=50)
    state, _ = step(state, expired)
    assert step(state, request(BERT, at=50))[1] == (AssignTask(task=TASK, worker=BERT),)
    with pytest.raises(InputRefused, match="not assigned to you"):
        step(state, report(ANNA, "sealed", at=51))


def test_a_worker_that_repeats_one_stage_loses_its_task_after_ten_leases() -> None:
    repeated = (report(ANNA, "released", at=at) for at in range(20, 330, 10))
    state = after(*ASSIGNED, *repeated)
    assert due(state, now=319, chain_now=319) == ()
    (expired,) = due(state, now=320, chain_now=320)
    assert step(step(state, expired)[0], request(BERT, at=320))[1] == (AssignTask(task=TASK, worker=BERT),)


def test_repeated_requests_do_not_renew_the_lease() -> None:
    state = after(*ASSIGNED, *(request(ANNA, at=at) for at in range(10, 310, 10)))
    assert due(state, now=300, chain_now=300) == ()
    assert len(due(state, now=301, chain_now=301)) == 1


def test_an_app_may_run_until_the_contribution_deadline() -> None:
    state = after(*ASSIGNED, *(report(ANNA, "running", at=at) for at in range(20, 690, 10)))
    assert due(state, now=699, chain_now=699) == ()


def test_a_worker_whose_machine_failed_waits_before_it_gets_the_task_again_and_others_do_not() -> None:
    state = after(*ASSIGNED, report(ANNA, "failed", at=10, detail="out of state"))
    assert state.task(TASK).history[-1].detail == "ended without a result: out of state"
    assert step(state, request(ANNA, at=14))[1] == ()
    assert step(state, request(BERT, at=14))[1] == (AssignTask(task=TASK, worker=BERT),)
    assert step(state, request(ANNA, at=15))[1] == (AssignTask(task=TASK, worker=ANNA),)


def test_after_a_restart_every_worker_has_its_whole_lease_again() -> None:
    state = after(*ASSIGNED, e.PoolRestarted(at=500, rules=RULES))
    assert due(state, now=529, chain_now=529) == ()


def test_the_chain_alone_completes_a_task_at_any_stage() -> None:
    for events in (
        OPENED,
        ASSIGNED,
        (*ASSIGNED, propose(ANNA, 1)),
        (*ASSIGNED, e.ContributionClosed(at=700, task=TASK)),
    ):
        assert after(*events, e.TaskFinalized(at=701, task=TASK)).task(TASK).stage == "completed"


def test_after_the_contribution_deadline_a_task_has_failed_and_is_not_assigned() -> None:
    (closed,) = due(after(*OPENED), now=700, chain_now=700)
    state, _ = step(after(*OPENED), closed)
    assert state.task(TASK).stage == "failed"
    assert due(state, now=999, chain_now=999) == ()


def test_after_the_final_deadline_the_refund_is_claimed_until_the_chain_has_it() -> None:
    state = after(*OPENED)
    for event in due(state, now=1000, chain_now=1000):
        state, _ = step(state, event)
    assert pending_calls(state) == (ClaimRefund(task=TASK, deal=DEAL, index=4),)
    assert due(state, now=1001, chain_now=1001) == ()
    state, _ = step(state, e.TaskRefunded(at=1002, task=TASK))
    assert (state.task(TASK).stage, pending_calls(state)) == ("refunded", ())


def test_a_task_that_was_never_opened_is_refunded_too() -> None:
    state = after(deal())
    for event in due(state, now=1000, chain_now=1000):
        state, _ = step(state, event)
    assert pending_calls(state) == (ClaimRefund(task=TASK, deal=DEAL, index=4),)


def test_a_paid_task_is_never_refunded() -> None:
    state = after(*ASSIGNED, e.TaskFinalized(at=5, task=TASK))
    assert due(state, now=5000, chain_now=5000) == ()
    assert after(*ASSIGNED, e.TaskFinalized(at=5, task=TASK), e.TaskRefunded(at=6, task=TASK)) == state


def test_a_deal_that_this_pool_does_not_run_has_a_reason_and_is_refunded() -> None:
    state = after(deal(refusal="no enclave"), e.TaskInitialized(at=1, task=TASK))
    assert (state.task(TASK).stage, state.task(TASK).history[-1].detail) == ("failed", "no enclave")
    assert (pending_calls(state), step(state, request(ANNA))[1]) == ((), ())
    for event in due(state, now=1000, chain_now=1000):
        state, _ = step(state, event)
    assert pending_calls(state) == (ClaimRefund(task=TASK, deal=DEAL, index=4),)


def test_nothing_leaves_an_ended_stage() -> None:
    assert [key for key in TRANSITIONS if key[0] in ENDED] == []


workers, tasks = st.sampled_from([ANNA, BERT]), st.sampled_from([TASK, task_id(DEAL, 5), TaskId(to_digest(bytes(32)))])
times = st.floats(min_value=0, max_value=1200)
stages = st.sampled_from(["waiting", "launched", "running", "sealed", "settled", "finalizing", "completed", "failed"])


happenings: st.SearchStrategy[e.AnyEvent] = st.one_of(
    st.just(deal(size=2)),
    st.builds(e.JobRequested, at=times, worker=workers, chain_now=st.integers(0, 1200)),
    st.builds(e.TaskInitialized, at=times, task=tasks),
    st.builds(e.EnclaveProposed, at=times, task=tasks, worker=workers, enclave=st.integers(1, 6).map(enclave)),
    st.builds(e.StageReported, at=times, task=tasks, worker=workers, stage=stages),
    *(st.builds(kind, at=times, task=tasks) for kind in (e.LeaseExpired, e.ContributionClosed, e.RefundDue)),
    *(st.builds(kind, at=times, task=tasks) for kind in (e.TaskFinalized, e.TaskRefunded)),
    st.builds(e.PoolRestarted, at=times, rules=st.builds(e.PoolTimeouts, lease=times, retry=times)),
)


def stored_events(events: list[e.AnyEvent]) -> tuple[PoolState, list[e.AnyEvent]]:
    """Run events as the pool does: what is refused or changes nothing is not kept."""
    state, stored = PoolState(rules=RULES), []
    for event in events:
        try:
            following, _ = step(state, event)
        except SealgridError:
            continue
        if following is not state:
            stored.append(event)
        state = following
    return state, stored


@given(st.lists(happenings, max_size=40))
def test_stored_events_replay_to_the_same_state(events: list[e.AnyEvent]) -> None:
    state, stored = stored_events([deal(size=2), *events])
    read_back = msgspec.json.decode(msgspec.json.encode(stored), type=list[e.AnyEvent])
    assert after(*read_back) == state


@given(st.lists(happenings, max_size=40))
def test_whatever_happens_the_rules_hold(events: list[e.AnyEvent]) -> None:
    state, answered = PoolState(rules=RULES), []
    for event in [deal(size=2), *events]:
        before = state
        try:
            state, answers = step(state, event)
        except SealgridError:
            continue
        answered += answers
        for task in state.tasks.values():
            old = before.tasks.get(task.task)
            assert task.attempt <= MAX_ATTEMPTS
            assert old is None or old.stage not in ENDED or task.stage == old.stage
            assert old is None or task.history[: len(old.history)] == old.history
    signed = {(a.task, a.attempt): a.enclave for a in answered if isinstance(a, SignReassign)}
    assert all(a.enclave == signed[a.task, a.attempt] for a in answered if isinstance(a, SignReassign))
    assert all(attempt in {2, 3} for _, attempt in signed)


def test_events_replay_under_the_rules_of_their_time() -> None:
    losses = (*ASSIGNED, report(ANNA, "failed", at=10), request(ANNA, at=16), propose(ANNA, 1, at=17))
    patient = e.PoolTimeouts(lease=30, retry=1000)
    assert after(*losses, e.PoolRestarted(at=20, rules=patient)).task(TASK).attempt == 1


def refused_by(worker: Address, at: float = 3) -> e.StageReported:
    return e.StageReported(at=at, task=TASK, worker=worker, stage="failed", detail="(7.10) no", check="7.10")


def answered(check: str = "", *, denied: bool = False) -> e.VaultsAnswered:
    return e.VaultsAnswered(at=4, task=TASK, check=check, detail="3 of 3 vaults refuse the deal", denied=denied)


REFUSAL_REPORTED = (*ASSIGNED, propose(ANNA, 1), refused_by(ANNA))


def test_a_reported_refusal_waits_for_the_vaults() -> None:
    state = after(*REFUSAL_REPORTED)
    assert (state.task(TASK).stage, unverified_refusals(state)) == ("waiting", (TASK,))
    assert step(state, request(BERT, at=100))[1] == ()


def test_the_vaults_answer_ends_a_task_at_once_and_a_workers_report_does_not() -> None:
    assert after(*REFUSAL_REPORTED, answered("7.10")).task(TASK).stage == "failed"
    denied_state = after(*REFUSAL_REPORTED, answered())
    assert (denied_state.task(TASK).stage, unverified_refusals(denied_state)) == ("waiting", ())
    assert step(denied_state, request(BERT, at=100))[1] == (AssignTask(task=TASK, worker=BERT),)


def test_a_worker_whose_refusal_the_vaults_deny_does_not_get_the_task_again() -> None:
    assert step(after(*REFUSAL_REPORTED, answered(denied=True)), request(ANNA, at=600))[1] == ()
    assert step(after(*REFUSAL_REPORTED, answered()), request(ANNA, at=600))[1] == (AssignTask(task=TASK, worker=ANNA),)


def test_a_refusal_that_is_about_the_machine_is_a_loss_like_any_other() -> None:
    report_of_machine = e.StageReported(at=3, task=TASK, worker=ANNA, stage="failed", detail="(3.5) no", check="3.5")
    assert unverified_refusals(after(*ASSIGNED, propose(ANNA, 1), report_of_machine)) == ()


def test_an_answer_of_the_vaults_without_a_reported_refusal_changes_nothing() -> None:
    assert after(*ASSIGNED, answered("7.10")).task(TASK).stage == "assigned"


def test_a_worker_that_takes_tasks_and_does_not_work_has_no_more_than_the_limit() -> None:
    rules = e.PoolTimeouts(tasks_per_worker=2)
    ready = [e.TaskInitialized(at=1, task=task_id(DEAL, index)) for index in range(4, 9)]
    state = after(deal(size=5), *ready, rules=rules)
    for _ in range(5):
        state, _ = step(state, request(ANNA))
    assert [task.worker for task in state.open_tasks()] == [ANNA, ANNA, None, None, None]
    assert step(state, request(BERT))[1] == (AssignTask(task=task_id(DEAL, 6), worker=BERT),)
    ended, _ = step(state, e.TaskFinalized(at=2, task=TASK))
    assert step(ended, request(ANNA))[1] == (AssignTask(task=task_id(DEAL, 6), worker=ANNA),)


def test_a_worker_at_its_limit_that_missed_the_answer_gets_the_same_task_again() -> None:
    state = after(*ASSIGNED, rules=e.PoolTimeouts(tasks_per_worker=1))
    assert step(state, request(ANNA, at=100))[1] == (AssignTask(task=TASK, worker=ANNA),)


def test_a_worker_at_its_limit_gets_its_own_task_again_although_an_older_one_waits() -> None:
    second = task_id(DEAL, 5)
    first_ready_later = (deal(size=2), e.TaskInitialized(at=1, task=second), request(ANNA))
    state = after(*first_ready_later, e.TaskInitialized(at=2, task=TASK), rules=e.PoolTimeouts(tasks_per_worker=1))
    assert step(state, request(ANNA, at=100))[1] == (AssignTask(task=second, worker=ANNA),)


def test_a_worker_names_one_enclave_each_time_it_takes_a_task() -> None:
    rules = e.PoolTimeouts(single_enclave=True)
    state = after(*ASSIGNED, propose(ANNA, 1), rules=rules)
    with pytest.raises(InputRefused, match="has an enclave of yours"):
        step(state, propose(ANNA, 2))
    again = after(*ASSIGNED, propose(ANNA, 1), report(ANNA, "failed"), request(ANNA, at=20), rules=rules)
    assert step(again, propose(ANNA, 2, at=21))[1]


@given(st.lists(happenings, max_size=40))
def test_a_snapshot_is_the_same_state(events: list[e.AnyEvent]) -> None:
    state, _ = stored_events([deal(size=2), *events])
    document = msgspec.json.encode(snapshot(state, ended_since=0))
    restored = msgspec.json.decode(document, type=StateSnapshot).state()
    assert (restored, list(restored.open)) == (state, list(state.open))


@given(st.lists(happenings, max_size=40))
def test_the_open_tasks_are_those_that_have_not_ended(events: list[e.AnyEvent]) -> None:
    state, _ = stored_events([deal(size=2), *events])
    assert set(state.open) == {task.task for task in state.tasks.values() if task.stage not in ENDED}


def test_a_snapshot_forgets_tasks_that_ended_long_ago_and_their_deals() -> None:
    ended = after(*ASSIGNED, e.TaskFinalized(at=50, task=TASK))
    assert snapshot(ended, ended_since=50).state() == ended
    forgotten = snapshot(ended, ended_since=51).state()
    assert (dict(forgotten.tasks), dict(forgotten.deals)) == ({}, {})


def test_a_snapshot_never_forgets_an_open_task() -> None:
    state = after(*ASSIGNED)
    assert snapshot(state, ended_since=10**9).state() == state


def test_an_event_after_the_end_of_a_task_changes_nothing() -> None:
    state = after(*ASSIGNED, e.TaskFinalized(at=5, task=TASK))
    assert step(state, e.TaskRefunded(at=6, task=TASK))[0] is state
