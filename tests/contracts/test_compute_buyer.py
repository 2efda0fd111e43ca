"""A contract buys a run on real PoCo, gets the answer and pays: (buyer.1) to (buyer.4)."""

from dataclasses import dataclass, replace

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.anvil import advance
from sealgrid.chain.hub import order_values
from sealgrid.chain.matches import find_match
from sealgrid.errors import ContractReverted
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId, to_address, to_digest
from tests.contracts.feed_scene import publish, set_callback_gas
from tests.contracts.scene import APP_PRICE, DATASET_PRICE, POOL_PRICE, Attempt, Market

pytestmark = pytest.mark.chain
PRICE = APP_PRICE + DATASET_PRICE + POOL_PRICE
THRESHOLD, PAYOUT, PERIOD = 100, 10**15, 600
PAYEE, NOBODY = to_address(b"\x77" * 20), to_address(b"\x66" * 20)
PARAMS = '{"iexec_args":"1000"}'


@dataclass(frozen=True)
class Buyer:
    market: Market
    address: Address

    def request(self, **changes: object) -> RequestOrder:
        fields = {
            "app": self.market.app,
            "appmaxprice": APP_PRICE,
            "dataset": self.market.dataset,
            "datasetmaxprice": DATASET_PRICE,
            "workerpool": self.market.pool,
            "workerpoolmaxprice": POOL_PRICE,
            "requester": self.address,
            "volume": 1,
            "tag": TEE_TAG,
            "category": self.market.deployment.categories["XS"],
            "beneficiary": self.market.wallet("requester").address,
            "callback": self.address,
            "params": PARAMS,
        }
        return RequestOrder(**fields | changes)

    async def buy(self, **changes: object) -> DealId:
        market, category = self.market, self.market.deployment.categories["XS"]
        orders = (market.app_order(), market.dataset_order(), market.pool_order(category=category))
        request = self.request(**changes)
        call = interface("Hub").call_data("matchOrders", *(order_values(each) for each in (*orders, request)))
        receipt = await market.wallet("stranger").call(self.address, "ComputeBuyer", "buy", call)
        [bought] = [log for log in receipt.logs if log.topics[0] == interface("ComputeBuyer").topic("Bought")]
        task = TaskId(to_digest(bought.topics[1]))
        deal = DealId(to_digest(await self.read("awaited", task)))
        assert task_id(deal, 0) == task
        return deal

    async def answered(self, deal: DealId, answer: bytes) -> TaskId:
        task = await self.market.hub.initialize(self.market.wallet("pool"), deal, 0)
        deadline = (await self.market.hub.view_task(task)).contribution_deadline
        await publish(Attempt(market=self.market, deal=deal, task=task, expiry=deadline), answer)
        return task

    async def read(self, function: str, *arguments: object) -> object:
        abi = interface("ComputeBuyer")
        return abi.decode(function, await self.market.node.call(self.address, abi.call_data(function, *arguments)))


async def paid_out(market: Market) -> int:
    return int(await market.node.rpc("eth_getBalance", PAYEE, "latest"), 16)


async def deploy_buyer(market: Market, *, judge: Address | None = None) -> Buyer:
    beneficiary = market.wallet("requester").address
    category = market.deployment.categories["XS"]
    purchase = (market.app, market.dataset, market.pool, category, TEE_TAG, beneficiary, PRICE, PERIOD)
    owner = market.wallet("owner")
    address = await owner.deploy(
        artifacts.bytecode("ComputeBuyer"),
        artifacts.abi("ComputeBuyer"),
        market.hub.address,
        judge or market.broker.address,
        purchase,
        PARAMS,
        THRESHOLD,
        PAYOUT,
        PAYEE,
    )
    await owner.send(address, b"", value=2 * PAYOUT)
    await market.hub.deposit_for(market.wallet("requester"), 3 * PRICE, address)
    return Buyer(market, address)


def answer_of(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.fixture
async def buyer(market: Market) -> Buyer:
    return await deploy_buyer(market)


async def test_a_contract_buys_gets_the_answer_and_pays(buyer: Buyer, market: Market) -> None:
    deal = await buyer.buy()
    view = await market.hub.view_deal(deal)
    assert (view.requester, view.sponsor, view.callback) == (buyer.address,) * 3
    task = await buyer.answered(deal, answer_of(168))
    assert await buyer.read("answer") == 168
    assert await paid_out(market) == PAYOUT
    assert (await market.hub.account(buyer.address)).stake == 2 * PRICE
    with pytest.raises(ContractReverted, match="answered already"):
        await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "pull", task)


