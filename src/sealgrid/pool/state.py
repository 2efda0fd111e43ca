"""A pool's state machine: events in, new state and effects out. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.errors import InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.effects import (
    Answer,
    AssignTask,
    ChainCall,
    ClaimRefund,
    InitializeTask,
    SignAuthorisation,
    SignReassign,
)
from sealgrid.pool.persistent_map import PersistentMap
from sealgrid.pool.task import (
    ENDED,
    MAX_ATTEMPTS,
    OPEN,
    WORKING,
    PoolTask,
    decline,
    lose,
    move,
    report,
    resolve_refusal,
)
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import Stage, StageAt

_REPORTS: Final = (*WORKING[1:], "completed", "failed")


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """All deals and tasks of a pool. An event costs the same whatever the number of tasks that have ended."""

    rules: e.PoolTimeouts = e.PoolTimeouts()
    deals: PersistentMap[DealId, e.DealMatched] = PersistentMap()
    tasks: PersistentMap[TaskId, PoolTask] = PersistentMap()
    open: Mapping[TaskId, None] = {}  #: the tasks that have not ended, in the order of arrival

    def task(self, task: TaskId) -> PoolTask:
        """Return a task; raise NotFound."""
        if task not in self.tasks:
            raise NotFound(f"this pool has no task {task}; a new deal appears within a second of its block.")
        return self.tasks[task]

    def open_tasks(self) -> Iterator[PoolTask]:
        """Yield the tasks that have not ended, in the order of arrival."""
        return (self.tasks[task] for task in self.open)


class StateSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A state as one document; with it the events before it are not needed any more."""

    rules: e.PoolTimeouts
    deals: tuple[e.DealMatched, ...]
    tasks: tuple[PoolTask, ...]  #: the open ones in the order of arrival

    def state(self) -> PoolState:
        """Return the state."""
        return PoolState(
            rules=self.rules,
            deals=PersistentMap((deal.deal, deal) for deal in self.deals),
            tasks=PersistentMap((task.task, task) for task in self.tasks),
            open={task.task: None for task in self.tasks if task.stage not in ENDED},
        )


def snapshot(state: PoolState, *, ended_since: float) -> StateSnapshot:
    """Return a snapshot without the tasks that ended before ``ended_since``, in Unix seconds, and their deals."""
    ended = [task for task in state.tasks.values() if task.stage in ENDED and task.history[-1].at >= ended_since]
    tasks = (*state.open_tasks(), *ended)
    deals = dict.fromkeys(task.deal for task in tasks)
    return StateSnapshot(rules=state.rules, deals=tuple(state.deals[deal] for deal in deals), tasks=tasks)


Outcome = tuple[PoolState, tuple[Answer, ...]]


def step(state: PoolState, event: e.AnyEvent) -> Outcome:
    """Apply one event; raise InputRefused or NotFound, with the state unchanged, for a call that is not permitted."""
    match event:
        case e.DealMatched():
            return _add_deal(state, event), ()
        case e.JobRequested():
            return _assign(state, event)
        case e.PoolRestarted():
            return _restart(state, event), ()
        case e.EnclaveProposed():
            return _authorise(state, event)
        case e.StageReported():
            return _apply_report(state, event), ()
        case _:
            return _apply_task_event(state, event), ()


def due(state: PoolState, now: float, chain_now: int) -> tuple[e.AnyEvent, ...]:
    """Return the events that are due by the pool's and the chain's clock."""
    events: list[e.AnyEvent] = []
    for task in state.open_tasks():
        deal = state.deals[task.deal]
        if task.stage in WORKING and _is_idle(task, state.rules, now):
            events.append(e.LeaseExpired(task=task.task, at=now))
        if task.stage in OPEN and chain_now >= deal.contribution_deadline:
            events.append(e.ContributionClosed(task=task.task, at=now))
        if task.stage not in ENDED and not task.refund_due and chain_now >= deal.final_deadline:
            events.append(e.RefundDue(task=task.task, at=now))
    return tuple(events)


def _is_idle(task: PoolTask, rules: e.PoolTimeouts, now: float) -> bool:
    # Only *running* may last until the contribution deadline; every other stage has a limit in spite of reports.
    stuck = task.stage != "running" and now >= task.stage_since + rules.stage_leases * rules.lease
    return stuck or now >= task.last_report + rules.lease


def pending_calls(state: PoolState) -> tuple[ChainCall, ...]:
    """Return the chain calls that are not confirmed yet. They follow from the state, so a crash loses none."""
    calls: list[ChainCall] = []
    for task in state.open_tasks():
        if task.refund_due and task.stage not in ENDED:
            calls.append(ClaimRefund(task=task.task, deal=task.deal, index=task.index))
        elif not task.ready and task.stage in OPEN:
            calls.append(InitializeTask(task=task.task, deal=task.deal, index=task.index))
    return tuple(calls)


def unverified_refusals(state: PoolState) -> tuple[TaskId, ...]:
    """Return the waiting tasks whose reported refusal the vaults have not confirmed or denied yet."""
    return tuple(task.task for task in state.open_tasks() if task.claimed_check and task.stage == "waiting")


def _with(state: PoolState, task: PoolTask) -> PoolState:
    if state.tasks.get(task.task) is task:
        return state
    remaining = state.open
    if task.stage in ENDED and task.task in remaining:
        remaining = {each: None for each in remaining if each != task.task}
    return msgspec.structs.replace(state, tasks=state.tasks.with_entries([(task.task, task)]), open=remaining)


