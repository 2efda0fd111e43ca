"""Counts dataset uses: one per task, refunded when the chain shows that the task was never paid for.

docs/protocol/policy.md ("How uses are counted") defines what counts and what is refunded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, delete, func, insert, literal, null, select, update
from sqlalchemy.dialects import sqlite

from sealgrid.attestation.facts import Facts, parse_facts
from sealgrid.chain.views import PaymentOutcome
from sealgrid.units import ZERO_ADDRESS, Address, TaskId
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, param, row_params, upsert
from sealgrid.vault.stores.schema import peer_positions, releases, settles, use_counts, uses

HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """One task that got the key of a dataset."""

    task: TaskId
    dataset: Address
    owner: Address  #: of the dataset at the release
    requester: Address
    used: int  #: Unix seconds of the release
    deadline: int  #: the task's contribution deadline
    refundable: bool  #: the result can be opened only after payment, so an unpaid use disclosed nothing


def use_of(facts: Facts, at: int) -> DatasetUse | None:
    """Return the use that a release of these facts counts as; None without a dataset and for a settled refusal."""
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


_ADD = PreparedStatement(insert(uses).prefix_with("OR IGNORE").values(row_params(uses) | {"settled": literal(0)}))
_AGAIN = PreparedStatement(
    update(uses)
    .where(uses.c.task == param("of_task"), uses.c.owner == param("of_owner"))
    .values(
        used=func.max(uses.c.used, param("at")),
        deadline=param("until"),
        # A release whose result is readable without payment makes the use final.
        check_at=case((uses.c.check_at.is_(None), null()), else_=param("new_check_at")),
    )
)
_SETTLE = PreparedStatement(
    update(uses).where(uses.c.task == param("of_task")).values(settled=1, used=func.max(uses.c.used, param("at")))
)
_COUNT = PreparedStatement(
    sqlite.insert(use_counts)
    .values(dataset=param("dataset"), owner=param("owner"), tasks=literal(1))
    .on_conflict_do_update(index_elements=["dataset", "owner"], set_={"tasks": use_counts.c.tasks + 1})
)
_UNCOUNT = PreparedStatement(
    update(use_counts)
    .where(use_counts.c.dataset == param("of_dataset"), use_counts.c.owner == param("of_owner"))
    .values(tasks=use_counts.c.tasks - 1)
)
_DROP = PreparedStatement(
    delete(uses)
    .where(uses.c.task == param("task"), uses.c.check_at.is_not(None))
    .returning(uses.c.dataset, uses.c.owner)
)
_SET_CHECK = PreparedStatement(
    update(uses)
    .where(uses.c.task == param("of_task"), uses.c.check_at.is_not(None))
    .values(check_at=param("new_check_at"))
)
_HOUR = PreparedStatement(
    select(func.count(uses.c.task.distinct()))
    .where(
        uses.c.dataset == param("dataset"), uses.c.requester == param("requester"), uses.c.task != param("excluding")
    )
    # A use within the hour has its deadline after the start of the hour, so the index skips older rows.
    .where(uses.c.deadline > param("since"))
    .where((uses.c.used > param("since")) | ((uses.c.settled == 0) & (uses.c.deadline > param("at"))))
)
_TOTAL = PreparedStatement(
    select(use_counts.c.tasks).where(use_counts.c.dataset == param("dataset"), use_counts.c.owner == param("owner"))
)
_HAS = PreparedStatement(select(uses.c.task).where(uses.c.task == param("task"), uses.c.owner == param("owner")))
_RELEASED = PreparedStatement(
    select(releases.c.task).where(releases.c.task == param("task"), releases.c.owner == param("owner")).limit(1)
)
_TO_CHECK = PreparedStatement(
    select(uses.c.task)
    .where(uses.c.dataset == param("dataset"), uses.c.owner == param("owner"), uses.c.check_at <= param("by"))
    .order_by(uses.c.requester != param("requester"), uses.c.check_at)
    .limit(param("most"))
)
_POSITION = PreparedStatement(select(peer_positions.c.next).where(peer_positions.c.vault == param("vault")))
_SET_POSITION = PreparedStatement(upsert(peer_positions))


class UseLedger:
    """All uses known to one vault: its own releases, and the releases in other vaults' logs."""

    def __init__(self, database: VaultDatabase) -> None:
        self._database = database
        _count_older_releases(self, database)

    def add(self, use: DatasetUse) -> None:
        """Count a use; a further release to the same task is the same use."""
        check_at = use.deadline if use.refundable else None
        row = {
            "task": use.task,
            "owner": use.owner,
            "dataset": use.dataset,
            "requester": use.requester,
            "used": use.used,
            "deadline": use.deadline,
            "check_at": check_at,
        }
        with self._database.transaction() as connection:
            if self._has(connection, use.task, use.owner):
                _AGAIN.run(
                    connection,
                    of_task=use.task,
                    of_owner=use.owner,
                    at=use.used,
                    until=use.deadline,
                    new_check_at=check_at,
                )
                return
            _ADD.run(connection, **row)
            _COUNT.run(connection, dataset=use.dataset, owner=use.owner)

    def settle(self, task: TaskId, at: int) -> None:
        """Record that a task got this vault's Verdict at this time; its use counts from then."""
        with self._database.transaction() as connection:
            _SETTLE.run(connection, of_task=task, at=at)

    def is_known(self, task: TaskId, owner: Address) -> bool:
        """Return whether a task is counted, or was released by this vault and then refunded."""
        with self._database.reading() as connection:
            return self._has(connection, task, owner) or bool(
                _RELEASED.run(connection, task=task, owner=owner).one_or_none()
            )

    def count_in_hour(self, dataset: Address, requester: Address, *, excluding: TaskId, at: int) -> int:
        """Return how many other tasks of this requester used the dataset in the last hour.

        Tasks that may still settle count too; otherwise tasks started at once would all pass.
        """
        values = {"dataset": dataset, "requester": requester, "excluding": excluding, "at": at, "since": at - HOUR}
        with self._database.reading() as connection:
            return int(_HOUR.run(connection, **values).scalar_one())

    def count_total(self, dataset: Address, owner: Address, *, excluding: TaskId) -> int:
        """Return how many other tasks used the dataset under one owner."""
        with self._database.reading() as connection:
            counted = int(_TOTAL.run(connection, dataset=dataset, owner=owner).scalar_one_or_none() or 0)
            return counted - self._has(connection, excluding, owner)

    def unresolved(
        self, dataset: Address, owner: Address, requester: Address, *, by: int, most: int
    ) -> Sequence[TaskId]:
        """Return tasks whose payment a block at time ``by`` may decide, those of this requester first."""
        values = {"dataset": dataset, "owner": owner, "requester": requester, "by": by, "most": most}
        with self._database.reading() as connection:
            return _TO_CHECK.run(connection, **values).scalars()

    def resolve(self, task: TaskId, outcome: PaymentOutcome, *, later: int) -> None:
        """Refund an unpaid use or make a paid one final; check an open one again from ``later`` on."""
        with self._database.transaction() as connection:
            if outcome is not PaymentOutcome.UNPAID:
                _SET_CHECK.run(connection, of_task=task, new_check_at=None if outcome is PaymentOutcome.PAID else later)
                return
            for row in _DROP.run(connection, task=task):
                _UNCOUNT.run(connection, of_dataset=row.dataset, of_owner=row.owner)

    def peer_position(self, vault: Address) -> int:
        """Return the index of the first unread entry of another vault's log."""
        with self._database.reading() as connection:
            return int(_POSITION.run(connection, vault=vault).scalar_one_or_none() or 0)

    def set_peer_position(self, vault: Address, position: int) -> None:
        """Record how far another vault's log has been read."""
        with self._database.transaction() as connection:
            _SET_POSITION.run(connection, vault=vault, next=position)

    def _has(self, connection: Connection, task: TaskId, owner: Address) -> bool:
        return _HAS.run(connection, task=task, owner=owner).one_or_none() is not None


def _count_older_releases(ledger: UseLedger, database: VaultDatabase) -> None:
    """Count the releases of databases from before the table of uses existed."""
    with database.reading() as connection:
        if connection.scalar(select(uses.c.task).limit(1)):
            return
        older = connection.execute(select(releases.c.facts, releases.c.released).where(releases.c.dataset != "")).all()
        verdicts = connection.execute(select(settles.c.task, settles.c.settled)).all()
    if not older:
        return
    with database.transaction():
        for facts, at in older:
            if use := use_of(parse_facts(facts), at):
                ledger.add(use)
        for task, at in verdicts:
            ledger.settle(task, at)
    database.commit()
