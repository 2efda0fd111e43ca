"""A contract acts on a deferred callback only after (callback.1) to (callback.4), on real PoCo."""

from dataclasses import dataclass

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import personal_digest
from sealgrid.errors import ContractReverted
from sealgrid.poco import ids
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from tests.contracts.scene import Attempt, Market

ANSWER = DeferredCallback(data=b"score 97", salt=b"\x5a" * 32)
COVERED = to_digest(b"\x0c" * 32)  #: digest of sealed result and receipt
DELIVERED = deferred_digest(COVERED, ANSWER.commitment())
RECEIVER = interface("AnswerReceiver")


@dataclass(frozen=True)
class Receiver:
    market: Market
    address: Address

    async def deliver(
        self, task: TaskId, result: Digest = COVERED, salt: bytes = ANSWER.salt, data: bytes = ANSWER.data
    ) -> None:
        await self.market.wallet("stranger").call(self.address, "AnswerReceiver", "deliver", task, result, salt, data)

    async def answer(self, task: TaskId) -> bytes:
        data = RECEIVER.call_data("answers", task)
        return RECEIVER.decode("answers", await self.market.node.call(self.address, data))


async def receiver(market: Market, **trusted: Address) -> Receiver:
    """Deploy a receiver of the market's app over its dataset, unless others are given."""
    trusted_parts = {"judge": market.broker.address, "app": market.app, "dataset": market.dataset} | trusted
    code, abi = artifacts.bytecode("AnswerReceiver"), artifacts.abi("AnswerReceiver")
    arguments = (market.hub.address, trusted_parts["judge"], trusted_parts["app"], trusted_parts["dataset"])
    return Receiver(market, await market.wallet("developer").deploy(code, abi, *arguments))


async def paid(good: Attempt, digest: Digest = DELIVERED, callback: bytes = b"", results: bytes = b"{}") -> TaskId:
    await good.market.hub.contribute_and_finalize(
        good.market.wallet("worker"),
        task=good.task,
        result_digest=digest,
        results=results,
        callback=callback,
        enclave=good.enclave.address,
        enclave_signature=good.enclave.sign(personal_digest(ids.enclave_message(good.worker, good.task, digest))),
        authorisation=good.proof(),
    )
    return good.task


async def test_anybody_delivers_the_data_of_a_paid_task(market: Market, good: Attempt) -> None:
    contract = await receiver(market)
    task = await paid(good)
    await contract.deliver(task)
    assert await contract.answer(task) == ANSWER.data


async def test_a_receiver_may_take_any_dataset(market: Market, good: Attempt) -> None:
    contract = await receiver(market, dataset=ZERO_ADDRESS)
    await contract.deliver(await paid(good))
    assert await contract.answer(good.task) == ANSWER.data


async def test_a_worker_cannot_stop_a_delivery_by_long_results(market: Market, good: Attempt) -> None:
    contract = await receiver(market)
    await contract.deliver(await paid(good, results=b"x" * 6000))
    assert await contract.answer(good.task) == ANSWER.data


async def test_callback_1_nothing_is_delivered_before_the_payment(market: Market, good: Attempt) -> None:
    contract = await receiver(market)
    with pytest.raises(ContractReverted, match=r"callback\.1"):
        await contract.deliver(good.task)


@pytest.mark.parametrize(
    "other",
    [{"data": b"score 98"}, {"data": b""}, {"salt": b"\x5b" * 32}, {"result": to_digest(b"\x0d" * 32)}],
    ids=["data", "no data", "salt", "result"],
)
async def test_callback_2_other_data_are_refused(market: Market, good: Attempt, other: dict[str, object]) -> None:
    contract = await receiver(market)
    task = await paid(good)
    with pytest.raises(ContractReverted, match=r"callback\.2"):
        await contract.deliver(task, **other)


async def test_callback_2_salt_and_data_cannot_be_cut_elsewhere(market: Market, good: Attempt) -> None:
    # The salt has 32 bytes in the contract's interface, so no byte of it can become one of the data.
    contract = await receiver(market)
    task = await paid(good)
    with pytest.raises(ContractReverted, match=r"callback\.2"):
        await contract.deliver(task, salt=ANSWER.salt[1:] + ANSWER.data[:1], data=ANSWER.data[1:])


