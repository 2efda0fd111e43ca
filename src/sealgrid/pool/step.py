"""The state machine of one task: its state and an event in, its new state and effects out. Pure."""

from typing import Final

import msgspec

from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.errors import InputRefused
from sealgrid.poco.consensus import ConsensusTally
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.effects import AssignTask, Effect, SignAuthorisation, SignReassign
from sealgrid.pool.next_actions import RUNNING, copy_lease_until, is_assignable, is_in_backlog, is_spare, lease_until
from sealgrid.pool.replication import (
    MAX_COMMITMENTS,
    Replication,
    ResultCommitment,
    agree,
    commit,
    contributed,
    missing_workers,
    reached,
    reopened,
    revealed,
    skip_absent,
)
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import (
    ENDED,
    MAX_ATTEMPTS,
    MAX_DETAIL,
    MAX_REVERTS,
    WORKING,
    PoolTask,
    TaskCopy,
    copy_of,
    decline,
    exchange_copy,
    lose,
    lose_copy,
    move,
    promote_copy,
    remove_copy,
    replace_copy,
    report,
    resolve_refusal,
    suspend_loss,
    workers_of,
)
from sealgrid.wire.pool import ForwardReply, Stage, StageAt

_REPORTS: Final = (*WORKING[1:], "completed", "failed")

_ChainCallEvent = e.ChainCallSubmitted | e.ChainCallEnded | e.ChainCallPostponed
_ChainEvent = e.TaskInitialized | e.TaskFinalized | e.TaskRefunded
_ForwardEvent = e.CallForwarded | e.CallForwardEnded
_PoolEvent = e.TaskQueued | e.TailReached | e.VaultsAnswered | e.LeaseExpired | e.ChainTimePassed | _ChainCallEvent
Outcome = tuple[PoolTask, tuple[Effect, ...]]


def new_tasks(deal: e.DealMatched) -> tuple[PoolTask, ...]:
    """Return the tasks of a new deal."""
    stage: Stage = "failed" if deal.refusal else "waiting"
    history = (StageAt(stage=stage, at=deal.at, detail=deal.refusal),)
    replication = Replication(tally=ConsensusTally(deal.trust)) if deal.replicated else None
    return tuple(
        PoolTask(
            task=task_id(deal.deal, index),
            deal=deal.deal,
            index=index,
            stage=stage,
            history=history,
            replication=replication,
        )
        for index in range(deal.first, deal.first + deal.size)
    )


def step(task: PoolTask, deal: e.DealMatched, event: e.AnyTaskEvent, rules: PoolRules) -> Outcome:
    """Apply one event to its task; raise InputRefused for a worker's call that is not permitted.

    An event that changes nothing returns the same object.
    """
    if task.stage in ENDED and not isinstance(event, e.WorkerEvent):
        return task, ()
    if isinstance(event, e.WorkerEvent) and (copy := copy_of(task, event.worker)) is not None:
        return _apply_copy_event(task, copy, event, rules)
    match event:
        case e.TaskAssigned():
            return _assign(task, event, rules)
        case e.EnclaveProposed():
            return _authorise(task, event)
        case e.StageReported():
            return _apply_report(task, event), ()
        case _:
            return _apply_other_event(task, deal, event, rules), ()


def renew_lease(task: PoolTask, at: float) -> PoolTask:
    """Return a task whose worker has its whole lease again: it could not report while the pool was down."""
    copies = tuple(msgspec.structs.replace(copy, last_report=at, stage_since=at) for copy in task.copies)
    return msgspec.structs.replace(task, last_report=at, stage_since=at, copies=copies)


