"""Which versions of a model's key the vaults hold or held, as far as they tell."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.quorum import call_all
from sealgrid.wire.vault import AssetView


@dataclass(frozen=True, slots=True)
class KeyVersionView:
    """One version of a key."""

    number: int
    record: Digest  #: of the KeyRecord that the owner signed
    since: int  #: Unix seconds, the earliest that a vault tells
    held: int  #: how many vaults hold a share of it now


async def views_of(conn: Connection, model: Address, owner: Address) -> tuple[AssetView | None, ...]:
    """Return what each vault tells of a key, None for one that knows nothing or does not answer."""
    replies = await asyncio.gather(*(vault.asset(model, owner) for vault in conn.vaults), return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException) and not isinstance(reply, NotFound | ServiceUnavailable):
            raise reply
    return tuple(reply if isinstance(reply, AssetView) else None for reply in replies)


async def views_heard(conn: Connection, model: Address, owner: Address) -> tuple[AssetView | None, ...]:
    """Return the same, waiting for no vault that is silent, and without an error of one, while t others answer."""
    asked = [vault.asset(model, owner) for vault in conn.vaults]
    replies = await call_all(asked, enough=conn.network.threshold)
    return tuple(reply if isinstance(reply, AssetView) else None for reply in replies)


def came_by_iexec(views: Sequence[AssetView | None]) -> bool:
    """Return whether more than half of the vaults, which are t, tell that a key came by iExec's route."""
    return 2 * sum(view is not None and view.iexec for view in views) > len(views)


def unopened_in(views: Sequence[AssetView | None]) -> TaskId | None:
    """Return the task whose file did not open with the newest key, as more than half of the vaults tell; else None."""
    return _by_most([view.unopened for view in views if view is not None], len(views))


def opened_in(views: Sequence[AssetView | None]) -> TaskId | None:
    """Return the task in which an enclave opened the file with the newest key, as more than half tell; else None."""
    return _by_most([view.opened for view in views if view is not None], len(views))


def _by_most(tasks: Sequence[TaskId], vaults: int) -> TaskId | None:
    told = [task for task in tasks if task]
    return max(told, key=told.count) if 2 * len(told) > vaults else None


def versions_in(views: Sequence[AssetView | None]) -> tuple[KeyVersionView, ...]:
    """Return every version that a vault tells of, oldest first."""
    told = [each for view in views if view is not None for each in view.history]
    names = sorted({(each.version, each.record) for each in told})
    return tuple(
        KeyVersionView(
            number=number,
            record=record,
            since=min(each.received for each in told if (each.version, each.record) == (number, record)),
            held=sum((each.version, each.record, each.destroyed) == (number, record, 0) for each in told),
        )
        for number, record in names
    )
