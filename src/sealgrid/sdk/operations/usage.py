"""Usage of a model: compare the vaults' logs with each other and with the chain. Pure.

(usage.1) Each vault returned its log and proved every entry.
(usage.2) No vault contradicted its own log, towards this client or another vault.
(usage.3) Each release names a task of the chain, with the same deal, model, requester and app. The deal of a bulk names
          no model, but its requester's list of models.
(usage.4) No vault omits a release that it signed; the receipt of the task carries its signature.
(usage.5) No vault lacks a release that others have. The vault may have been unavailable then: a finding proves nothing.
(usage.6) Each task that paid for the model on the chain was released by a vault, or its receipt proves a refusal.
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
LIES: AbstractSet[Check] = frozenset(
    {"usage.2", "usage.3", "usage.4", "usage.6"}
)  #: the others may have an innocent cause


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
    time: int  #: Unix seconds, the earliest in a log
    vaults: tuple[Address, ...]  #: whose logs contain it


@dataclass(frozen=True, slots=True)
class UsageFinding:
    """An inconsistency, with the vault at fault if that is known."""

    check: Check
    message: str
    vault: Address | None = None
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class UnpaidUses:
    """Uses that were released and never paid, by their participants."""

    requester: Address
    pool: Address
    worker: Address
    uses: int


@dataclass(frozen=True, slots=True)
class UsageReport:
    """All uses of a model in the vaults' logs, with all inconsistencies."""

    model: Address
    uses: tuple[ModelUse, ...]  #: oldest first
    findings: tuple[UsageFinding, ...]
    unpaid: tuple[UnpaidUses, ...] = ()  #: most uses first; releases whose task can no longer be paid
    unopened: TaskId | None = None  #: a task in which the file did not open with the newest key

    @property
    def ok(self) -> bool:
        """Return whether no vault was found to lie; an unavailable vault is not a liar."""
        return not any(finding.check in LIES for finding in self.findings)


@dataclass(frozen=True, slots=True)
class ChainTask:
    """A task on the chain: its deal and the deal's parties."""

    deal: DealId
    model: Address | None  #: None for any, in a bulk
    requester: Address
    app: Address


@dataclass(frozen=True, slots=True)
class UsageEvidence:
    """Facts from the chain and the receipts, to compare the logs with."""

    tasks: Mapping[TaskId, ChainTask]  #: tasks that exist on the chain
    signed: Mapping[TaskId, AbstractSet[Address]]  #: vaults whose Release for the logged session is in the receipt
    unlogged: AbstractSet[TaskId]  #: tasks for which the model's owner was paid, without a log entry
    unpaid: Mapping[TaskId, Address] = field(
        default_factory=dict
    )  #: tasks that can no longer be paid, with their pools


def uses_of(logs: Sequence[VerifiedLog]) -> tuple[ModelUse, ...]:
    """Return the releases in all logs; repeated answers to one enclave are one use."""
    by_release: dict[tuple[TaskId, Address, Digest], dict[Address, LogEntry]] = defaultdict(dict)
    for log in logs:
        for entry in log.entries:
            by_release[entry.task, entry.enclave, entry.session].setdefault(log.vault, entry)
    uses = []
    for entries in by_release.values():
        first = min(entries.values(), key=lambda entry: entry.time)
        uses.append(
            ModelUse(
                task=first.task,
                deal=first.deal,
                requester=first.requester,
                app=first.app,
                worker=first.worker,
                enclave=first.enclave,
                session=first.session,
                policy=first.policy,
                time=first.time,
                vaults=tuple(sorted(entries)),
            )
        )
    return tuple(sorted(uses, key=lambda use: (use.time, use.task)))


def compare(
    model: Address, logs: Sequence[VerifiedLog], accusations: Sequence[LogAccusation], evidence: UsageEvidence
) -> UsageReport:
    """Return all uses with the findings of the checks (usage.1) to (usage.6)."""
    uses = uses_of(logs)
    findings = [UsageFinding("usage.1", message, log.vault) for log in logs for message in log.faults]
    findings += [UsageFinding("usage.2", accused.sentence, accused.vault) for accused in accusations]
    findings += [finding for use in uses for finding in _against_chain(use, model, evidence)]
    findings += [finding for use in uses for finding in _against_each_other(use, logs, evidence)]
    findings += [
        UsageFinding("usage.6", "the chain paid for the model, and no vault logged a release.", task=task)
        for task in sorted(evidence.unlogged)
    ]
    return UsageReport(model, uses, tuple(findings), _unpaid(uses, evidence))


def _unpaid(uses: Sequence[ModelUse], evidence: UsageEvidence) -> tuple[UnpaidUses, ...]:
    last: dict[TaskId, ModelUse] = {}  # several enclaves with the key for one task are one use, of the last worker
    for use in uses:
        found = evidence.tasks.get(use.task)
        is_on_chain = found and (found.deal, found.requester, found.app) == (use.deal, use.requester, use.app)
        if use.task in evidence.unpaid and is_on_chain:
            last[use.task] = use
    counts = Counter((use.requester, evidence.unpaid[task], use.worker) for task, use in last.items())
    return tuple(
        UnpaidUses(*who, uses=count) for who, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    )


def _against_chain(use: ModelUse, model: Address, evidence: UsageEvidence) -> list[UsageFinding]:
    found = evidence.tasks.get(use.task)
    logged = ChainTask(use.deal, model, use.requester, use.app)
    if found in (logged, replace(logged, model=None)):  # (usage.3)
        return []
    reason = "the chain has no such task" if found is None else "the chain has another deal under this task"
    names = ", ".join(use.vaults)
    return [UsageFinding("usage.3", f"{reason}; released by {names}.", task=use.task)]


def _against_each_other(use: ModelUse, logs: Sequence[VerifiedLog], evidence: UsageEvidence) -> list[UsageFinding]:
    signed, findings = evidence.signed.get(use.task, frozenset()), []
    for log in logs:
        if log.vault in use.vaults or log.faults:
            continue
        if log.vault in signed:  # (usage.4)
            message = "omits a release from its log that it signed; the task's receipt carries the signature."
            findings.append(UsageFinding("usage.4", message, log.vault, use.task))
        else:  # (usage.5)
            message = f"lacks a release that {len(use.vaults)} others have; it was unavailable then, or hides it."
            findings.append(UsageFinding("usage.5", message, log.vault, use.task))
    return findings
