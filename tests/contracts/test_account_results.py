"""A pool sends the results of a fleet's machines to their account on real PoCo, and pays the gas."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sealgrid.attestation.statements import AccountCall, poco_authorisation
from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.blocks import BlockTrail
from sealgrid.chain.views import TaskStatus
from sealgrid.chain.worker_account import Delegation, WorkerAccount, deploy_worker_account, forward_data
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import Domain, SigningKey, personal_digest, recover
from sealgrid.enclave.job.iexec_env import MAX_CALLBACK_BYTES
from sealgrid.errors import InputRefused, NotFound, ProofRefused
from sealgrid.poco.constants import worker_reward
from sealgrid.poco.ids import enclave_message, task_id
from sealgrid.pool import forwarded_result
from sealgrid.pool.api import handlers
from sealgrid.pool.app_memory import AppMemory
from sealgrid.pool.chain_executor import STUCK_SECONDS, ChainExecutor
from sealgrid.pool.chain_reader import ChainClock, PoolChainReader
from sealgrid.pool.service import TaskService
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.pool.worker_accounts import WorkerAccounts
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.units import Address, Nrlc, TaskId, to_bytes, to_digest
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.pool import JobAssignment, PoolClient
from sealgrid.wire.server import create_app
from sealgrid.worker.account_publisher import AccountPublisher
from sealgrid.worker.signed_pool_client import SignedPoolClient
from tests.contracts.scene import POOL_PRICE, RESULT, Attempt, Market
from tests.contracts.test_pool_transactions import Clock, Sender
from tests.unit.pool.pool_scene import open_book

pytestmark = pytest.mark.chain
OWNER = "publisher"
PILOT, OTHER = SigningKey.from_bytes(b"\x31" * 32), SigningKey.from_bytes(b"\x32" * 32)
HUB = interface("Hub")


@dataclass
class FleetScene:
    """A pool, an account and one of its machines, which has no ether."""

    market: Market
    book: TaskBook
    sender: Sender
    clock: Clock
    account: WorkerAccount
    client: PoolClient

    def pilot(self, account: Address | None = None) -> SignedPoolClient:
        return SignedPoolClient(
            self.client,
            PILOT,
            self.market.domain,
            self.market.pool,
            lambda: int(time.time()),
            account=account or self.account.address,
        )

    def executor(self) -> ChainExecutor:
        return ChainExecutor(self.book, self.market.hub, self.sender, retry=5, clock=self.clock)

    async def finish(self) -> None:
        """Send what is due until no transaction is left."""
        async with asyncio.timeout(20):
            while await self.executor().execute_pending():
                await asyncio.sleep(0.02)

    async def job(self, **changes: object) -> JobAssignment:
        deal = await self.market.deal(category="Short", volume=1, **changes)
        reader = PoolChainReader(self.market.hub, self.market.pool, AppMemory(None))
        await self.book.apply_chain_events([await reader.deal(deal, time.time())], BlockTrail())
        await self.finish()
        job = await self.pilot().next_job(5)
        assert job is not None
        assert job.task == task_id(deal, 0)
        return job

    async def attempt(self, job: JobAssignment) -> Attempt:
        """An enclave's result of a job that this pool authorised for the account."""
        enclave = SigningKey.from_bytes(b"\x42" * 32)
        reply = await self.pilot().authorise(job.task, job.fence, enclave.address)
        return Attempt(
            market=self.market,
            deal=job.deal,
            task=job.task,
            expiry=job.contribution_deadline,
            worker=self.account.address,
            enclave=enclave,
            pool_signature=reply.authorization.signature,
        )

    async def publish(self, job: JobAssignment, made: Attempt, *, pool: SignedPoolClient | None = None) -> None:
        """Publish as a worker does, while the pool sends what is due."""
        publisher = AccountPublisher(
            self.market.hub, self.account.address, PILOT, pool or self.pilot(), chain=self.market.domain.chain
        )
        running = asyncio.create_task(self.executor().run())
        try:
            await self.market.hub.contribute_and_finalize(
                publisher.wallet(job),
                task=job.task,
                result_digest=RESULT,
                results=b"{}",
                enclave=made.enclave.address,
                enclave_signature=made.enclave.sign(personal_digest(enclave_message(made.worker, job.task, RESULT))),
                authorisation=made.proof(),
            )
        finally:
            running.cancel()

    async def signed(self, made: Attempt, key: SigningKey = PILOT, **changes: object) -> tuple[AccountCall, bytes]:
        """A machine's signature over the call that publishes an attempt, or another one."""
        enclave_signature = made.enclave.sign(personal_digest(enclave_message(made.worker, made.task, RESULT)))
        arguments = (made.task, RESULT, b"{}", b"", made.enclave.address, enclave_signature, made.proof())
        data = changes.pop("data", None) or HUB.call_data("contributeAndFinalize", *arguments)
        call = AccountCall(call=data, expiry=made.expiry)
        return call, call.sign(Domain(chain=await self.market.node.chain(), broker=self.account.address), key)

    async def send(self, sender: str, call: AccountCall, signature: bytes) -> None:
        """Send what a machine signed past the pool."""
        arguments = (call.call, call.expiry, signature)
        await self.market.wallet(sender).call(self.account.address, "WorkerAccount", "forward", *arguments)

    def results_sent(self) -> int:
        return sum(each.kind == "forward" for each in self.sender.sent)


