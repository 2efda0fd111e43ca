"""Versions of a model's key, from the vaults' unverified answers."""

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
    since: int  #: Unix seconds, the earliest that a vault reports
    vaults: int  #: number of vaults that store a share of it now


async def views_of(conn: Connection, model: Address, owner: Address) -> tuple[AssetView | None, ...]:
    """Return each vault's view of a key, None for a vault without one or without an answer."""
    replies = await asyncio.gather(*(vault.asset(model, owner) for vault in conn.vaults), return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException) and not isinstance(reply, NotFound | ServiceUnavailable):
            raise reply
    return tuple(reply if isinstance(reply, AssetView) else None for reply in replies)


async def views_of_quorum(conn: Connection, model: Address, owner: Address) -> tuple[AssetView | None, ...]:
    """Return the same once t vaults answered; slow vaults and vaults that fail count as None."""
    replies = await call_all([vault.asset(model, owner) for vault in conn.vaults], enough=conn.network.threshold)
    return tuple(reply if isinstance(reply, AssetView) else None for reply in replies)


def is_iexec_key(views: Sequence[AssetView | None]) -> bool:
    """Return whether more than half of the vaults (t) report that a key came through iExec's SMS API."""
    return 2 * sum(view is not None and view.iexec for view in views) > len(views)


def unopened_task(views: Sequence[AssetView | None]) -> TaskId | None:
    """Return a task in which the file did not open with the newest key, if more than half of the vaults report it."""
    return _majority([view.unopened for view in views if view is not None], len(views))


def opened_task(views: Sequence[AssetView | None]) -> TaskId | None:
    """Return a task in which an enclave opened the file with the newest key, if more than half report it."""
    return _majority([view.opened for view in views if view is not None], len(views))


def _majority(tasks: Sequence[TaskId], vaults: int) -> TaskId | None:
    reported = [task for task in tasks if task]
    return max(reported, key=reported.count) if 2 * len(reported) > vaults else None


def key_versions(views: Sequence[AssetView | None]) -> tuple[KeyVersionView, ...]:
    """Return all versions that a vault reports, oldest first."""
    reported = [each for view in views if view is not None for each in view.history]
    versions = sorted({(each.version, each.record) for each in reported})
    return tuple(
        KeyVersionView(
            number=number,
            record=record,
            since=min(each.received for each in reported if (each.version, each.record) == (number, record)),
            vaults=sum((each.version, each.record, each.destroyed) == (number, record, 0) for each in reported),
        )
        for number, record in versions
    )