def _assign(task: PoolTask, event: e.TaskAssigned, rules: PoolRules) -> Outcome:
    fence, copy = task.fence + 1, copy_of(task, event.worker)
    if task.stage == "waiting" and is_assignable(task):
        taken = _give(msgspec.structs.replace(task, wanted=_wanted_at_once(task, event, rules)), event, fence)
    elif task.stage == "assigned" and task.worker == event.worker:  # the reply was lost
        taken = _give(task, event, fence)
    elif copy is not None and copy.stage == "assigned":
        taken = replace_copy(task, msgspec.structs.replace(copy, fence=fence, last_report=event.at))
    elif (is_assignable(task) or is_spare(task)) and event.worker not in workers_of(task):
        added = TaskCopy(worker=event.worker, fence=fence, last_report=event.at, stage_since=event.at)
        taken = msgspec.structs.replace(task, copies=(*task.copies, added))
    else:
        return task, ()
    taken = msgspec.structs.replace(taken, fence=fence)
    return taken, (AssignTask(task=task.task, worker=event.worker, fence=fence),)


def _give(task: PoolTask, event: e.TaskAssigned, fence: int) -> PoolTask:
    return msgspec.structs.replace(
        move(task, "assign", event.at),
        worker=event.worker,
        worker_fence=fence,
        last_report=event.at,
        enclave_proposed=False,
        forward_refusal=ForwardReply(),
    )


def _wanted_at_once(task: PoolTask, event: e.TaskAssigned, rules: PoolRules) -> int:
    """Return how many workers shall have a task at the same time, as it is given to the first of them."""
    if task.replication is None or (event.trusted and not task.replication.commitments):
        return 1
    return missing_workers(task.replication, rules.replicas)


def _apply_copy_event(task: PoolTask, copy: TaskCopy, event: e.WorkerEvent, rules: PoolRules) -> Outcome:
    """Apply an event of a worker that has a task beside its first worker."""
    _require_fence(task, event, copy.fence)
    match event:
        case e.StageReported() if event.stage == "failed":
            lost = lose_copy(task, copy.worker, event.at, f"ended without a result: {event.detail}")
            return suspend_loss(task, lost, copy.worker, copy.stage), ()
        case e.StageReported():
            _require_known_stage(event)
            return replace_copy(task, _advance(copy, event)), ()
        case e.ResultCommitted():
            return _commit(task, event, rules), ()
        case e.EnclaveProposed():
            return _authorise_copy(task, copy, event)
        case e.CallForwarded() if task.forward is None:
            return _apply_forward(exchange_copy(task, copy.worker, event.at), event), ()
        case _:  # what is under way is followed to its end first
            return replace_copy(task, msgspec.structs.replace(copy, last_report=event.at)), ()


def _authorise_copy(task: PoolTask, copy: TaskCopy, proposal: e.EnclaveProposed) -> Outcome:
    _require_enclave_task(task)
    if copy.enclave is None:
        if task.attempt >= MAX_ATTEMPTS or proposal.enclave == task.enclave:
            raise InputRefused(f"task {task.task} gets no further enclave, or has this one.")
        copy = msgspec.structs.replace(
            copy, enclave=proposal.enclave, stage="launched", last_report=proposal.at, stage_since=proposal.at
        )
        task = msgspec.structs.replace(replace_copy(task, copy), attempt=task.attempt + 1)
    elif copy.enclave != proposal.enclave:
        raise InputRefused(f"task {task.task} has an enclave of yours; report it as failed before you propose another.")
    worker, enclave = proposal.worker, proposal.enclave
    return task, (
        SignAuthorisation(task=task.task, worker=worker, enclave=enclave),
        SignReassign(task=task.task, attempt=task.attempt, worker=worker, enclave=enclave),
    )


def _advance(copy: TaskCopy, reported: e.StageReported) -> TaskCopy:
    alive = msgspec.structs.replace(copy, last_report=reported.at)
    later = reported.stage in WORKING and WORKING.index(reported.stage) > WORKING.index(copy.stage)
    return msgspec.structs.replace(alive, stage=reported.stage, stage_since=reported.at) if later else alive


