"""Counts how often each dataset was used: one use per task, given back when the chain shows that nobody paid for it.

What makes a use countable and what gives it back is in docs/protocol/policy.md ("How uses are counted").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, delete, func, insert, literal, null, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.facts import Facts, parse_facts
from sealgrid.chain.views import PaymentOutcome
from sealgrid.units import ZERO_ADDRESS, Address, TaskId
from sealgrid.vault.stores.database import VaultDatabase, peer_positions, releases, settles, use_counts, uses
from sealgrid.vault.stores.prepared_statements import PreparedStatement, given

HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """One task that had the key of a dataset."""

    task: TaskId
    dataset: Address
    owner: Address  #: of the dataset at the release
    requester: Address
    used: int  #: Unix seconds of the release
    deadline: int  #: the task's contribution deadline
    refundable: bool  #: the result opens by payment alone, so an unpaid use gave nobody anything


def use_of(facts: Facts, at: int) -> DatasetUse | None:
    """Return the use that a release of these facts is; None without a dataset, and for a refusal, which uses none."""
    if facts.dataset is None or facts.refusal:
        return None
    return DatasetUse(
        task=facts.task,
        dataset=facts.dataset.address,
        owner=facts.dataset.owner,
        requester=facts.requester,
        used=at,
        deadline=facts.expiry,
        refundable=facts.release == "escrow" and facts.callback == ZERO_ADDRESS,
    )


_ADD = PreparedStatement(
    insert(uses)
    .prefix_with("OR IGNORE")
    .values({column.name: given(column.name) for column in uses.columns} | {"settled": literal(0)})
)
_AGAIN = PreparedStatement(
    update(uses)
    .where(uses.c.task == given("of_task"), uses.c.owner == given("of_owner"))
    .values(
        used=func.max(uses.c.used, given("at")),
        deadline=given("until"),
        # A release whose result is readable without payment keeps the use counted for good.
        check_at=case((uses.c.check_at.is_(None), null()), else_=given("look")),
    )
)
_SETTLE = PreparedStatement(
    update(uses).where(uses.c.task == given("of_task")).values(settled=1, used=func.max(uses.c.used, given("at")))
)
_COUNT = PreparedStatement(
    upsert(use_counts)
    .values(dataset=given("dataset"), owner=given("owner"), tasks=literal(1))
    .on_conflict_do_update(index_elements=["dataset", "owner"], set_={"tasks": use_counts.c.tasks + 1})
)
_UNCOUNT = PreparedStatement(
    update(use_counts)
    .where(use_counts.c.dataset == given("of_dataset"), use_counts.c.owner == given("of_owner"))
    .values(tasks=use_counts.c.tasks - 1)
)
_DROP = PreparedStatement(
    delete(uses)
    .where(uses.c.task == given("task"), uses.c.check_at.is_not(None))
    .returning(uses.c.dataset, uses.c.owner)
)
_LOOK = PreparedStatement(
    update(uses).where(uses.c.task == given("of_task"), uses.c.check_at.is_not(None)).values(check_at=given("look"))
)
_HOUR = PreparedStatement(
    select(func.count(uses.c.task.distinct()))
    .where(uses.c.dataset == given("dataset"), uses.c.requester == given("requester"), uses.c.task != given("but"))
    # Whatever was used within the hour had its deadline after the hour began: older rows need no look.
    .where(uses.c.deadline > given("since"))
    .where((uses.c.used > given("since")) | ((uses.c.settled == 0) & (uses.c.deadline > given("at"))))
)
_TOTAL = PreparedStatement(
    select(use_counts.c.tasks).where(use_counts.c.dataset == given("dataset"), use_counts.c.owner == given("owner"))
)
_HAS = PreparedStatement(select(uses.c.task).where(uses.c.task == given("task"), uses.c.owner == given("owner")))
_RELEASED = PreparedStatement(
    select(releases.c.task).where(releases.c.task == given("task"), releases.c.owner == given("owner")).limit(1)
)
_TO_CHECK = PreparedStatement(
    select(uses.c.task)
    .where(uses.c.dataset == given("dataset"), uses.c.owner == given("owner"), uses.c.check_at <= given("by"))
    .order_by(uses.c.requester != given("requester"), uses.c.check_at)
    .limit(given("most"))
)
_POSITION = PreparedStatement(select(peer_positions.c.next).where(peer_positions.c.vault == given("vault")))
_MOVE = PreparedStatement(
    upsert(peer_positions)
    .values(vault=given("vault"), next=given("next"))
    .on_conflict_do_update(index_elements=["vault"], set_={"next": given("next")})
)


class UseLedger:
    """The uses that one vault knows of: its own releases, and those that other vaults' logs name."""

    def __init__(self, store: VaultDatabase) -> None:
        self._store = store
        _count_older_releases(self, store)

    def add(self, use: DatasetUse) -> None:
        """Count a use; another release to the same task is the same use."""
        look = use.deadline if use.refundable else None
        row = {
            "task": use.task,
            "owner": use.owner,
            "dataset": use.dataset,
            "requester": use.requester,
            "used": use.used,
            "deadline": use.deadline,
            "check_at": look,
        }
        with self._store.transaction() as connection:
            if self._has(connection, use.task, use.owner):
                _AGAIN.on(connection, of_task=use.task, of_owner=use.owner, at=use.used, until=use.deadline, look=look)
                return
            _ADD.on(connection, **row)
            _COUNT.on(connection, dataset=use.dataset, owner=use.owner)

    def settle(self, task: TaskId, at: int) -> None:
        """Note that a task has our Verdict; it was used then."""
        with self._store.transaction() as connection:
            _SETTLE.on(connection, of_task=task, at=at)

    def knows(self, task: TaskId, owner: Address) -> bool:
        """Return whether a task is counted already, or was released here and then given back."""
        with self._store.reading() as connection:
            return self._has(connection, task, owner) or bool(
                _RELEASED.on(connection, task=task, owner=owner).one_or_none()
            )

    def in_hour(self, dataset: Address, requester: Address, *, but: TaskId, at: int) -> int:
        """Return on how many other tasks of this requester the dataset was used.

        Counted are those of the last hour, and those that may still settle: else a requester would have as many as
        it starts at once.
        """
        values = {"dataset": dataset, "requester": requester, "but": but, "at": at, "since": at - HOUR}
        with self._store.reading() as connection:
            return int(_HOUR.on(connection, **values).scalar_one())

    def in_total(self, dataset: Address, owner: Address, *, but: TaskId) -> int:
        """Return on how many other tasks the dataset was used under one owner."""
        with self._store.reading() as connection:
            counted = int(_TOTAL.on(connection, dataset=dataset, owner=owner).scalar_one_or_none() or 0)
            return counted - self._has(connection, but, owner)

    def to_check(self, dataset: Address, owner: Address, requester: Address, *, by: int, most: int) -> Sequence[TaskId]:
        """Return uses of which a block at time ``by`` may say that nobody paid, this requester's first."""
        values = {"dataset": dataset, "owner": owner, "requester": requester, "by": by, "most": most}
        with self._store.reading() as connection:
            return _TO_CHECK.on(connection, **values).scalars()

    def decide(self, task: TaskId, outcome: PaymentOutcome, *, later: int) -> None:
        """Give a use back or keep it for good; one that is open is looked at again from ``later`` on."""
        with self._store.transaction() as connection:
            if outcome is not PaymentOutcome.UNPAID:
                _LOOK.on(connection, of_task=task, look=None if outcome is PaymentOutcome.PAID else later)
                return
            for row in _DROP.on(connection, task=task):
                _UNCOUNT.on(connection, of_dataset=row.dataset, of_owner=row.owner)

    def position(self, vault: Address) -> int:
        """Return the index of the first entry of another vault's log that was not read yet."""
        with self._store.reading() as connection:
            return int(_POSITION.on(connection, vault=vault).scalar_one_or_none() or 0)

    def move(self, vault: Address, position: int) -> None:
        """Remember how far another vault's log was read."""
        with self._store.transaction() as connection:
            _MOVE.on(connection, vault=vault, next=position)

    def _has(self, connection: Connection, task: TaskId, owner: Address) -> bool:
        return _HAS.on(connection, task=task, owner=owner).one_or_none() is not None


def _count_older_releases(ledger: UseLedger, store: VaultDatabase) -> None:
    """Count what was released before uses had a table of their own."""
    with store.reading() as connection:
        if connection.scalar(select(uses.c.task).limit(1)):
            return
        older = connection.execute(select(releases.c.facts, releases.c.released).where(releases.c.dataset != "")).all()
        verdicts = connection.execute(select(settles.c.task, settles.c.settled)).all()
    if not older:
        return
    with store.transaction():
        for facts, at in older:
            if use := use_of(parse_facts(facts), at):
                ledger.add(use)
        for task, at in verdicts:
            ledger.settle(task, at)
    store.commit()
