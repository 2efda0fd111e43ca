import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest

from sealgrid.attestation.statements import WorkerCall, poco_authorisation
from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.events import SchedulerNotice, parse_events
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import SigningKey, personal_digest, recover
from sealgrid.errors import CallRefused, InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.poco.tags import NO_TAG
from sealgrid.pool.config import PoolConfig
from sealgrid.sdk.operations.stage_reader import StageReader
from sealgrid.units import DealId, TaskId, to_digest
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import (
    AuthoriseReply,
    JobAssignment,
    JobReply,
    PoolClient,
    SignedCall,
    Stage,
    StageAt,
    StageReport,
)
from sealgrid.wire.server import listen
from sealgrid.wire.worker_session import SessionCall, WorkerLogin
from sealgrid.worker.signed_pool_client import SignedPoolClient
from tests.contracts.scene import APP_DIGEST, Attempt, Market, local_market

pytestmark = pytest.mark.chain

ROOT = Path(__file__).parents[2]
ANNA, BERT = development_key("worker"), development_key("worker2")
LOGIN = WorkerLogin(public=HpkeKey.generate().public)


def free_port() -> int:
    with listen() as probe:
        return int(probe.getsockname()[1])


@dataclass
class PoolProcess:
    """A pool that can be killed and started again at the same address."""

    config: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.pool_process",
            str(self.config),
            str(self.port),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert await asyncio.wait_for(self.process.stdout.readline(), 60) == b"ready\n"

    async def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            os.kill(self.process.pid, how)
        await self.process.communicate()


class Worker:
    """Speaks to a pool as a worker does, by the worker's own program."""

    def __init__(self, key: SigningKey, market: Market, client: PoolClient) -> None:
        self.key, self.market, self.client = key, market, client
        self.reader = SignedPoolClient(client, key, market.domain, market.pool, lambda: int(time.time()))

    def signed(self, message: Message, *, issued: int | None = None) -> SignedCall:
        payload, at = encode(message), int(time.time()) if issued is None else issued
        call = WorkerCall(pool=self.market.pool, worker=self.key.address, content=to_digest(sha256(payload)), issued=at)
        signature = call.sign(self.market.domain, self.key)
        return SignedCall(worker=self.key.address, issued=at, signature=signature, payload=payload)

    async def next(self, wait: float = 15) -> JobAssignment | None:
        return await self.reader.next_job(wait)

    async def report(self, job: JobAssignment, stage: Stage, detail: str = "") -> None:
        await self.reader.report(job.task, job.fence, stage, detail)

    async def authorise(self, job: JobAssignment, enclave: SigningKey) -> AuthoriseReply:
        return await self.reader.authorise(job.task, job.fence, enclave.address)


@pytest.fixture(scope="module")
async def market() -> AsyncIterator[Market]:
    async with local_market() as market:
        yield market


@pytest.fixture(scope="module")
async def pool(market: Market, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PoolProcess]:
    folder = tmp_path_factory.mktemp("pool")
    key = folder / "owner.key"
    key.touch(mode=0o600)
    key.write_bytes(development_key("pool").secret)
    config = PoolConfig(
        folder=folder / "data",
        network=market.network(),
        workerpool=market.pool,
        key_file=key,
        lease_seconds=2.0,
        retry_seconds=0.5,
        workers=frozenset({ANNA.address, BERT.address}),
    )
    (folder / "config.json").write_bytes(msgspec.json.encode(config, enc_hook=str))
    process = PoolProcess(folder / "config.json")
    await process.start()
    yield process
    await process.end(signal.SIGTERM)


@pytest.fixture
async def client(pool: PoolProcess) -> AsyncIterator[PoolClient]:
    async with HttpTransport(f"http://127.0.0.1:{pool.port}", name="the pool") as transport:
        yield PoolClient(transport)


@pytest.fixture
def anna(market: Market, client: PoolClient) -> Worker:
    return Worker(ANNA, market, client)


@pytest.fixture
def bert(market: Market, client: PoolClient) -> Worker:
    return Worker(BERT, market, client)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until a condition holds; fail after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


async def stage_of(client: PoolClient, task: TaskId) -> str:
    try:
        return (await client.task(task)).history[-1].stage
    except NotFound:
        return "unknown"


async def exact_stages(market: Market, client: PoolClient, task: TaskId) -> tuple[StageAt, ...]:
    """Return a task's exact stages, which the pool gives to its requester only."""
    reader = StageReader(client, market.deployment.chain, development_key("requester"), time.time)
    return await reader.stages(task)


async def finish(market: Market, job: JobAssignment, enclave: SigningKey, authorisation: bytes) -> None:
    """Publish a result for a job with the pool's authorisation; the real broker judges it."""
    made = Attempt(market=market, deal=job.deal, task=job.task, index=job.index, expiry=job.contribution_deadline)
    await made.but(enclave=enclave, pool_signature=authorisation).publish()


async def one_task(market: Market) -> tuple[DealId, TaskId]:
    deal = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(),
        market.dataset_order(),
        market.pool_order(),
        market.request(volume=1, salt=to_digest(os.urandom(32))),
    )
    return deal, task_id(deal, 0)


