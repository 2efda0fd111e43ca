"""Requests of workers to a pool."""

import asyncio
import time
from pathlib import Path

import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused
from sealgrid.pool import events as e
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.service import TaskService
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.wire.message import encode
from sealgrid.wire.pool import NextJob
from sealgrid.wire.worker_session import SessionCall, call_mac, login_info
from tests.unit.pool.pool_scene import BLOCK, DOMAIN, MATCHED, POOL, TASK, WORKERS, signed_login


async def test_a_waiting_worker_is_woken_by_the_deal_itself(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    task_service = TaskService(state, ChainClock(), WORKERS, SigningKey.generate())
    login, key = signed_login(issued=int(time.time()))
    opened = task_service.login(login)
    secret, payload = key.open(opened.sealed, login_info(opened.session, login.signature)), encode(NextJob(wait=30))
    mac = call_mac(secret, "/jobs/next", 1, payload)
    call = SessionCall(session=opened.session, number=1, mac=mac, payload=payload)
    waiting = asyncio.create_task(task_service.next_job(call))
    await asyncio.sleep(0)
    assert not waiting.done()
    state.apply_chain_events([MATCHED, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    job = await waiting
    assert job is not None
    assert job.task == TASK
    store.close()


def test_3_a_pool_without_a_list_admits_no_worker_and_counts_none(tmp_path: Path) -> None:
    store, nobody = EventStore(tmp_path / "pool.sqlite"), AllowedWorkers(domain=DOMAIN, pool=POOL, allowed=frozenset())
    task_service = TaskService(
        PersistentState(store), ChainClock(), nobody, SigningKey.generate(), clock=lambda: 1000.0
    )
    with pytest.raises(CallRefused) as refused:
        task_service.login(signed_login()[0])
    assert (refused.value.check, task_service.view().workers) == ("3", 0)
    store.close()
