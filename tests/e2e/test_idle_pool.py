"""A stranger's free pool that runs nothing gets no run by default; its buyers see when the price can be claimed back."""

import asyncio
import re
from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
import pytest_asyncio

from sealgrid.chain.anvil import advance
from sealgrid.chain.assets import Assets
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.sdk.operations.wait_notices import WaitNotice
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address
from tests.e2e.shell import Shell

ROOT = Path(__file__).resolve().parents[2]
BUYER = "beneficiary"
FINAL_SECONDS = 10 * 30 + 1

pytestmark = pytest.mark.localnet


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hasher(people) -> Address:
    deployed = await deploy.deploy(
        people.developer, ROOT / "src/sealgrid/shipped_apps" / "hash_file", price=10**9, any_pool=True
    )
    return deployed.address


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def free_pool(localnet, people) -> AsyncIterator[Address]:
    """Offer a billion tasks at price 0, as a stranger without a stake or a worker."""
    stranger = people.stranger
    pool = await Assets(stranger.hub).create_workerpool(stranger.wallet, description="fast and free")
    order = WorkerpoolOrder(
        workerpool=pool,
        workerpoolprice=0,
        volume=10**9,
        tag=TEE_TAG,
        category=localnet.network.short_category,
        salt=fresh_salt(),
    )
    signed = await sign_and_publish(stranger, order)
    yield pool
    await stranger.hub.cancel(stranger.wallet, signed)


@pytest.fixture(scope="module")
def sealgrid(localnet, tmp_path_factory) -> Shell:
    folder = tmp_path_factory.mktemp("buyer")
    (folder / "letter").write_text("dear machine")
    return Shell(folder, localnet.layout.root)


async def test_the_cheapest_offer_of_the_whole_market_is_not_taken_by_default(people, hasher, free_pool, localnet):
    offered = await people.requester.market.orders("workerpoolorders", category=str(localnet.network.short_category))
    assert offered[0].order["workerpool"].lower() == free_pool, "the market shows the free pool first"
    job = await buy.run(people.requester, RunRequest(hasher, files=[("letter", b"dear machine")]))
    assert job.terms.workerpool.workerpool == localnet.network.workerpool
    await follow(people.requester, job)


async def test_any_pool_selects_the_best_one_and_prints_the_reason(people, hasher, free_pool, localnet, sealgrid):
    bought = await to_thread(sealgrid, "run", hasher, "--file", "letter", "--account", BUYER, "--pool", "any")
    assert bought.code == 0, bought.err
    assert f"chose pool {localnet.network.workerpool}, the cheapest pool that locks a stake" in bought.err
    assert re.search(r"it locks 0\.6 RLC for a task and completed [1-9]\d* of its \d+ latest deals", bought.err)


async def test_a_pool_name_refers_only_to_the_network_file(hasher, free_pool, sealgrid):
    bought = await to_thread(sealgrid, "run", hasher, "--file", "letter", "--account", BUYER, "--pool", "local")
    assert bought.code == 0, bought.err
    refused = await to_thread(sealgrid.error_line, "run", hasher, "--account", BUYER, "--pool", "fast and free")
    assert "the network file pins no pool called 'fast and free'" in refused
    assert refused.endswith("No money moved.")


async def test_a_run_at_an_idle_pool_prints_a_notice_and_its_price_is_claimed_back(people, hasher, free_pool, sealgrid):
    hub = people.requester.hub
    before = await to_thread(sealgrid.output, "account", "balance", "--account", BUYER)
    words = ("--pool", free_pool, "--notice-after", "0.5", "--timeout", "2", "--tasks", "2")
    bought = await to_thread(sealgrid, "run", hasher, "--file", "letter", "--account", BUYER, *words)
    assert bought.code == 1
    assert f"pool {free_pool} is not pinned: it locks no stake and completed 0 of its 0 latest deals" in bought.err
    tasks = re.findall(r"sealgrid task result (0x\w{64})$", bought.err, re.MULTILINE)
    assert len(tasks) == 2
    locked = r"The price is locked until (\S+ \S+ UTC): it is paid if a machine finishes the task by then; if none does"
    notice = (
        rf"No machine of pool {free_pool} is known to work on this task, \d+ s after it was bought\. You can buy the "
        rf"run elsewhere with --pool NAME, ADDRESS or any; this purchase may still run and be paid\. {locked}"
    )
    until = re.search(notice, bought.err)[1]
    shown = await to_thread(sealgrid.output, "task", "show", tasks[0], "--account", BUYER)
    assert shown.startswith("waiting, bought for 1 RLC\n")
    assert f"locked until {until}" in shown

    early = await to_thread(sealgrid.error_line, "task", "claim", tasks[0], "--account", BUYER)
    assert f"can be claimed from {until} on" in early
    await advance(people.requester.node, FINAL_SECONDS)
    late = await to_thread(sealgrid.output, "task", "show", tasks[0], "--account", BUYER)
    assert "was not paid; the final deadline has passed" in late
    for _ in range(2):
        assert await to_thread(sealgrid.output, "task", "claim", tasks[0]) == "The requester was refunded.\n"
    whole = await to_thread(sealgrid.output, "task", "claim", "--all", tasks[0], "--account", "owner")
    assert whole.splitlines() == [f"{task}  The requester was refunded." for task in tasks]
    assert await to_thread(sealgrid.output, "account", "balance", "--account", BUYER) == before
    assert {(await hub.view_task(task)).status.name for task in tasks} == {"FAILED"}


async def test_the_sdk_calls_on_waiting_once_and_buys_nothing_again(people, hasher, free_pool):
    account = await people.requester2.hub.account(people.requester2.address)
    job = await buy.run(people.requester2, RunRequest(hasher, files=[("letter", b"")], pool=free_pool))
    bought = await people.requester2.hub.account(people.requester2.address)
    assert account.stake - bought.stake == job.terms.price == 10**9
    notices: list[WaitNotice] = []
    following = follow(people.requester2, job, patience=0, on_waiting=notices.append)
    with pytest.raises(TimeoutError):
        await _for_a_second(following)
    assert [(each.task, each.pool, each.money.kind) for each in notices] == [(job.task, free_pool, "locked")]
    assert await people.requester2.hub.account(people.requester2.address) == bought


async def _for_a_second(work: Awaitable[None]) -> None:
    async with asyncio.timeout(1):
        await work