async def test_a_waiting_worker_gets_the_task_of_a_new_deal_and_is_authorised_so_that_the_chain_pays(
    market: Market, anna: Worker, client: PoolClient
) -> None:
    waiting = asyncio.create_task(anna.next())
    deal, task = await one_task(market)
    job = await waiting
    assert job is not None
    assert (job.deal, job.task, job.app, job.app_digest, job.bundle) == (
        deal,
        task,
        market.app,
        APP_DIGEST,
        "/ipfs/app",
    )
    view = await market.hub.view_task(task)
    assert (view.status, view.contribution_deadline) == (TaskStatus.ACTIVE, job.contribution_deadline)

    enclave = SigningKey.generate()
    reply = await anna.authorise(job, enclave)
    message = personal_digest(poco_authorisation(ANNA.address, task, enclave.address))
    assert recover(message, reply.authorization.signature) == development_key("pool").address
    assert reply.reassign is None

    await anna.report(job, "running")
    await finish(market, job, enclave, reply.authorization.signature)
    await until(lambda: reached(client, task, "completed"))
    exact = [entry.stage for entry in await exact_stages(market, client, task)]
    assert exact == ["waiting", "assigned", "launched", "running", "completed"]
    public = [entry.stage for entry in (await client.task(task)).history]
    assert public == ["waiting", "working", "completed"]


async def reached(client: PoolClient, task: TaskId, stage: str) -> bool:
    return await stage_of(client, task) == stage


async def test_a_silent_worker_loses_its_task_and_the_next_enclave_comes_with_a_signed_reassignment(
    market: Market, anna: Worker, bert: Worker
) -> None:
    _, task = await one_task(market)
    first = await anna.next()
    assert first is not None
    assert first.task == task
    await anna.authorise(first, SigningKey.generate())
    second = await bert.next()
    assert second == msgspec.structs.replace(first, fence=second.fence)
    assert second.fence > first.fence
    enclave = SigningKey.generate()
    reply = await bert.authorise(second, enclave)
    assert reply.reassign is not None
    assert (reply.reassign.reassign.attempt, reply.reassign.reassign.enclave) == (2, enclave.address)
    owner = development_key("pool").address
    assert reply.reassign.reassign.signer(market.domain, reply.reassign.signature) == owner
    with pytest.raises(InputRefused, match="not assigned to you"):
        await anna.report(first, "sealed")
    await finish_as(market, bert, second, enclave, reply.authorization.signature)


async def finish_as(
    market: Market, worker: Worker, job: JobAssignment, enclave: SigningKey, authorisation: bytes
) -> None:
    await worker.report(job, "failed", "handed over")
    again = await until_job(Worker(ANNA, market, worker.client))
    assert again.task == job.task
    mine = SigningKey.generate()
    worker = Worker(ANNA, market, worker.client)
    reply = await worker.authorise(again, mine)
    assert reply.reassign is not None
    assert reply.reassign.reassign.attempt == 3
    await finish(market, again, mine, reply.authorization.signature)


async def until_job(worker: Worker) -> JobAssignment:
    job = await worker.next()
    assert job is not None
    return job


def corrupt_params(call: bytes) -> bytes:
    """Return a call whose request order has parameters that are no UTF-8."""
    assert call.count(b"@@@@@@@@") == 1
    return call.replace(b"@@@@@@@@", bytes.fromhex("fffe") * 4)


async def match_corrupt_params(market: Market) -> DealId:
    hub, wallet = interface("Hub"), market.wallet("requester")
    request = market.request(volume=1, params="@@@@@@@@")
    fields = [getattr(request, name) for _, name in request.TYPES]
    await wallet.send(market.hub.address, corrupt_params(hub.call_data("manageRequestOrder", ((*fields, b""), 0, b""))))
    orders = [market.app_order(), market.dataset_order(), market.pool_order()]
    values = [(*(getattr(order, name) for _, name in order.TYPES), order.sign) for order in orders]
    receipt = await wallet.send(
        market.hub.address, corrupt_params(hub.call_data("matchOrders", *values, (*fields, b"")))
    )
    (notice,) = [event for event in parse_events(receipt.logs) if isinstance(event, SchedulerNotice)]
    return notice.deal


async def test_a_deal_whose_parameters_are_no_text_is_read_like_any_other(
    market: Market, anna: Worker, client: PoolClient
) -> None:
    deal = await match_corrupt_params(market)
    job = await until_job(anna)
    assert (job.deal, job.task) == (deal, task_id(deal, 0))
    enclave = SigningKey.generate()
    reply = await anna.authorise(job, enclave)
    await finish(market, job, enclave, reply.authorization.signature)
    await until(lambda: reached(client, job.task, "completed"))


