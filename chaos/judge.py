"""Judges what a run left on the chain, in the stores and on the machine. Pure.

Invariants: (1) every bought task is completed or refunded. (2) Each task of the load was bought once. (3) No task is
paid twice. (4) Escrow and stakes sum. (5) No secret is released without a task. (6) The pool's book agrees with the
chain. (7) The result of every completed task is stored. (8) No process is left. (9) No file is left.
"""

from collections import Counter
from dataclasses import dataclass

import msgspec

COMPLETED, FAILED = "COMPLETED", "FAILED"  #: PoCo's states in which a task has ended


class TaskEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What chain and stores have about one bought task; amounts in nRLC."""

    task: str
    deal: str
    is_tee: bool
    price: int  #: that its requester pays if it is completed
    status: str  #: PoCo's
    finalized: int  #: number of TaskFinalize events
    claimed: int  #: number of TaskClaimed events
    rewards: tuple[tuple[str, int], ...] = ()  #: account and amount of each Reward event above zero
    seized: int = 0  #: of stakes and the price
    workers: int = 1  #: that contributed
    book: str = ""  #: the stage at which the pool's history has it; empty if it is not there
    is_stored: bool = False  #: whether a storage node has the result's file


class AccountEvidence(msgspec.Struct, frozen=True):
    """An account of the hub, in nRLC."""

    address: str
    stake: int
    locked: int
    is_kitty: bool = False  #: PoCo's kitty, which locks what it has
    is_hub: bool = False  #: the hub's own, which has what is locked


class ReleaseEvidence(msgspec.Struct, frozen=True):
    """One entry of a vault's log."""

    vault: str
    deal: str
    task: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that the judge reads."""

    planned: int  #: tasks that the load wanted, and bought
    tasks: tuple[TaskEvidence, ...]
    accounts: tuple[AccountEvidence, ...]
    held: int  #: nRLC of the token that the hub holds
    requester_before: int  #: stake of the requester's account before the first purchase
    requester_after: int
    releases: tuple[ReleaseEvidence, ...]
    unended: int  #: tasks that the pool's book has open
    processes: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether an invariant holds, with its numbers and what breaks it."""

    invariant: str
    numbers: str
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Return whether nothing breaks it."""
        return not self.violations


def judge(evidence: Evidence) -> tuple[Verdict, ...]:
    """Return the verdict on each invariant, in the order of the module's list."""
    return (
        _all_ended(evidence),  # (1)
        _bought_once(evidence),  # (2)
        _paid_once(evidence),  # (3)
        _money_sums(evidence),  # (4)
        _releases_have_tasks(evidence),  # (5)
        _book_agrees(evidence),  # (6)
        _results_stored(evidence),  # (7)
        Verdict("no process is left", f"{len(evidence.processes)} processes", evidence.processes),  # (8)
        Verdict("no file is left", f"{len(evidence.files)} files", evidence.files),  # (9)
    )


def _all_ended(evidence: Evidence) -> Verdict:
    states = Counter(each.status for each in evidence.tasks)
    open_tasks = tuple(f"{each.task} is {each.status}" for each in evidence.tasks if not _has_ended(each))
    numbers = f"{states[COMPLETED]} completed, {states[FAILED]} refunded, of {len(evidence.tasks)}"
    return Verdict("every task is completed or refunded", numbers, open_tasks)


def _has_ended(task: TaskEvidence) -> bool:
    return task.status in {COMPLETED, FAILED}


def _bought_once(evidence: Evidence) -> Verdict:
    bought = len({each.task for each in evidence.tasks})
    wrong = [] if bought == evidence.planned else [f"{evidence.planned} tasks were bought by the load, {bought} exist"]
    return Verdict("each task is bought once", f"{bought} tasks of {evidence.planned}", tuple(wrong))


def _paid_once(evidence: Evidence) -> Verdict:
    wrong = []
    for task in evidence.tasks:
        if task.finalized + task.claimed > 1:
            wrong.append(f"{task.task} was finalized {task.finalized} times and claimed {task.claimed} times")
        if (task.finalized, task.claimed) != (task.status == COMPLETED, task.status == FAILED) and _has_ended(task):
            wrong.append(f"{task.task} is {task.status} after {task.finalized} finalizations, {task.claimed} claims")
        paid = sum(amount for _, amount in task.rewards)
        if task.status == COMPLETED and paid > task.price + task.seized:
            wrong.append(f"{task.task} costs {task.price} nRLC, {task.seized} were seized, and {paid} were paid")
    completed = [each for each in evidence.tasks if each.status == COMPLETED]
    paid = sum(each.price for each in completed)
    spent = evidence.requester_before - evidence.requester_after
    if spent != paid:
        wrong.append(f"the requester spent {spent} nRLC, and the completed tasks cost {paid}")
    return Verdict(
        "no task is paid twice", f"{len(completed)} paid, {paid} nRLC; the requester spent {spent}", tuple(wrong)
    )


def _money_sums(evidence: Evidence) -> Verdict:
    stakes = sum(each.stake for each in evidence.accounts)
    locked = sum(each.locked for each in evidence.accounts)
    wrong = [
        f"{each.address} has {each.locked} nRLC locked"
        for each in evidence.accounts
        if each.locked and not each.is_kitty
    ]
    if stakes != evidence.held:
        wrong.append(f"the accounts have {stakes} nRLC, and the hub holds {evidence.held}")
    # PoCo moves what it locks to the hub's own account.
    frozen = sum(each.stake for each in evidence.accounts if each.is_hub)
    if locked != frozen:
        wrong.append(f"{locked} nRLC are locked, and the hub's own account has {frozen}")
    numbers = (
        f"{len(evidence.accounts)} accounts, {stakes} nRLC, {locked} of them locked; the hub holds {evidence.held}"
    )
    return Verdict("escrow and stakes sum", numbers, tuple(wrong))


def _releases_have_tasks(evidence: Evidence) -> Verdict:
    known = {(each.deal, each.task) for each in evidence.tasks if each.is_tee}
    wrong = tuple(
        f"vault {each.vault} released for task {each.task} of deal {each.deal}, which is none"
        for each in evidence.releases
        if (each.deal, each.task) not in known
    )
    distinct = len({each.task for each in evidence.releases})
    return Verdict("no secret without a task", f"{len(evidence.releases)} releases for {distinct} tasks", wrong)


def _book_agrees(evidence: Evidence) -> Verdict:
    expected = {COMPLETED: {"completed"}, FAILED: {"refunded", "failed"}}
    wrong = [
        f"{each.task} is {each.status} on the chain, and {each.book or 'nowhere'} in the pool's book"
        for each in evidence.tasks
        if _has_ended(each) and each.book not in expected[each.status]
    ]
    if evidence.unended:
        wrong.append(f"the pool's book has {evidence.unended} open tasks")
    return Verdict("the pool's book agrees", f"{evidence.unended} open tasks", tuple(wrong))


def _results_stored(evidence: Evidence) -> Verdict:
    completed = [each for each in evidence.tasks if each.status == COMPLETED]
    wrong = tuple(f"the result of {each.task} is on no storage node" for each in completed if not each.is_stored)
    return Verdict("results are stored", f"{len(completed) - len(wrong)} of {len(completed)}", wrong)