@pytest.fixture
async def fleet(market: Market, tmp_path: Path) -> AsyncIterator[FleetScene]:
    account = WorkerAccount(market.node, await deploy_worker_account(market.wallet(OWNER), market.hub.address))
    await account.delegate(market.wallet(OWNER), PILOT.address, market.pool, Delegation(2**40, Nrlc(0)))
    allowed = AllowedWorkers(domain=market.domain, pool=market.pool, allowed=frozenset({PILOT.address}))
    with open_book(tmp_path) as book:
        service = TaskService(
            book, ChainClock(), allowed, development_key("pool"), accounts=WorkerAccounts(market.hub, market.pool)
        )
        http = httpx.ASGITransport(app=create_app(handlers(service)))  # type: ignore[arg-type]
        async with HttpTransport("http://127.0.0.1", name="the pool", http=http) as transport:
            yield FleetScene(market, book, Sender(market), Clock(), account, PoolClient(transport))


async def test_a_machine_without_ether_publishes_and_its_account_is_paid(fleet: FleetScene) -> None:
    job = await fleet.job()
    await fleet.publish(job, await fleet.attempt(job))
    hub = fleet.market.hub
    assert (await hub.view_task(job.task)).contributors == (fleet.account.address,)
    assert (await hub.account(fleet.account.address)).stake == worker_reward(POOL_PRICE)
    assert (await hub.account(PILOT.address)).stake == 0
    await fleet.finish()
    task = await fleet.book.task(job.task)
    assert (task.stage, task.worker, task.forward) == ("completed", PILOT.address, None)
    assert fleet.results_sent() == 1


async def test_the_account_is_authorised_for_poco_and_the_machine_for_its_uploads(fleet: FleetScene) -> None:
    job, enclave = await fleet.job(), SigningKey.generate()
    reply = await fleet.pilot().authorise(job.task, job.fence, enclave.address)
    assert reply.authorization.worker == fleet.account.address
    for worker, signature in ((fleet.account.address, reply.authorization.signature), (PILOT.address, reply.upload)):
        message = personal_digest(poco_authorisation(worker, job.task, enclave.address))
        assert recover(message, signature) == development_key("pool").address


async def test_a_result_is_sent_once_however_often_it_is_asked_for(fleet: FleetScene) -> None:
    job = await fleet.job()
    signed = await fleet.signed(await fleet.attempt(job))
    for _ in range(3):
        await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.executor().execute_pending()
    await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.finish()
    await fleet.pilot().forward(job.task, job.fence, *signed)
    assert (await fleet.market.hub.view_task(job.task)).status is TaskStatus.COMPLETED
    assert fleet.results_sent() == 1


