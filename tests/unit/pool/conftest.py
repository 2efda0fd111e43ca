"""A pool with one task, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.crypto.signing import Domain
from sealgrid.pool import events as e
from sealgrid.pool.api import handlers
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.iexec_api import iexec_handlers
from sealgrid.pool.requester_auth import RequesterAuthenticator
from sealgrid.pool.service import TaskService
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.wire.server import create_app
from tests.unit.pool.pool_scene import CHAIN, MATCHED, POOL, TASK, WORKER, Clock, assign, open_book


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[TaskBook]:
    with open_book(tmp_path) as book:
        await book.apply_chain_events([MATCHED, e.TaskInitialized(at=2, task=TASK)], BlockTrail(()))
        assert await assign(book, at=3)
        yield book


@pytest.fixture
async def pool(book: TaskBook, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    workers = AllowedWorkers(domain=Domain(CHAIN, POOL), pool=POOL, allowed={WORKER.address})
    task_service = TaskService(book, ChainClock(), workers, WORKER, clock=clock)
    authenticator = RequesterAuthenticator(CHAIN, clock, WORKER.secret)
    app = create_app([*handlers(task_service), *iexec_handlers(task_service, authenticator, CHAIN)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4") as client:
        yield client