async def test_a_pool_that_was_killed_goes_on_where_it_was(
    market: Market, pool: PoolProcess, anna: Worker, client: PoolClient
) -> None:
    _, task = await one_task(market)
    job = await anna.next()
    assert job is not None
    await anna.report(job, "running")
    before = await client.task(task)
    await pool.end(signal.SIGKILL)
    _, meanwhile = await one_task(market)
    await pool.start()
    assert await client.task(task) == before
    enclave = SigningKey.generate()
    reply = await anna.authorise(job, enclave)
    await finish(market, job, enclave, reply.authorization.signature)
    await until(lambda: reached(client, task, "completed"))
    missed = await anna.next()
    assert missed is not None
    assert missed.task == meanwhile
    mine = SigningKey.generate()
    reply = await anna.authorise(missed, mine)
    await finish(market, missed, mine, reply.authorization.signature)
    await until(lambda: reached(client, meanwhile, "completed"))


@pytest.mark.parametrize(
    ("number", "spoil"),
    [
        ("1", lambda worker: worker.signed(LOGIN, issued=int(time.time()) - 120)),
        ("2", lambda worker: msgspec.structs.replace(worker.signed(LOGIN), worker=BERT.address)),
        (
            "2",
            lambda worker: msgspec.structs.replace(worker.signed(LOGIN), payload=encode(WorkerLogin(public=bytes(32)))),
        ),
    ],
)
async def test_a_login_that_is_not_the_workers_own_is_refused(
    anna: Worker, number: str, spoil: Callable[[Worker], SignedCall]
) -> None:
    with pytest.raises(CallRefused) as refused:
        await anna.client.login(spoil(anna))
    assert refused.value.check == number


async def test_a_recorded_call_can_be_sent_neither_again_nor_with_another_method(
    market: Market, anna: Worker, client: PoolClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[SessionCall] = []
    send = client.next_jobs

    async def record(call: SessionCall) -> JobReply:
        passed.append(call)
        return await send(call)

    monkeypatch.setattr(client, "next_jobs", record)
    assert await anna.next(wait=0) is None
    with pytest.raises(CallRefused) as again:
        await send(passed[0])
    stage = encode(StageReport(task=TaskId(to_digest(bytes(32))), fence=1, stage="failed"))
    with pytest.raises(CallRefused) as elsewhere:
        await client.report(msgspec.structs.replace(passed[0], number=2, payload=stage))
    assert (again.value.check, elsewhere.value.check) == ("8", "7")


async def test_no_web_page_may_read_the_local_chain(market: Market) -> None:
    page = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    async with httpx.AsyncClient() as browser:
        preflight = await browser.options(market.node.url, headers=page)
        question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        answer = await browser.post(market.node.url, headers=page, json=question)
    assert preflight.is_error
    assert "access-control-allow-origin" not in {*answer.headers, *preflight.headers}


async def test_the_pool_names_itself(market: Market, client: PoolClient) -> None:
    view = await client.view()
    assert (view.workerpool, view.owner) == (market.pool, development_key("pool").address)


async def test_an_unknown_task_is_not_found(client: PoolClient) -> None:
    with pytest.raises(NotFound):
        await client.task(TaskId(to_digest(bytes(32))))


async def test_after_the_final_deadline_the_requester_has_the_money_back_without_asking(
    market: Market, pool: PoolProcess, anna: Worker, client: PoolClient
) -> None:
    requester = development_key("requester").address
    before = await market.hub.account(requester)
    deal = await market.deal()
    plain = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(tag=NO_TAG),
        market.dataset_order(tag=NO_TAG),
        market.pool_order(trust=2),
        market.request(tag=NO_TAG, volume=1, trust=2),
    )
    job = await anna.next()
    assert job is not None
    await until(lambda: reached(client, task_id(plain, 0), "failed"))
    assert (
        "vaults do not release the key of its model"
        in (await exact_stages(market, client, task_id(plain, 0)))[-1].detail
    )
    assert (await client.task(task_id(plain, 0))).history[-1].detail == ""
    assert (await market.hub.account(requester)).stake < before.stake

    await advance(market.node, 3001)
    for task in (task_id(deal, 0), task_id(deal, 1), task_id(plain, 0)):
        await until(lambda task=task: reached(client, task, "refunded"))
        assert (await market.hub.view_task(task)).status is TaskStatus.FAILED
    assert await market.hub.account(requester) == before
    assert await anna.next(wait=0) is None


async def test_a_page_of_any_site_reads_tasks_and_where_the_api_is_and_speaks_for_no_worker(
    market: Market, pool: PoolProcess, client: PoolClient
) -> None:
    _, task = await one_task(market)
    page = {"origin": "https://dapp.example"}
    await until(lambda: reached(client, task, "waiting"))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{pool.port}", headers=page) as browser:
        for path in (f"/tasks/{task}", f"/31337/workerpools/{market.pool}", f"/tasks/{task}/logs"):
            assert (await browser.get(path)).headers["access-control-allow-origin"] == "*"
        assert (await browser.get(f"/tasks/{task}")).status_code == 200
        assert [(await browser.request(*ask)).status_code for ask in (("POST", "/jobs/next"), ("GET", "/pool"))] == [
            403
        ] * 2
