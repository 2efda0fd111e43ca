"""Replicas of a pool on one PostgreSQL: one of them leads at a time, and each is notified of the others' changes.

The leader follows the chain and sends transactions. It has an advisory lock on a session of its own; when that session
ends, another replica gets the lock and a higher epoch, and the database refuses what the former one still does.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
import psycopg

from sealgrid.errors import SealgridError
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.notifications import parse_notification
from sealgrid.pool.pool_store import Changes
from sealgrid.pool.sql_pool_store import CHANNEL, SqlPoolStore
from sealgrid.pool.task_book import TaskBook

_LEADER_LOCK: Final = 0x5EA16002  #: PostgreSQL advisory lock of the leader
_POLL_SECONDS: Final = 0.25  #: between two attempts to lead, and two checks of the leader's session
_ANSWER_SECONDS: Final = 5.0  #: after which a session that does not answer has ended
_PAUSE_SECONDS: Final = 0.5  #: before a new session
_CLOCK_SECONDS: Final = 1.0  #: between two reads of the chain's clock
_log = logging.getLogger("sealgrid.pool")

Session = psycopg.AsyncConnection[tuple[Any, ...]]
Work = Callable[[], Coroutine[None, None, None]]


async def lead(store: SqlPoolStore, book: TaskBook, work: Work) -> None:
    """Run ``work`` while this process is the leader, until cancelled; with SQLite it always is."""
    if not store.is_shared:
        await book.begin_epoch()
        await work()
        return
    while True:
        try:
            async with await _connect(store) as session:
                while not await _ask(session, "SELECT pg_try_advisory_lock(%s)", _LEADER_LOCK):
                    await asyncio.sleep(_POLL_SECONDS)
                _log.info("this process leads as number %d", await book.begin_epoch())
                await _work_while_locked(session, work)
        except (psycopg.Error, SealgridError, TimeoutError) as error:
            _log.warning("this process does not lead: %s", error)
        except ExceptionGroup as errors:  # of the leader's tasks
            _log.warning("this process stops leading", exc_info=errors)
        finally:
            book.epoch = None
        await asyncio.sleep(_PAUSE_SECONDS)


async def hear(store: SqlPoolStore, book: TaskBook) -> None:
    """Wake local waiters for changes by other replicas, until cancelled; with SQLite there are no other replicas."""
    while store.is_shared:
        try:
            async with await _connect(store) as session:
                await session.execute(f"LISTEN {CHANNEL}")
                book.notify(Changes(assignable=True, work=True))  # of what was announced before
                async for announcement in session.notifies():
                    with contextlib.suppress(msgspec.DecodeError):
                        heard = parse_notification(announcement.payload)
                        if heard.replica != store.replica:
                            book.notify(heard.changes)
        except psycopg.Error as error:
            _log.warning("other replicas cannot be heard now: %s", error)
        await asyncio.sleep(_PAUSE_SECONDS)


async def follow_clock(store: SqlPoolStore, book: TaskBook, clock: ChainClock) -> None:
    """Take the chain's clock from the blocks that the leader has read, as long as this process is another one."""
    while store.is_shared:
        if book.epoch is None:
            with contextlib.suppress(SealgridError):
                trail = await book.read_trail()
                if trail is not None and trail.tip is not None:
                    clock.observe(trail.tip.number, trail.tip.timestamp, time.time())
        await asyncio.sleep(_CLOCK_SECONDS)


async def _connect(store: SqlPoolStore) -> Session:
    return await psycopg.AsyncConnection.connect(**store.connect_arguments(), autocommit=True)


async def _ask(session: Session, query: Any, *arguments: object) -> Any:
    async with asyncio.timeout(_ANSWER_SECONDS):
        row = await (await session.execute(query, arguments)).fetchone()
    return None if row is None else row[0]


async def _work_while_locked(session: Session, work: Work) -> None:
    working = asyncio.ensure_future(work())
    try:
        while not working.done():
            await _ask(session, "SELECT 1")
            await asyncio.wait([working], timeout=_POLL_SECONDS)
        await working
    finally:
        working.cancel()
        await asyncio.wait([working])
