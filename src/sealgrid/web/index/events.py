"""Events of one account for its notifications: a run ended, an own app or model was sold, a sale will end soon."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sql

from sealgrid.units import Address
from sealgrid.web.index.tables import assets, summaries, tasks

MAX_EVENTS: Final = 500  #: of one answer, the oldest first
NOTICES_SECONDS: Final = (7 * 24 * 3600, 24 * 3600)  #: before a sale ends; the second also for shorter sales
EventKind = Literal["done", "sold", "expiring"]


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One event."""

    kind: EventKind
    time: int  #: Unix seconds
    id: str  #: task, deal, or ASSET:ENDS:NOTICE of a sale's notice; unique with kind and asset
    asset: Address  #: the app of a run; the app or model that was sold, or whose sale ends
    name: str  #: of the asset, as its owner chose it
    state: str = ""  #: of a run: "completed" or "refunded"
    runs: int = 1  #: tasks of one deal that ended so at one time
    ends: int = 0  #: of a sale, Unix seconds
    path: str = ""  #: of the page about it


def events_of(engine: sql.Engine, account: Address, since: int, now: int) -> list[AccountEvent]:
    """Return an account's events after ``since``, up to ``now``, in the order of their times; ``MAX_EVENTS`` at most.

    A sale that ends soon is an event at each of ``NOTICES_SECONDS`` before its policy's end.
    """
    with engine.connect() as connection:
        found = [*_ended(connection, account, since), *_sold(connection, account, since)]
        for notice in NOTICES_SECONDS:
            found += _expiring(connection, account, since, now, notice)
    return sorted(found, key=lambda event: (event.time, event.kind, event.id))[:MAX_EVENTS]


def _ended(connection: sql.Connection, account: Address, since: int) -> list[AccountEvent]:
    columns = tasks.c.deal, tasks.c.state, tasks.c.ended, tasks.c.app, assets.c.name
    first, count = sql.func.min(tasks.c.task).label("first"), sql.func.count().label("runs")
    query: sql.Select[Any] = sql.select(*columns, first, count).join(assets, assets.c.address == tasks.c.app)
    query = query.where(tasks.c.requester == account, tasks.c.ended > since).group_by(*columns)
    return [
        AccountEvent(
            "done", row.ended, row.first, row.app, row.name, state=row.state, runs=row.runs, path=f"/tasks/{row.first}"
        )
        for row in _all(connection, query.order_by(tasks.c.ended).limit(MAX_EVENTS))
    ]


def _sold(connection: sql.Connection, account: Address, since: int) -> list[AccountEvent]:
    events = []
    for kind, folder, party in (("App", "apps", tasks.c.app), ("Dataset", "models", tasks.c.dataset)):
        columns = tasks.c.deal, tasks.c.time, assets.c.address, assets.c.name
        query: sql.Select[Any] = sql.select(*columns).join(assets, assets.c.address == party)
        query = query.where(
            assets.c.kind == kind,
            assets.c.owner == account,
            tasks.c.first_of_deal,
            tasks.c.time > since,
            tasks.c.requester != account,
        )
        events += [
            AccountEvent("sold", row.time, row.deal, row.address, row.name, path=f"/{folder}/{row.address}")
            for row in _all(connection, query.order_by(tasks.c.time).limit(MAX_EVENTS))
        ]
    return events


def _expiring(connection: sql.Connection, account: Address, since: int, now: int, notice: int) -> list[AccountEvent]:
    query: sql.Select[Any] = sql.select(assets.c.address, assets.c.name, summaries.c.ends)
    query = query.join(summaries, summaries.c.address == assets.c.address).where(
        assets.c.owner == account,
        summaries.c.price.is_not(None),
        summaries.c.ends > since + notice,
        summaries.c.ends <= now + notice,
    )
    return [
        AccountEvent(
            "expiring",
            row.ends - notice,
            f"{row.address}:{row.ends}:{notice}",
            row.address,
            row.name,
            ends=row.ends,
            path=f"/models/{row.address}",
        )
        for row in _all(connection, query.order_by(summaries.c.ends).limit(MAX_EVENTS))
    ]


def _all(connection: sql.Connection, query: sql.Select[Any]) -> Sequence[sql.Row[Any]]:
    return connection.execute(query).all()