def _add_deal(state: PoolState, matched: e.DealMatched) -> PoolState:
    if matched.deal in state.deals:
        return state
    stage: Stage = "failed" if matched.refusal else "waiting"
    history = (StageAt(stage=stage, at=matched.at, detail=matched.refusal),)
    tasks: dict[TaskId, PoolTask] = {}
    for index in range(matched.first, matched.first + matched.size):
        task = task_id(matched.deal, index)
        tasks[task] = PoolTask(task=task, deal=matched.deal, index=index, stage=stage, history=history)
    return msgspec.structs.replace(
        state,
        deals=state.deals.with_entries([(matched.deal, matched)]),
        tasks=state.tasks.with_entries(tasks.items()),
        open={**state.open, **dict.fromkeys(tasks)},
    )


def _assign(state: PoolState, request: e.JobRequested) -> Outcome:
    has_room = not _has_enough(state, request.worker)
    possible = (task for task in state.open_tasks() if has_room or task.stage != "waiting")
    task = next((task for task in possible if _may_take(state, task, request)), None)
    if task is None:
        return state, ()
    taken = msgspec.structs.replace(
        move(task, "assign", request.at), worker=request.worker, last_report=request.at, enclave_proposed=False
    )
    return _with(state, taken), (AssignTask(task=taken.task, worker=request.worker),)


def _may_take(state: PoolState, task: PoolTask, request: e.JobRequested) -> bool:
    retry_after = request.at - state.rules.retry
    if request.chain_now + state.rules.margin >= state.deals[task.deal].contribution_deadline:
        return False
    if task.stage == "assigned":  # assigned to this worker before, without a report since
        return task.worker == request.worker and task.last_report <= retry_after
    lost_recently = any(worker == request.worker and at > retry_after for worker, at in task.losses)
    waits = task.stage == "waiting" and task.ready and not task.claimed_check
    return waits and not lost_recently and request.worker not in task.excluded


def _has_enough(state: PoolState, worker: Address) -> bool:
    limit = state.rules.tasks_per_worker
    return 0 < limit <= sum(task.worker == worker and task.stage in WORKING for task in state.open_tasks())


def _restart(state: PoolState, event: e.PoolRestarted) -> PoolState:
    leased = [task for task in state.open_tasks() if task.stage in WORKING]
    renewed = [msgspec.structs.replace(task, last_report=event.at, stage_since=event.at) for task in leased]
    tasks = state.tasks.with_entries((task.task, task) for task in renewed)
    return msgspec.structs.replace(state, rules=event.rules, tasks=tasks)


def _require_worker(state: PoolState, task: TaskId, worker: Address) -> PoolTask:
    owned = state.task(task)
    if owned.stage not in WORKING or owned.worker != worker:
        raise InputRefused(f"task {task} is not assigned to you: it is {owned.stage}; request another one.")
    return owned


def _authorise(state: PoolState, proposal: e.EnclaveProposed) -> Outcome:
    task = _require_worker(state, proposal.task, proposal.worker)
    if task.enclave != proposal.enclave:
        if task.attempt >= MAX_ATTEMPTS:
            raise InputRefused(f"task {task.task} has had {MAX_ATTEMPTS} enclaves; it gets no other.")
        if state.rules.single_enclave and task.enclave_proposed:
            raise InputRefused(
                f"task {task.task} has an enclave of yours; report it as failed before you propose another."
            )
        task = msgspec.structs.replace(
            move(task, "propose", proposal.at),
            enclave=proposal.enclave,
            attempt=task.attempt + 1,
            enclave_proposed=True,
        )
    task = msgspec.structs.replace(task, last_report=proposal.at)
    worker, enclave = proposal.worker, proposal.enclave
    authorisation = SignAuthorisation(task=task.task, worker=worker, enclave=enclave)
    if task.attempt == 1:
        return _with(state, task), (authorisation,)
    reassign = SignReassign(task=task.task, attempt=task.attempt, worker=worker, enclave=enclave)
    return _with(state, task), (authorisation, reassign)


def _apply_report(state: PoolState, reported: e.StageReported) -> PoolState:
    if reported.stage not in _REPORTS:
        raise InputRefused(f"a worker does not report {reported.stage!r}; it reports one of {', '.join(_REPORTS)}.")
    if reported.stage == "completed" and state.task(reported.task).stage == "completed":
        return state  # the chain event arrived before the report
    task = _require_worker(state, reported.task, reported.worker)
    if reported.stage == "failed":
        reason = f"ended without a result: {reported.detail}"
        return _with(
            state,
            decline(task, reported.at, reported.check, reason)
            if reported.check in REQUESTER_REFUSALS
            else lose(task, reported.at, reason),
        )
    return _with(state, report(task, reported.stage, reported.at, reported.detail))


def _apply_task_event(state: PoolState, event: e.TaskEvent) -> PoolState:
    task = state.tasks.get(event.task)
    if task is None:
        return state
    match event:
        case e.TaskInitialized():
            task = msgspec.structs.replace(task, ready=True)
        case e.VaultsAnswered():
            task = resolve_refusal(task, event.at, event.check, event.detail, denied=event.denied)
        case e.LeaseExpired():
            task = lose(task, event.at, "the worker sent no report, or stayed at one stage, for too long")
        case e.ContributionClosed():
            task = move(task, "close", event.at, "the contribution deadline passed")
        case e.RefundDue():
            task = msgspec.structs.replace(move(task, "close", event.at, "the final deadline passed"), refund_due=True)
        case e.TaskFinalized():
            task = move(task, "finalize", event.at)
        case e.TaskRefunded():
            task = move(task, "claim", event.at, "the requester was refunded")
    return _with(state, task)
