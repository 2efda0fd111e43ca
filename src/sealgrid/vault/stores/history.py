"""History of policies and deals: lets a vault reconstruct which terms applied when a deal was matched."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, or_, select

from sealgrid.attestation.policy import Policy
from sealgrid.units import Address, TaskId
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, insert_or_ignore, param, upsert
from sealgrid.vault.stores.schema import deal_times, policy_versions, uses, versions
from sealgrid.vault.stores.use_ledger import HOUR

_ADD_POLICY = PreparedStatement(insert_or_ignore(policy_versions))
_POLICIES = PreparedStatement(
    select(policy_versions)
    .where(policy_versions.c.asset == param("asset"), policy_versions.c.owner == param("owner"))
    .order_by(policy_versions.c.version)
)
_SHARES = PreparedStatement(
    select(func.count())
    .select_from(versions)
    .where(versions.c.asset == param("asset"), versions.c.owner == param("owner"))
    .where(versions.c.received <= param("until"))
    .where(or_(versions.c.destroyed == param("never"), versions.c.destroyed > param("since")))
)
_NOTE_DEAL = PreparedStatement(upsert(deal_times))
_FINAL = or_(uses.c.settled == 1, uses.c.check_at.is_(None))  # has a Verdict, was paid, or is never refunded
_COUNTED = or_(_FINAL, uses.c.deadline > param("at"))
_DEMAND = PreparedStatement(
    select(func.count(uses.c.task.distinct()))
    .select_from(uses.join(deal_times, deal_times.c.task == uses.c.task))
    .where(
        uses.c.dataset == param("dataset"), uses.c.requester == param("requester"), uses.c.task != param("excluding")
    )
    .where(deal_times.c.matched > param("after"), deal_times.c.matched < param("before"))
    .where(_COUNTED)
)
_TOTAL = PreparedStatement(
    select(func.count(uses.c.task.distinct()))
    .where(
        uses.c.dataset == param("dataset"), uses.c.owner == param("owner"), uses.c.task != param("excluding"), _COUNTED
    )
    .where(or_(_FINAL & (uses.c.used <= param("cutoff")), uses.c.requester == param("requester")))
)


class DepositHistory:
    """Times of policies, shares and deals, by the vault's clock and the chain's."""

    def __init__(self, database: VaultDatabase) -> None:
        self._database = database

    def policies(self, asset: Address, owner: Address, *, since: int, until: int) -> Sequence[Policy]:
        """Return every policy that was in force at some time of a span, oldest first."""
        with self._database.reading() as connection:
            rows = list(_POLICIES.run(connection, asset=asset, owner=owner))
        ends = [*(row.received for row in rows[1:]), until + 1][: len(rows)]
        return [
            msgspec.json.decode(row.policy, type=Policy)
            for row, end in zip(rows, ends, strict=True)
            if row.received <= until and end > since
        ]

    def had_share(self, asset: Address, owner: Address, *, since: int, until: int) -> bool:
        """Return whether a share of this owner's key was stored at some time of a span."""
        values = {"asset": asset, "owner": owner, "since": since, "until": until, "never": 0}
        with self._database.reading() as connection:
            return bool(_SHARES.run(connection, **values).scalar_one())

    def note_deal(self, task: TaskId, matched: int) -> None:
        """Record when the deal of a released task was matched."""
        with self._database.transaction() as connection:
            _NOTE_DEAL.run(connection, task=task, matched=matched)

    def uses_at_match(
        self,
        dataset: Address,
        owner: Address,
        requester: Address,
        *,
        matched: int,
        cutoff: int,
        excluding: TaskId,
        at: int,
    ) -> DatasetUses:
        """Return the uses by other tasks at ``cutoff``, and those that this requester added itself.

        ``hour`` counts the requester's uses of deals matched within an hour before this one, or within an hour after
        it, whichever is more; delays by hosts do not matter. ``total`` counts uses that at ``cutoff`` had a Verdict or
        were never to be refunded, and the requester's own uses at any time. Refunded uses count in neither.
        """
        own = {"dataset": dataset, "requester": requester, "excluding": excluding, "at": at}
        with self._database.reading() as connection:
            earlier = _DEMAND.run(connection, **own, after=matched - HOUR, before=matched + 1).scalar_one()
            later = _DEMAND.run(connection, **own, after=matched - 1, before=matched + HOUR).scalar_one()
            total = _TOTAL.run(connection, **own, owner=owner, cutoff=cutoff).scalar_one()
        return DatasetUses(hour=max(int(earlier), int(later)), total=int(total))


def note_policy(connection: Connection, policy: Policy, at: int) -> None:
    """Record a policy and the time from which it is in force, within the transaction that sets it."""
    row = {"asset": policy.asset, "owner": policy.owner, "version": policy.version, "received": at}
    _ADD_POLICY.run(connection, **row, policy=msgspec.json.encode(policy))
