"""Who used a model: every release in the vaults' logs, compared with each other and with the chain. Pure.

(usage.1) Each vault showed its log and proved every entry.
(usage.2) No vault contradicted its own log, to us or to another vault.
(usage.3) Each release has the task on the chain that it names: this deal, this model, this requester and app. The deal
          of a bulk names no model, but a list that its requester laid down.
(usage.4) No vault leaves out a release that it signed for; the receipt of the task carries its signature.
(usage.5) No vault lacks a release that others have. It may have been away then: this names it, and proves nothing.
(usage.6) Each task that paid for the model on the chain was released by somebody, or its receipt proves a refusal.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Literal

from sealgrid.attestation.vault_log import LogEntry
from sealgrid.sdk.operations.vault_logs import LogAccusation, VerifiedLog
from sealgrid.units import Address, DealId, Digest, TaskId

Check = Literal["usage.1", "usage.2", "usage.3", "usage.4", "usage.5", "usage.6"]
LIES: AbstractSet[Check] = frozenset({"usage.2", "usage.3", "usage.4", "usage.6"})  #: the others may be bad luck


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One enclave's release of a model, as the vaults logged it alike."""

    task: TaskId
    deal: DealId
    requester: Address
    app: Address
    worker: Address
    enclave: Address
    session: Digest
    policy: int  #: version of the owner's policy that allowed it
    time: int  #: Unix seconds, the earliest that a vault tells
    vaults: tuple[Address, ...]  #: that have it in their logs


@dataclass(frozen=True, slots=True)
class UsageFinding:
    """Something that does not fit, and whose fault it is as far as that can be told."""

    check: Check
    message: str
    vault: Address | None = None
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class UnpaidUses:
    """Uses that were released and never paid, by who took part in them."""

    requester: Address
    pool: Address
    worker: Address
    uses: int


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Every use of a model that the vaults tell of, and every place where their words do not fit."""

    model: Address
    uses: tuple[ModelUse, ...]  #: oldest first
    findings: tuple[UsageFinding, ...]
    unpaid: tuple[UnpaidUses, ...] = ()  #: most uses first; of releases whose task the chain can pay no more
    unopened: TaskId | None = None  #: of a buyer for whom the model's file did not open with its newest key

    @property
    def ok(self) -> bool:
        """Return whether nobody was found to lie; a vault that was away is no liar."""
        return not any(finding.check in LIES for finding in self.findings)


@dataclass(frozen=True, slots=True)
class ChainTask:
    """What the chain says of a task: its deal and who was in it."""

    deal: DealId
    model: Address | None  #: None for any, in a bulk
    requester: Address
    app: Address


@dataclass(frozen=True, slots=True)
class UsageEvidence:
    """What the chain and the receipts say, to hold the logs against."""

    tasks: Mapping[TaskId, ChainTask]  #: those that the chain knows
    signed: Mapping[TaskId, AbstractSet[Address]]  #: vaults whose Release for the logged session is in the receipt
    unlogged: AbstractSet[TaskId]  #: tasks that the chain paid the model's owner for and that are in no log
    unpaid: Mapping[TaskId, Address] = field(default_factory=dict)  #: tasks that it can pay no more, with their pools


def uses_of(books: Sequence[VerifiedLog]) -> tuple[ModelUse, ...]:
    """Return the releases that are in any log; the same enclave's second answer is the same use."""
    by_release: dict[tuple[TaskId, Address, Digest], dict[Address, LogEntry]] = defaultdict(dict)
    for book in books:
        for entry in book.entries:
            by_release[entry.task, entry.enclave, entry.session].setdefault(book.vault, entry)
    return tuple(sorted((_use(told) for told in by_release.values()), key=lambda use: (use.time, use.task)))


def compare(
    model: Address, books: Sequence[VerifiedLog], accusations: Sequence[LogAccusation], evidence: UsageEvidence
) -> UsageReport:
    """Return every use with whatever the checks (usage.1) to (usage.6) found."""
    uses = uses_of(books)
    findings = [UsageFinding("usage.1", told, book.vault) for book in books for told in book.trouble]
    findings += [UsageFinding("usage.2", accused.sentence, accused.vault) for accused in accusations]
    findings += [found for use in uses for found in _against_chain(use, model, evidence)]
    findings += [found for use in uses for found in _against_each_other(use, books, evidence)]
    findings += [
        UsageFinding("usage.6", "the chain paid for the model, and no vault logged a release.", task=task)
        for task in sorted(evidence.unlogged)
    ]
    return UsageReport(model, uses, tuple(findings), _unpaid(uses, evidence))


def _unpaid(uses: Sequence[ModelUse], evidence: UsageEvidence) -> tuple[UnpaidUses, ...]:
    # A task that several enclaves had the key for is one use, caused by whoever ran it last.
    last = {use.task: use for use in uses if use.task in evidence.unpaid and _is_on_chain(use, evidence)}
    found = Counter((use.requester, evidence.unpaid[task], use.worker) for task, use in last.items())
    return tuple(
        UnpaidUses(*who, uses=count) for who, count in sorted(found.items(), key=lambda each: (-each[1], each[0]))
    )


def _is_on_chain(use: ModelUse, evidence: UsageEvidence) -> bool:
    found = evidence.tasks.get(use.task)
    return found is not None and (found.deal, found.requester, found.app) == (use.deal, use.requester, use.app)


def _use(told: Mapping[Address, LogEntry]) -> ModelUse:
    first = min(told.values(), key=lambda entry: entry.time)
    return ModelUse(
        task=first.task,
        deal=first.deal,
        requester=first.requester,
        app=first.app,
        worker=first.worker,
        enclave=first.enclave,
        session=first.session,
        policy=first.policy,
        time=first.time,
        vaults=tuple(sorted(told)),
    )


def _against_chain(use: ModelUse, model: Address, evidence: UsageEvidence) -> list[UsageFinding]:
    found = evidence.tasks.get(use.task)
    said = ChainTask(use.deal, model, use.requester, use.app)
    if found in (said, replace(said, model=None)):  # (usage.3)
        return []
    why = "the chain knows no such task" if found is None else "the chain has another deal under this task"
    names = ", ".join(use.vaults)
    return [UsageFinding("usage.3", f"{why}; released by {names}.", task=use.task)]


def _against_each_other(use: ModelUse, books: Sequence[VerifiedLog], evidence: UsageEvidence) -> list[UsageFinding]:
    signed, findings = evidence.signed.get(use.task, frozenset()), []
    for book in books:
        if book.vault in use.vaults or book.trouble:
            continue
        if book.vault in signed:  # (usage.4)
            message = "leaves a release out of its log that it signed; the task's receipt carries the signature."
            findings.append(UsageFinding("usage.4", message, book.vault, use.task))
        else:  # (usage.5)
            message = f"has no release that {len(use.vaults)} others have; it was away then, or hides it."
            findings.append(UsageFinding("usage.5", message, book.vault, use.task))
    return findings
