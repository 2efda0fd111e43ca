"""When a vault took each policy, and when the deals were made that it released for: what stood at a deal's match."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, Text, func, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.policy import Policy
from sealgrid.units import Address, TaskId
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.stores.database import VaultDatabase, metadata, uses, versions
from sealgrid.vault.stores.prepared_statements import PreparedStatement, given, replaced_in
from sealgrid.vault.stores.use_ledger import HOUR

policy_versions = Table(
    "policy_versions",  # every policy that was ever in force here
    metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("policy", LargeBinary, nullable=False),
    Column("received", Integer, nullable=False),
)

deal_times = Table(
    "deal_times",  # of the tasks in uses
    metadata,
    Column("task", Text, primary_key=True),
    Column("matched", Integer, nullable=False),  # the chain's time of the deal
)

_ADD_POLICY = PreparedStatement(
    upsert(policy_versions)
    .values({column.name: given(column.name) for column in policy_versions.columns})
    .on_conflict_do_nothing()
)
_POLICIES = PreparedStatement(
    select(policy_versions)
    .where(policy_versions.c.asset == given("asset"), policy_versions.c.owner == given("owner"))
    .order_by(policy_versions.c.version)
)
_SHARES = PreparedStatement(
    select(func.count())
    .select_from(versions)
    .where(versions.c.asset == given("asset"), versions.c.owner == given("owner"))
    .where(versions.c.received <= given("until"))
    .where(or_(versions.c.destroyed == given("never"), versions.c.destroyed > given("since")))
)
_NOTE_DEAL = PreparedStatement(replaced_in(deal_times))
_KEPT = or_(uses.c.settled == 1, uses.c.check_at.is_(None))  # has a Verdict, was paid, or is never given back
_COUNTED = or_(_KEPT, uses.c.deadline > given("at"))
_DEMAND = PreparedStatement(
    select(func.count(uses.c.task.distinct()))
    .select_from(uses.join(deal_times, deal_times.c.task == uses.c.task))
    .where(uses.c.dataset == given("dataset"), uses.c.requester == given("requester"), uses.c.task != given("but"))
    .where(deal_times.c.matched > given("after"), deal_times.c.matched < given("before"))
    .where(_COUNTED)
)
_TOTAL = PreparedStatement(
    select(func.count(uses.c.task.distinct()))
    .where(uses.c.dataset == given("dataset"), uses.c.owner == given("owner"), uses.c.task != given("but"), _COUNTED)
    .where(or_(_KEPT & (uses.c.used <= given("cutoff")), uses.c.requester == given("requester")))
)


class DepositHistory:
    """What this vault remembers about times, by its own clock and by the chain's."""

    def __init__(self, store: VaultDatabase) -> None:
        self._store = store

    def policies(self, asset: Address, owner: Address, *, since: int, until: int) -> Sequence[Policy]:
        """Return every policy that was in force at some moment of a time span, oldest first."""
        with self._store.reading() as connection:
            rows = list(_POLICIES.on(connection, asset=asset, owner=owner))
        ends = [*(row.received for row in rows[1:]), until + 1][: len(rows)]
        return [
            msgspec.json.decode(row.policy, type=Policy)
            for row, end in zip(rows, ends, strict=True)
            if row.received <= until and end > since
        ]

    def had_share(self, asset: Address, owner: Address, *, since: int, until: int) -> bool:
        """Return whether a share of this owner's key was here at some moment of a time span."""
        values = {"asset": asset, "owner": owner, "since": since, "until": until, "never": 0}
        with self._store.reading() as connection:
            return bool(_SHARES.on(connection, **values).scalar_one())

    def note_deal(self, task: TaskId, matched: int) -> None:
        """Remember when the deal of a released task was made."""
        with self._store.transaction() as connection:
            _NOTE_DEAL.on(connection, task=task, matched=matched)

    def uses_at_match(
        self, dataset: Address, owner: Address, requester: Address, *, matched: int, cutoff: int, but: TaskId, at: int
    ) -> DatasetUses:
        """Return the uses by other tasks that stood at ``cutoff``, and those that this requester added itself.

        ``hour`` are the requester's own, of deals made within an hour before this one or within an hour after it:
        what hosts delay does not count. ``total`` are those that had a Verdict at ``cutoff``, or are never given back,
        and the requester's own at any time. A use that was given back counts in neither.
        """
        own = {"dataset": dataset, "requester": requester, "but": but, "at": at}
        with self._store.reading() as connection:
            earlier = _DEMAND.on(connection, **own, after=matched - HOUR, before=matched + 1).scalar_one()
            later = _DEMAND.on(connection, **own, after=matched - 1, before=matched + HOUR).scalar_one()
            total = _TOTAL.on(connection, **own, owner=owner, cutoff=cutoff).scalar_one()
        return DatasetUses(hour=max(int(earlier), int(later)), total=int(total))


def note_policy(connection: Connection, policy: Policy, at: int) -> None:
    """Remember a policy and since when it is in force, within the transaction that sets it."""
    row = {"asset": policy.asset, "owner": policy.owner, "version": policy.version, "received": at}
    _ADD_POLICY.on(connection, **row, policy=msgspec.json.encode(policy))