def _apply_other_event(
    task: PoolTask,
    deal: e.DealMatched,
    event: _PoolEvent | _ForwardEvent | _ChainEvent | e.ResultCommitted | e.ReplicationEvent,
    rules: PoolRules,
) -> PoolTask:
    match event:
        case e.TaskInitialized() | e.TaskFinalized() | e.TaskRefunded():
            return _apply_chain_event(task, event)
        case e.CallForwarded() | e.CallForwardEnded():
            return _apply_forward(task, event)
        case e.ResultCommitted():
            return _commit(task, event, rules)
        case e.ResultContributed() | e.ConsensusReached() | e.ResultRevealed() | e.TaskReopened():
            return _apply_replication_event(task, event, rules)
        case _:
            return _apply_pool_event(task, deal, event, rules)


def _commit(task: PoolTask, event: e.ResultCommitted, rules: PoolRules) -> PoolTask:
    if task.replication is None:
        raise InputRefused(f"task {task.task} runs in an enclave; its worker commits to nothing.")
    if event.worker in task.replication.workers:
        return task  # the reply was lost; the worker commits again
    if copy_of(task, event.worker) is None:
        _require_worker(task, event)
    commitment = ResultCommitment(event.worker, event.result_hash, event.result_seal, event.score)
    # A worker that is not trusted alone has another one beside it: it is compared, whoever is first.
    first = rules.replicas if task.copies else event.replicas or rules.replicas
    after = commit(task.replication, commitment, first, rules.replicas)
    left = promote_copy(task, event.at) if task.worker == event.worker else remove_copy(task, event.worker)
    return _after_agreement(left, after, event.at, rules)


def _after_agreement(task: PoolTask, replication: Replication, at: float, rules: PoolRules) -> PoolTask:
    """Return the task with its workers' commitments compared: they contribute, or another worker is needed.

    Who computes it is waited for if the commitments are not enough; else its assignment ends.
    """
    count, kinds = len(replication.commitments), len({each.result_hash for each in replication.commitments})
    compared = msgspec.structs.replace(task, replication=replication)
    if replication.order:
        agreed = msgspec.structs.replace(compared, worker=None, last_report=at)
        return move(agreed, "agree", at, f"{count} workers, {kinds} different results")
    compared = msgspec.structs.replace(compared, wanted=missing_workers(replication, rules.replicas))
    if compared.worker is not None:
        return compared
    compared = msgspec.structs.replace(compared, last_report=at)
    if count >= MAX_COMMITMENTS:
        return move(compared, "close", at, f"{count} workers do not agree on a result")
    return move(compared, "again", at, f"{count} results; another worker is needed")


def _apply_replication_event(task: PoolTask, event: e.ReplicationEvent, rules: PoolRules) -> PoolTask:
    if task.replication is None:
        if isinstance(event, e.ResultContributed) and copy_of(task, event.worker) is not None:
            return exchange_copy(task, event.worker, event.at)
        return task
    replace = msgspec.structs.replace
    match event:
        case e.ResultContributed():
            return _contribute(task, contributed(task.replication, event.worker, event.result_hash), event, rules)
        case e.ConsensusReached():
            after = reached(task.replication, event.result_hash, event.reveal_deadline)
            agreed = "" if after.is_agreed else "on another result than its workers committed to"
            return move(replace(task, replication=after, worker=None), "consensus", event.at, agreed)
        case e.ResultRevealed():
            return replace(task, replication=revealed(task.replication, event.worker, event.result))
        case e.TaskReopened():
            after = reopened(task.replication, rules.replicas)
            return _after_agreement(task, after, event.at, rules) if task.stage == "revealing" else task