async def test_callback_2_data_of_a_plain_callback_that_look_like_a_commitment_are_refused(market: Market) -> None:
    contract = await receiver(market)
    looks = keccak256(b"sealgrid/deferred-callback/1") + bytes.fromhex(COVERED[2:] + ANSWER.commitment()[2:])
    deal = await market.deal(callback=market.dataset)  # no contract that anything could call back
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    deadline = (await market.hub.view_task(task)).contribution_deadline
    plain = Attempt(market=market, deal=deal, task=task, expiry=deadline)
    await paid(plain, to_digest(keccak256(looks)), callback=looks)
    assert to_digest(keccak256(looks)) == DELIVERED
    with pytest.raises(ContractReverted, match=r"callback\.2"):
        await contract.deliver(task)


@pytest.mark.parametrize("what", ["app", "dataset"])
async def test_callback_3_another_app_or_dataset_is_refused(market: Market, good: Attempt, what: str) -> None:
    contract = await receiver(market, **{what: market.pool})
    task = await paid(good)
    with pytest.raises(ContractReverted, match=r"callback\.3"):
        await contract.deliver(task)


async def test_callback_4_a_deal_without_an_enclave_is_refused(market: Market) -> None:
    none = to_digest(bytes(32))
    contract = await receiver(market)
    deal = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(tag=none),
        market.dataset_order(tag=none),
        market.pool_order(tag=none, category=market.deployment.categories["XS"]),
        market.request(tag=none, category=market.deployment.categories["XS"]),
    )
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    await market.hub.contribute_and_finalize(
        market.wallet("worker"),
        task=task,
        result_digest=DELIVERED,
        results=b"{}",
        enclave=ZERO_ADDRESS,
        enclave_signature=b"",
        authorisation=development_key("pool").sign(
            personal_digest(ids.authorisation_message(market.wallet("worker").address, task, ZERO_ADDRESS))
        ),
    )
    with pytest.raises(ContractReverted, match=r"callback\.4"):
        await contract.deliver(task)


async def test_callback_4_another_judge_is_refused(market: Market, good: Attempt) -> None:
    contract = await receiver(market, judge=market.app)
    task = await paid(good)
    with pytest.raises(ContractReverted, match=r"callback\.4"):
        await contract.deliver(task)


async def test_an_answer_is_taken_once(market: Market, good: Attempt) -> None:
    contract = await receiver(market)
    task = await paid(good)
    await contract.deliver(task)
    with pytest.raises(ContractReverted, match="here already"):
        await contract.deliver(task)


async def test_data_of_one_task_do_not_serve_another(market: Market, good: Attempt) -> None:
    contract = await receiver(market)
    other = await market.hub.initialize(market.wallet("pool"), good.deal, 1)
    second = good.but(task=other, index=1)
    await paid(good)
    await paid(second, deferred_digest(to_digest(b"\x0e" * 32), ANSWER.commitment()))
    with pytest.raises(ContractReverted, match=r"callback\.2"):
        await contract.deliver(second.task)


async def test_a_plain_callback_is_taken_from_poco(market: Market) -> None:
    contract = await receiver(market)
    task = await plainly_called_back(contract, results=b"{}")
    assert await contract.answer(task) == ANSWER.data


async def test_a_plain_callback_that_ran_out_of_gas_is_repeated_by_anybody(market: Market) -> None:
    contract = await receiver(market)
    task = await plainly_called_back(contract, results=b"x" * 6000)
    assert await contract.answer(task) == b""
    stranger = market.wallet("stranger")
    with pytest.raises(ContractReverted, match=r"callback\.2"):
        await stranger.call(contract.address, "AnswerReceiver", "receiveResult", task, b"score 99")
    await stranger.call(contract.address, "AnswerReceiver", "receiveResult", task, ANSWER.data)
    assert await contract.answer(task) == ANSWER.data


async def plainly_called_back(contract: Receiver, *, results: bytes) -> TaskId:
    market = contract.market
    deal = await market.deal(callback=contract.address)
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    deadline = (await market.hub.view_task(task)).contribution_deadline
    good = Attempt(market=market, deal=deal, task=task, expiry=deadline)
    return await paid(good, to_digest(keccak256(ANSWER.data)), callback=ANSWER.data, results=results)
