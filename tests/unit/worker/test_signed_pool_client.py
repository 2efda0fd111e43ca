"""A worker logs in to its pool once for a session, and again when it ended."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.pool.api import handlers
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.events import TaskInitialized
from sealgrid.pool.service import TaskService
from sealgrid.pool.worker_accounts import WorkerAccounts
from sealgrid.units import Address, to_address
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.pool import PoolClient, WorkerCapabilities
from sealgrid.wire.server import create_app
from sealgrid.worker.signed_pool_client import SignedPoolClient
from tests.unit.pool.pool_scene import DOMAIN, MATCHED, POOL, TASK, WORKER, WORKERS, open_book

NEXT = "/jobs/next"


class InProcess:
    """A transport to the present service that records every message."""

    def __init__(self) -> None:
        self.app: object = None
        self.requests: list[tuple[str, bytes]] = []

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.requests.append((path, body))
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(method, path, content=body)
        if answer.is_success:
            return answer.content
        raise parse_error(answer.content, answer.status_code)


async def test_a_worker_logs_in_once_and_again_after_the_pools_restart_or_an_hour(tmp_path: Path):
    wire, clock = InProcess(), [1000.0]

    def restart() -> None:
        book = stack.enter_context(open_book(tmp_path))
        task_service = TaskService(book, ChainClock(), WORKERS, SigningKey.generate(), clock=lambda: clock[0])
        wire.app = create_app(handlers(task_service))

    stack = ExitStack()
    restart()
    reader = SignedPoolClient(PoolClient(wire), WORKER, DOMAIN, POOL, lambda: int(clock[0]))
    for _ in range(3):
        assert await reader.next_job(wait=0) is None
    assert [path for path, _ in wire.requests] == ["/jobs/login", NEXT, NEXT, NEXT]
    restart()
    wire.requests.clear()
    await asyncio.gather(*(reader.next_job(wait=0) for _ in range(5)))
    assert [path for path, _ in wire.requests].count("/jobs/login") == 1
    clock[0] += 3601
    assert await reader.next_job(wait=0) is None
    assert [path for path, _ in wire.requests].count("/jobs/login") == 2
    stack.close()


async def test_a_worker_of_an_account_that_the_pool_does_not_serve_learns_it_before_it_asks_for_a_job(tmp_path: Path):
    wire, served, other = InProcess(), to_address(b"\x0a" * 20), to_address(b"\x0b" * 20)
    unused: Any = None

    def reader(account: Address | None) -> SignedPoolClient:
        return SignedPoolClient(PoolClient(wire), WORKER, DOMAIN, POOL, lambda: 1000, account=account)

    with open_book(tmp_path) as book:
        for chosen, refused in ((None, ()), (frozenset({served}), (other,)), (frozenset(), (served, other))):
            accounts = WorkerAccounts(unused, POOL, chosen)
            service = TaskService(book, ChainClock(), WORKERS, WORKER, accounts=accounts, clock=lambda: 1003)
            wire.app = create_app(handlers(service))
            for account in (served, other, None):
                if account in refused:
                    with pytest.raises(InputRefused, match=f"no results of worker account {account}"):
                        await reader(account).synchronise()
                else:
                    await reader(account).synchronise()


async def test_a_worker_gets_only_tasks_that_it_says_it_takes(tmp_path: Path) -> None:
    wire, stranger = InProcess(), to_address(b"\x77" * 20)
    with open_book(tmp_path) as book:
        task_service = TaskService(book, ChainClock(), WORKERS, SigningKey.generate(), clock=lambda: 1000.0)
        wire.app = create_app(handlers(task_service))
        await book.apply_chain_events([MATCHED, TaskInitialized(at=2, task=TASK)], BlockTrail())
        reader = SignedPoolClient(PoolClient(wire), WORKER, DOMAIN, POOL, lambda: 1000)
        for other in (WorkerCapabilities(apps=(stranger,)), WorkerCapabilities(requesters=(stranger,))):
            assert await reader.next_job(0, other) is None
        with pytest.raises(InputRefused, match="at most 64"):
            await reader.next_job(0, WorkerCapabilities(apps=(stranger,) * 65))
        job = await reader.next_job(
            0, WorkerCapabilities(apps=(stranger, MATCHED.app), requesters=(MATCHED.requester,))
        )
        assert job is not None
        assert job.task == TASK