def _contribute(task: PoolTask, after: Replication, event: e.ResultContributed, rules: PoolRules) -> PoolTask:
    """Return the task after a contribution; the workers are compared again unless others contribute next.

    Where PoCo should find consensus by the scores that the pool knows, the chain's event is waited for, for a lease.
    """
    ends_order = task.stage == "contributing" and after.next_worker is None
    late = task.stage == "waiting"
    if (ends_order or late) and after.tally.consensus is None and not after.tally.fires(event.result_hash):
        return _after_agreement(task, agree(after, rules.replicas), event.at, rules)
    return msgspec.structs.replace(task, replication=after, last_report=event.at)


def _apply_chain_event(task: PoolTask, event: _ChainEvent) -> PoolTask:
    match event:
        case e.TaskInitialized():
            return task if task.initialized else msgspec.structs.replace(task, initialized=True)
        case e.TaskFinalized():
            return move(task, "finalize", event.at)
        case e.TaskRefunded():
            return move(task, "claim", event.at, "the requester was refunded")


def _apply_pool_event(
    task: PoolTask,
    deal: e.DealMatched,
    event: _PoolEvent,
    rules: PoolRules,
) -> PoolTask:
    match event:
        case e.TaskQueued():
            return (
                msgspec.structs.replace(task, queued=True, virtual_start=event.virtual_start)
                if is_in_backlog(task)
                else task
            )
        case e.TailReached():
            slow = task.stage in RUNNING and event.at - task.stage_since >= rules.lease
            return msgspec.structs.replace(task, tail=True) if slow and not task.tail else task
        case e.VaultsAnswered():
            return resolve_refusal(task, event.at, event.check, event.detail, denied=event.denied)
        case e.LeaseExpired():
            return _expire(task, event.at, rules)
        case e.ChainTimePassed():
            return _close(task, deal, event)
        case e.ChainCallSubmitted() | e.ChainCallEnded() | e.ChainCallPostponed():
            return _apply_call_event(task, event)


def _apply_call_event(task: PoolTask, event: _ChainCallEvent) -> PoolTask:
    match event:
        case e.ChainCallSubmitted():
            return msgspec.structs.replace(task, nonce=event.nonce)
        case e.ChainCallEnded():
            return msgspec.structs.replace(task, nonce=None) if task.nonce == event.nonce else task
        case e.ChainCallPostponed():
            return msgspec.structs.replace(task, call_after=event.until)


def _expire(task: PoolTask, at: float, rules: PoolRules) -> PoolTask:
    end = lease_until(task, rules)
    if end is None or at < end:  # a report arrived meanwhile
        return task
    if task.stage == "contributing" and task.replication is not None:
        return _after_agreement(task, skip_absent(task.replication, rules.replicas), at, rules)
    reason = "the worker sent no report, or stayed at one stage, for too long"
    for copy in task.copies:  # one at a time: each loss is counted
        if copy_lease_until(copy, rules) <= at:
            return lose_copy(task, copy.worker, at, reason)
    return lose(task, at, reason)


def _close(task: PoolTask, deal: e.DealMatched, event: e.ChainTimePassed) -> PoolTask:
    if task.refund_due:
        return task
    if event.chain_now >= deal.final_deadline:
        closed = move(task, "close", event.at, "the final deadline passed")
        return msgspec.structs.replace(closed, refund_due=True, call_after=0.0)
    if task.stage == "revealing" and task.replication is not None:
        if event.chain_now < task.replication.reveal_deadline or task.replication.reveal_over:
            return task
        return msgspec.structs.replace(
            task, replication=msgspec.structs.replace(task.replication, reveal_over=True), call_after=0.0
        )
    if event.chain_now >= deal.contribution_deadline:
        return move(task, "close", event.at, "the contribution deadline passed")
    return task


def _require_worker(task: PoolTask, event: e.WorkerEvent) -> None:
    if task.stage not in WORKING or task.worker != event.worker:
        raise InputRefused(f"task {task.task} is not assigned to you: it is {task.stage}; request another one.")
    _require_fence(task, event, task.worker_fence or task.fence)  # 0: assigned by an earlier version