async def test_a_result_that_the_node_lost_is_sent_again_to_the_account(fleet: FleetScene) -> None:
    job = await fleet.job()
    await fleet.pilot().forward(job.task, job.fence, *await fleet.signed(await fleet.attempt(job)))
    fleet.sender.lost = True
    await fleet.executor().execute_pending()
    fleet.sender.lost, fleet.clock.ahead = False, STUCK_SECONDS + 1
    await fleet.finish()
    assert (await fleet.market.hub.view_task(job.task)).status is TaskStatus.COMPLETED


async def test_a_result_that_somebody_else_sent_before_is_no_loss(fleet: FleetScene) -> None:
    job = await fleet.job()
    signed = await fleet.signed(await fleet.attempt(job))
    await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.send("stranger", *signed)
    await fleet.finish()
    assert (await fleet.book.task(job.task)).stage == "completed"
    assert fleet.results_sent() == 0


async def test_the_machine_learns_the_brokers_reason_before_the_pool_is_asked(fleet: FleetScene) -> None:
    job = await fleet.job()
    made = await fleet.attempt(job)
    with pytest.raises(ProofRefused, match=r"check \(8\)"):
        await fleet.publish(job, made.but(signers=made.signers[:1]))
    assert (await fleet.book.task(job.task)).forward is None


async def test_the_pool_pays_for_nothing_that_the_chain_refuses(fleet: FleetScene) -> None:
    job = await fleet.job()
    made = await fleet.attempt(job)
    await fleet.pilot().forward(job.task, job.fence, *await fleet.signed(made.but(signers=made.signers[:1])))
    await fleet.finish()
    assert (await fleet.book.task(job.task)).forward is None
    assert fleet.results_sent() == 0


async def test_the_pool_pays_no_more_gas_than_its_limit_and_says_so(
    fleet: FleetScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarded_result, "RESULT_GAS", 1000)
    job = await fleet.job()
    signed = await fleet.signed(await fleet.attempt(job))
    await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.finish()
    answer = await fleet.pilot().forward(job.task, job.fence, *signed)
    assert answer.final
    assert "pays 1000 at most" in answer.refusal
    assert (await fleet.book.task(job.task)).forward is None
    assert fleet.results_sent() == 0