async def test_workers_find_its_order_in_the_calldata(buyer: Buyer, market: Market) -> None:
    deal = await buyer.buy()
    found = await find_match(market.hub, await market.hub.view_deal(deal))
    assert found is not None
    assert found.request == buyer.request()


async def test_an_answer_below_the_threshold_pays_nothing(buyer: Buyer, market: Market) -> None:
    await buyer.answered(await buyer.buy(), answer_of(99))
    assert (await buyer.read("answer"), await paid_out(market)) == (99, 0)


async def test_an_answer_is_pulled_where_pocos_gas_was_too_little(buyer: Buyer, market: Market) -> None:
    await set_callback_gas(market, 20_000)
    task = await buyer.answered(await buyer.buy(), answer_of(168))
    assert await paid_out(market) == 0
    await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "pull", task)
    assert await paid_out(market) == PAYOUT


async def test_an_app_that_failed_pays_nothing(buyer: Buyer, market: Market) -> None:
    task = await buyer.answered(await buyer.buy(), b"")
    with pytest.raises(ContractReverted, match="the app failed"):
        await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "pull", task)
    assert await paid_out(market) == 0


async def test_what_is_owed_is_paid_when_there_is_ether(buyer: Buyer, market: Market) -> None:
    await market.wallet("owner").call(buyer.address, "ComputeBuyer", "withdraw", 0, 2 * PAYOUT)
    await buyer.answered(await buyer.buy(), answer_of(168))
    assert (await buyer.read("owed"), await paid_out(market)) == (PAYOUT, 0)
    await market.wallet("stranger").send(buyer.address, b"", value=PAYOUT)
    await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "pay")
    assert (await buyer.read("owed"), await paid_out(market)) == (0, PAYOUT)


async def test_callback_4_another_judges_answer_is_refused(market: Market) -> None:
    buyer = await deploy_buyer(market, judge=NOBODY)
    task = await buyer.answered(await buyer.buy(), answer_of(168))
    with pytest.raises(ContractReverted, match=r"callback\.4"):
        await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "pull", task)


async def test_only_the_hub_calls_back(buyer: Buyer, market: Market) -> None:
    deal = await buyer.buy()
    arguments = (task_id(deal, 0), answer_of(168))
    with pytest.raises(ContractReverted, match="only the hub"):
        await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "receiveResult", *arguments)


async def test_buyer_1_one_run_is_bought_in_a_period(buyer: Buyer, market: Market) -> None:
    await buyer.buy()
    salt = to_digest(b"\x01" * 32)
    with pytest.raises(ContractReverted, match=r"buyer\.1"):
        await buyer.buy(salt=salt)
    await advance(market.node, PERIOD)
    await buyer.buy(salt=salt)


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        (2, {"requester": NOBODY}),
        (2, {"callback": ZERO_ADDRESS}),
        (2, {"volume": 2}),
        (3, {"app": NOBODY}),
        (3, {"dataset": ZERO_ADDRESS}),
        (3, {"workerpool": ZERO_ADDRESS}),
        (3, {"category": 4}),
        (3, {"tag": NO_TAG}),
        (3, {"trust": 2}),
        (3, {"beneficiary": NOBODY}),
        (3, {"params": '{"iexec_args":"1"}'}),
        (4, {"workerpoolmaxprice": POOL_PRICE + 1}),
    ],
    ids=range(12),
)
async def test_buyer_2_to_4_another_purchase_is_refused(buyer: Buyer, check: int, changes: dict[str, object]) -> None:
    with pytest.raises(ContractReverted, match=rf"buyer\.{check}"):
        await buyer.buy(**changes)


async def test_buyer_2_another_call_of_the_hub_is_refused(buyer: Buyer, market: Market) -> None:
    call = interface("Hub").call_data("withdrawTo", 1, NOBODY)
    with pytest.raises(ContractReverted, match=r"buyer\.2"):
        await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "buy", call)


async def test_only_the_owner_withdraws(buyer: Buyer, market: Market) -> None:
    with pytest.raises(ContractReverted, match="Only the owner"):
        await market.wallet("stranger").call(buyer.address, "ComputeBuyer", "withdraw", 1, 1)
    await market.wallet("owner").call(buyer.address, "ComputeBuyer", "withdraw", 3 * PRICE, PAYOUT)
    assert (await market.hub.account(buyer.address)).stake == 0


async def test_a_request_is_not_used_twice(buyer: Buyer, market: Market) -> None:
    await buyer.buy()
    await advance(market.node, PERIOD)
    with pytest.raises(ContractReverted):
        await replace(buyer).buy()