def _require_fence(task: PoolTask, event: e.WorkerEvent, fence: int) -> None:
    if fence != event.fence:
        raise InputRefused(
            f"assignment {event.fence} of task {task.task} has ended and is not assigned to you any more; "
            f"work on assignment {fence}, or request another task."
        )


def _authorise(task: PoolTask, proposal: e.EnclaveProposed) -> Outcome:
    _require_enclave_task(task)
    _require_worker(task, proposal)
    if any(copy.enclave for copy in task.copies):
        raise InputRefused(f"task {task.task} has another enclave since; the vaults give no keys to yours any more.")
    another = task.enclave != proposal.enclave
    if another and task.attempt >= MAX_ATTEMPTS:
        raise InputRefused(f"task {task.task} has had {MAX_ATTEMPTS} enclaves; it gets no other.")
    if another and task.enclave_proposed:
        raise InputRefused(f"task {task.task} has an enclave of yours; report it as failed before you propose another.")
    if not task.enclave_proposed:
        task = msgspec.structs.replace(
            move(task, "propose", proposal.at),
            enclave=proposal.enclave,
            attempt=task.attempt + int(another),
            enclave_proposed=True,
        )
    task = msgspec.structs.replace(task, last_report=proposal.at)
    worker, enclave = proposal.worker, proposal.enclave
    authorisation = SignAuthorisation(task=task.task, worker=worker, enclave=enclave)
    if task.attempt == 1:
        return task, (authorisation,)
    return task, (authorisation, SignReassign(task=task.task, attempt=task.attempt, worker=worker, enclave=enclave))


def _require_enclave_task(task: PoolTask) -> None:
    if task.replication is not None:  # an authorisation would let it contribute a result that nobody compared
        raise InputRefused(f"task {task.task} runs without an enclave; commit to its result instead.")


def _apply_forward(task: PoolTask, event: _ForwardEvent) -> PoolTask:
    replace = msgspec.structs.replace
    if isinstance(event, e.CallForwardEnded):
        if task.forward is None:
            return task
        reverts = task.reverts + event.reverted
        refusal = ForwardReply(refusal=event.reason[:MAX_DETAIL], final=event.final or reverts >= MAX_REVERTS)
        # It had no lease: its worker gets a whole one to learn the reason and to ask again.
        ended = renew_lease(replace(task, forward=None, forward_refusal=refusal, reverts=reverts), event.at)
        if not event.reverted or task.worker is None:
            return ended
        return suspend_loss(task, ended, task.worker, "finalizing")
    if task.stage == "completed":
        return task  # the chain event arrived before the worker's repetition
    _require_worker(task, event)
    if task.replication is not None:
        raise InputRefused(f"task {task.task} has no enclave; its worker contributes with its own key.")
    alive = replace(task, last_report=event.at)
    if task.nonce is not None or task.forward_refusal.final:  # what is under way is followed to its end first
        return alive
    return replace(alive, forward=event.forward, forward_refusal=ForwardReply())


def _apply_report(task: PoolTask, reported: e.StageReported) -> PoolTask:
    _require_known_stage(reported)
    if reported.stage == "completed" and task.stage == "completed":
        return task  # the chain event arrived before the report
    _require_worker(task, reported)
    if reported.stage == "failed":
        if task.forward is not None:
            return task  # the pool has the result: the chain tells how it ends
        reason = f"ended without a result: {reported.detail}"
        if reported.check in REQUESTER_REFUSALS:
            return decline(task, reported.at, reported.check, reason)
        return suspend_loss(task, lose(task, reported.at, reason), reported.worker, task.stage)
    return report(task, reported.stage, reported.at, reported.detail)


def _require_known_stage(reported: e.StageReported) -> None:
    if reported.stage not in _REPORTS:
        raise InputRefused(f"a worker does not report {reported.stage!r}; it reports one of {', '.join(_REPORTS)}.")