async def test_a_result_whose_gas_is_below_the_limit_without_the_margin_is_sent(
    fleet: FleetScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await fleet.job()
    signed = await fleet.signed(await fleet.attempt(job))
    gas = await fleet.sender.estimate(forward_data(*signed), fleet.account.address)
    monkeypatch.setattr(forwarded_result, "RESULT_GAS", gas + 1000)
    await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.finish()
    assert (await fleet.book.task(job.task)).stage == "completed"


async def test_the_pool_pays_for_the_largest_callback_data(fleet: FleetScene) -> None:
    market, callback = fleet.market, os.urandom(MAX_CALLBACK_BYTES)
    job = await fleet.job(callback=market.broker.address)
    made = await fleet.attempt(job)
    digest = to_digest(keccak256(callback))
    signature = made.enclave.sign(personal_digest(enclave_message(made.worker, made.task, digest)))
    arguments = (made.task, digest, b"{}", callback, made.enclave.address, signature, made.proof())
    signed = await fleet.signed(made, data=HUB.call_data("contributeAndFinalize", *arguments))
    await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.finish()
    assert (await fleet.book.task(job.task)).stage == "completed"


async def test_a_result_that_reverts_on_the_chain_counts_as_a_loss_and_may_be_sent_again(
    fleet: FleetScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, market = await fleet.job(), fleet.market
    signed = await fleet.signed(await fleet.attempt(job))

    async def revoke(_: PoolTransaction) -> None:
        await fleet.account.revoke(market.wallet(OWNER), PILOT.address, market.pool)

    monkeypatch.setattr(fleet.sender, "before", revoke)
    await fleet.pilot().forward(job.task, job.fence, *signed)
    await fleet.finish()
    monkeypatch.undo()
    await fleet.account.delegate(market.wallet(OWNER), PILOT.address, market.pool, Delegation(2**40, Nrlc(0)))
    assert "reverted" in (await fleet.pilot().forward(job.task, job.fence, *signed)).refusal
    (failures,) = (await fleet.book.run(lambda rows: rows.failures([PILOT.address]))).values()
    await fleet.finish()
    task = await fleet.book.task(job.task)
    assert (failures.count, task.reverts, task.stage, fleet.results_sent()) == (1, 1, "completed", 2)


async def test_an_account_whose_delegation_ends_before_the_deadline_is_not_authorised(fleet: FleetScene) -> None:
    job, market, enclave = await fleet.job(), fleet.market, SigningKey.generate().address
    for expiry, reason in ((job.contribution_deadline - 1, "takes this result until"), (job.contribution_deadline, "")):
        await fleet.account.delegate(market.wallet(OWNER), PILOT.address, market.pool, Delegation(expiry, Nrlc(0)))
        if reason:
            with pytest.raises(InputRefused, match=reason):
                await fleet.pilot().authorise(job.task, job.fence, enclave)
        else:
            await fleet.pilot().authorise(job.task, job.fence, enclave)


async def test_a_pool_serves_the_accounts_that_its_owner_chose(fleet: FleetScene) -> None:
    hub, pool = fleet.market.hub, fleet.market.pool
    await WorkerAccounts(hub, pool, frozenset({fleet.account.address})).require(fleet.account.address, PILOT.address)
    with pytest.raises(InputRefused, match="sends no results of worker account"):
        await WorkerAccounts(hub, pool, frozenset()).require(fleet.account.address, PILOT.address)


async def test_the_pool_sends_results_of_this_task_by_this_machine_alone(fleet: FleetScene) -> None:
    job = await fleet.job()
    made = await fleet.attempt(job)
    other = TaskId("0x" + "11" * 32)
    for signed, reason in (
        (await fleet.signed(made, OTHER), "not signed by worker"),
        (await fleet.signed(made, data=HUB.call_data("reveal", job.task, RESULT)), "results of task"),
        (await fleet.signed(made, data=HUB.selector("contributeAndFinalize") + bytes(32)), "results of task"),
        (await fleet.signed(made, data=HUB.selector("contributeAndFinalize") + to_bytes(made.task, 32)), "arguments"),
        ((AccountCall(call=b"", expiry=0), b""), "results of task"),
    ):
        with pytest.raises(InputRefused, match=reason):
            await fleet.pilot().forward(job.task, job.fence, *signed)
    good = await fleet.signed(made)
    with pytest.raises(InputRefused, match="not assigned to you"):
        await fleet.pilot().forward(job.task, job.fence + 1, *good)
    with pytest.raises(NotFound):
        await fleet.pilot().forward(other, job.fence, *good)
    with pytest.raises(InputRefused, match="valid signature"):
        await fleet.pilot().forward(job.task, job.fence, good[0], b"\x01" * 65)


async def test_without_a_delegation_the_pool_authorises_no_account(fleet: FleetScene) -> None:
    job, market = await fleet.job(), fleet.market
    await fleet.account.revoke(market.wallet(OWNER), PILOT.address, market.pool)
    enclave = SigningKey.generate().address
    with pytest.raises(InputRefused, match="sealgrid worker account delegate"):
        await fleet.pilot().authorise(job.task, job.fence, enclave)
    for stranger in (OTHER.address, market.broker.address, market.pool):
        with pytest.raises(InputRefused, match="not a worker account"):
            await fleet.pilot(stranger).authorise(job.task, job.fence, enclave)
    with pytest.raises(InputRefused, match="valid Ethereum address"):
        await fleet.pilot(Address("0x12")).authorise(job.task, job.fence, enclave)
