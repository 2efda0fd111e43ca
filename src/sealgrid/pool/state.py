"""A pool's state: events in, a new state and answers out; nothing here knows a clock, a socket or a key."""

from collections.abc import Mapping
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
from sealgrid.pool.task import ENDED, MAX_ATTEMPTS, OPEN, WORKING, PoolTask, answer, decline, lose, move, report
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import Stage, StageAt

_REPORTS: Final = (*WORKING[1:], "completed", "failed")


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a pool knows, in the order in which it learnt it."""

    rules: e.PoolTimeouts = e.PoolTimeouts()
    deals: Mapping[DealId, e.DealMatched] = {}
    tasks: Mapping[TaskId, PoolTask] = {}

    def task(self, task: TaskId) -> PoolTask:
        """Return a task; raise NotFound."""
        if task not in self.tasks:
            raise NotFound(f"this pool knows no task {task}; a deal is seen within a second of its block.")
        return self.tasks[task]


Outcome = tuple[PoolState, tuple[Answer, ...]]


def step(state: PoolState, event: e.AnyEvent) -> Outcome:
    """Apply one event; raise InputRefused or NotFound, with the state unchanged, when a worker may not do that."""
    match event:
        case e.DealMatched():
            return _see(state, event), ()
        case e.JobRequested():
            return _assign(state, event)
        case e.PoolRestarted():
            return _restart(state, event), ()
        case e.EnclaveProposed():
            return _authorise(state, event)
        case e.StageReported():
            return _hear(state, event), ()
        case _:
            return _tell(state, event), ()


def due(state: PoolState, now: float, chain_now: int) -> tuple[e.AnyEvent, ...]:
    """Return what the two clocks bring about."""
    found: list[e.AnyEvent] = []
    for task in state.tasks.values():
        deal = state.deals[task.deal]
        if task.stage in WORKING and _is_idle(task, state.rules, now):
            found.append(e.LeaseExpired(task=task.task, at=now))
        if task.stage in OPEN and chain_now >= deal.contribution_deadline:
            found.append(e.ContributionClosed(task=task.task, at=now))
        if task.stage not in ENDED and not task.refund_due and chain_now >= deal.final_deadline:
            found.append(e.RefundDue(task=task.task, at=now))
    return tuple(found)


def _is_idle(task: PoolTask, rules: e.PoolTimeouts, now: float) -> bool:
    # An app may run until the contribution deadline; every other stage is short, however often it is reported.
    stuck = task.stage != "running" and now >= task.moved + rules.stage_leases * rules.lease
    return stuck or now >= task.heard + rules.lease


def standing(state: PoolState) -> tuple[ChainCall, ...]:
    """Return the chain calls that the state asks for, until the chain says that they are done: a crash loses none."""
    calls: list[ChainCall] = []
    for task in state.tasks.values():
        if task.refund_due and task.stage not in ENDED:
            calls.append(ClaimRefund(task=task.task, deal=task.deal, index=task.index))
        elif not task.ready and task.stage in OPEN:
            calls.append(InitializeTask(task=task.task, deal=task.deal, index=task.index))
    return tuple(calls)


def questions(state: PoolState) -> tuple[TaskId, ...]:
    """Return the tasks about which the vaults are to be asked, since a worker says that they refused them."""
    return tuple(task.task for task in state.tasks.values() if task.claimed and task.stage == "waiting")


def _with(state: PoolState, task: PoolTask) -> PoolState:
    return msgspec.structs.replace(state, tasks={**state.tasks, task.task: task})


def _see(state: PoolState, seen: e.DealMatched) -> PoolState:
    if seen.deal in state.deals:
        return state
    fresh = {task_id(seen.deal, index): _new(seen, index) for index in range(seen.first, seen.first + seen.size)}
    return msgspec.structs.replace(state, deals={**state.deals, seen.deal: seen}, tasks={**state.tasks, **fresh})


def _new(seen: e.DealMatched, index: int) -> PoolTask:
    stage: Stage = "failed" if seen.refusal else "waiting"
    history = (StageAt(stage=stage, at=seen.at, detail=seen.refusal),)
    return PoolTask(task=task_id(seen.deal, index), deal=seen.deal, index=index, stage=stage, history=history)


def _assign(state: PoolState, asked: e.JobRequested) -> Outcome:
    chosen = next((task for task in state.tasks.values() if _may_take(state, task, asked)), None)
    if chosen is None:
        return state, ()
    taken = msgspec.structs.replace(move(chosen, "assign", asked.at), worker=asked.worker, heard=asked.at, named=False)
    return _with(state, taken), (AssignTask(task=taken.task, worker=asked.worker),)


def _may_take(state: PoolState, task: PoolTask, asked: e.JobRequested) -> bool:
    patient = asked.at - state.rules.retry
    if asked.chain_now + state.rules.margin >= state.deals[task.deal].contribution_deadline:
        return False
    if task.stage == "assigned":  # it was given this task before and never spoke of it
        return task.worker == asked.worker and task.heard <= patient
    lost_lately = any(worker == asked.worker and at > patient for worker, at in task.lost)
    waits = task.stage == "waiting" and task.ready and not task.claimed
    return waits and not lost_lately and asked.worker not in task.declined


def _restart(state: PoolState, event: e.PoolRestarted) -> PoolState:
    held = {key: task for key, task in state.tasks.items() if task.stage in WORKING}
    renewed = {key: msgspec.structs.replace(task, heard=event.at, moved=event.at) for key, task in held.items()}
    return msgspec.structs.replace(state, rules=event.rules, tasks={**state.tasks, **renewed})


def _owned(state: PoolState, task: TaskId, worker: Address) -> PoolTask:
    owned = state.task(task)
    if owned.stage not in WORKING or owned.worker != worker:
        raise InputRefused(f"task {task} is not yours (any more): it is {owned.stage}; ask for another one.")
    return owned


def _authorise(state: PoolState, named: e.EnclaveProposed) -> Outcome:
    task = _owned(state, named.task, named.worker)
    if task.enclave != named.enclave:
        if task.attempt >= MAX_ATTEMPTS:
            raise InputRefused(f"task {task.task} has had {MAX_ATTEMPTS} enclaves; it gets no other.")
        if state.rules.single_enclave and task.named:
            raise InputRefused(f"task {task.task} has an enclave of yours; report that it failed before another.")
        task = msgspec.structs.replace(
            move(task, "name", named.at), enclave=named.enclave, attempt=task.attempt + 1, named=True
        )
    task = msgspec.structs.replace(task, heard=named.at)
    return _with(state, task), _signatures(task, named)


def _signatures(task: PoolTask, named: e.EnclaveProposed) -> tuple[Answer, ...]:
    authorisation = SignAuthorisation(task=task.task, worker=named.worker, enclave=named.enclave)
    if task.attempt == 1:
        return (authorisation,)
    again = SignReassign(task=task.task, attempt=task.attempt, worker=named.worker, enclave=named.enclave)
    return (authorisation, again)


def _hear(state: PoolState, said: e.StageReported) -> PoolState:
    if said.stage not in _REPORTS:
        raise InputRefused(f"a worker does not report {said.stage!r}; it reports one of {', '.join(_REPORTS)}.")
    if said.stage == "completed" and state.task(said.task).stage == "completed":
        return state  # the chain was faster than the worker
    task = _owned(state, said.task, said.worker)
    if said.stage == "failed":
        why = f"ended without a result: {said.detail}"
        return _with(
            state,
            decline(task, said.at, said.check, why) if said.check in REQUESTER_REFUSALS else lose(task, said.at, why),
        )
    return _with(state, report(task, said.stage, said.at, said.detail))


def _tell(state: PoolState, event: e.TaskEvent) -> PoolState:
    task = state.tasks.get(event.task)
    if task is None:
        return state
    match event:
        case e.TaskInitialized():
            task = msgspec.structs.replace(task, ready=True)
        case e.VaultsAnswered():
            task = answer(task, event.at, event.check, event.detail, denied=event.denied)
        case e.LeaseExpired():
            task = lose(task, event.at, "the worker fell silent or stood still")
        case e.ContributionClosed():
            task = move(task, "close", event.at, "the contribution deadline passed")
        case e.RefundDue():
            task = msgspec.structs.replace(move(task, "close", event.at, "the final deadline passed"), refund_due=True)
        case e.TaskFinalized():
            task = move(task, "finalize", event.at)
        case e.TaskRefunded():
            task = move(task, "claim", event.at, "the requester has the money back")
    return _with(state, task)
