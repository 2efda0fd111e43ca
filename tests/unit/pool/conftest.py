"""A pool with one task, over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.crypto.signing import Domain
from sealgrid.pool import events as e
from sealgrid.pool.api import handlers
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.iexec_api import iexec_handlers
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.requester_auth import RequesterAuthenticator
from sealgrid.pool.service import TaskService
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.wire.server import create_app
from tests.unit.pool.pool_scene import CHAIN, MATCHED, POOL, TASK, WORKER, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[PersistentState]:
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    state.apply_chain_events([MATCHED, e.TaskInitialized(at=2, task=TASK)], BlockTrail(()))
    state.apply(e.JobRequested(at=3, worker=WORKER.address, chain_now=3))
    yield state
    store.close()


@pytest.fixture
async def pool(state: PersistentState, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    workers = AllowedWorkers(domain=Domain(CHAIN, POOL), pool=POOL, allowed={WORKER.address})
    task_service = TaskService(state, ChainClock(), workers, WORKER, clock=clock)
    app = create_app(
        [*handlers(task_service), *iexec_handlers(task_service, RequesterAuthenticator(CHAIN, clock), CHAIN)]
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4") as client:
        yield client
