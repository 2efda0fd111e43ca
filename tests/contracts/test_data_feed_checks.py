"""What a data feed refuses, (feed.1) to (feed.7): the callback writes nothing, and pull and deliver say why."""

from dataclasses import replace

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.errors import ContractReverted
from sealgrid.poco import ids
from sealgrid.units import ZERO_ADDRESS, TaskId, to_address, to_digest
from tests.contracts.feed_scene import (
    COVERED,
    WINDOW,
    Answer,
    Feed,
    finalise_deferred,
    open_feed,
    publish,
)
from tests.contracts.gate_market import gated
from tests.contracts.scene import APP_DIGEST, DATASET_CHECKSUM, Attempt, Market

pytestmark = pytest.mark.chain
NOBODY = to_address(b"\x66" * 20)
NO_TAG = to_digest(bytes(32))


async def refused(feed: Feed, task: TaskId, check: str, window: int) -> None:
    assert not await feed.has(window)
    with pytest.raises(ContractReverted, match=check.replace(".", r"\.")):
        await feed.send("stranger", "pull", task)


async def test_feed_1_only_the_hub_calls_back(feed: Feed) -> None:
    attempt = await feed.task()
    data = await feed.data(attempt, Answer(window=await feed.last_window()))
    with pytest.raises(ContractReverted, match=r"feed\.1"):
        await feed.send("stranger", "receiveResult", attempt.task, data)


async def test_feed_1_another_hub_is_not_asked(market: Market, feed: Feed) -> None:
    elsewhere = await open_feed(market, hub=market.deployment.token)
    window = await feed.last_window()
    task = await elsewhere.accept(Answer(window=window))
    assert not await elsewhere.has(window)
    with pytest.raises(ContractReverted):
        await elsewhere.send("stranger", "pull", task)


async def test_feed_1_a_task_that_is_not_paid_is_not_pulled(feed: Feed) -> None:
    with pytest.raises(ContractReverted, match="no result yet"):
        await feed.send("stranger", "pull", (await feed.task()).task)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"index": 1},
        {"deal": to_digest(b"\x01" * 32)},
        {"dqf": 101},
        {"reason": 7},
    ],
    ids=["version", "index", "deal", "DQF", "reason"],
)
async def test_feed_2_other_data_are_refused(feed: Feed, changes: dict[str, object]) -> None:
    window = await feed.last_window()
    task = await feed.accept(replace(Answer(window=window), **changes))
    await refused(feed, task, "feed.2", window)


@pytest.mark.parametrize("data", [b"", b"\x01" * 96], ids=["an app that failed", "other data"])
async def test_feed_2_data_of_another_length_are_refused(feed: Feed, data: bytes) -> None:
    attempt = await feed.task()
    await publish(attempt, data, digest=to_digest(keccak256(data)))
    await refused(feed, attempt.task, "feed.2", await feed.last_window())


async def test_feed_3_a_deal_that_calls_back_another_contract_is_refused(feed: Feed) -> None:
    window = await feed.last_window()
    task = await feed.accept(Answer(window=window), callback=NOBODY)
    await refused(feed, task, "feed.3", window)


@pytest.mark.parametrize("what", ["app", "dataset"])
async def test_feed_4_another_app_or_model_is_refused(market: Market, what: str) -> None:
    developer = market.wallet("developer")
    wanted = await (
        market.assets.create_app(developer, name="other", multiaddr="/ipfs/app", checksum=APP_DIGEST)
        if what == "app"
        else market.assets.create_dataset(developer, name="other", multiaddr="/ipfs/x", checksum=DATASET_CHECKSUM)
    )
    feed = await open_feed(market, **{what: wanted})
    window = await feed.last_window()
    await refused(feed, await feed.accept(Answer(window=window)), "callback.3", window)


async def test_feed_4_a_deal_of_another_account_is_refused_where_one_is_named(market: Market) -> None:
    window = await (await open_feed(market)).last_window()
    for name, accepted in (("stranger", False), ("requester", True)):
        feed = await open_feed(market, requester=development_key(name).address)
        task = await feed.accept(Answer(window=window))
        assert await feed.has(window) is accepted
        if not accepted:
            await refused(feed, task, "feed.4", window)


async def test_feed_4_a_deal_without_an_enclave_is_refused(market: Market, feed: Feed) -> None:
    window = await feed.last_window()
    deal = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(tag=NO_TAG),
        market.dataset_order(tag=NO_TAG),
        market.pool_order(tag=NO_TAG, category=market.deployment.categories["XS"]),
        market.request(tag=NO_TAG, category=market.deployment.categories["XS"], callback=feed.address),
    )
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    data = await feed.data(Attempt(market=market, deal=deal, task=task, expiry=0), Answer(window=window))
    worker = market.wallet("worker")
    message = ids.authorisation_message(worker.address, task, ZERO_ADDRESS)
    await market.hub.contribute_and_finalize(
        worker,
        task=task,
        result_digest=to_digest(keccak256(data)),
        results=b"{}",
        callback=data,
        enclave=ZERO_ADDRESS,
        enclave_signature=b"",
        authorisation=development_key("pool").sign(personal_digest(message)),
    )
    await refused(feed, task, "callback.4", window)


async def test_feed_4_a_pool_of_its_own_is_refused_where_the_hub_asks_no_broker(market: Market) -> None:
    # PoCo takes any pool owner's word for an "enclave" here; only a gate's pool is trusted.
    judged = await gated(market)
    feed = await open_feed(judged, broker=ZERO_ADDRESS, gate=judged.gate.address)
    window = await feed.last_window()
    await feed.accept(Answer(window=window - 1))
    assert await feed.has(window - 1)
    owned = Feed(market, feed.address)
    attempt = await owned.task()
    forged = SelfSigned(**vars(attempt))
    await publish(forged, await feed.data(attempt, Answer(window=window)))
    await refused(feed, attempt.task, "callback.4", window)


async def test_feed_4_a_gates_pool_is_refused_where_the_hub_asks_another_broker(market: Market) -> None:
    # With a teebroker PoCo does not ask the pool's owner, so the owner's trust says nothing.
    judged = await gated(market)
    feed = await open_feed(judged, broker=ZERO_ADDRESS, gate=judged.gate.address)
    window = await feed.last_window()
    task = await feed.accept(Answer(window=window), callback=feed.address, category="XS")
    assert await feed.has(window)
    await market.wallet("admin").call(market.hub.address, "Hub", "setTeeBroker", judged.gate.address)
    with pytest.raises(ContractReverted, match=r"callback\.4"):
        await feed.send("stranger", "pull", task)


class SelfSigned(Attempt):
    """An attempt whose only proof is the signature of the pool's owner."""

    def proof(self) -> bytes:
        return self.pool.sign(self.digest)


async def test_feed_5_invented_readings_are_refused(feed: Feed) -> None:
    # Whoever signs readings without a registered key, the app returns the signer that it recovered.
    window = await feed.last_window()
    inventor = SigningKey.from_bytes(b"\x66" * 32).address
    await refused(feed, await feed.accept(Answer(window=window, station=inventor)), "feed.5", window)


async def test_feed_5_readings_that_were_verified_against_another_roster_are_refused(feed: Feed) -> None:
    window = await feed.last_window()
    task = await feed.accept(Answer(window=window, roster=b"\x01" * 32))
    await refused(feed, task, "feed.5", window)


async def test_feed_5_a_new_key_of_a_sensor_ends_answers_of_the_old_one(feed: Feed, market: Market) -> None:
    window = await feed.last_window()
    before = await feed.read("roster")
    fresh = SigningKey.from_bytes(b"\x73" * 32).address
    await feed.send("developer", "register", fresh, "station-1")
    assert isinstance(before, bytes)
    task = await feed.accept(Answer(window=window, roster=before))
    await refused(feed, task, "feed.5", window)


async def test_feed_6_a_window_that_has_not_ended_is_refused_until_it_ends(feed: Feed, market: Market) -> None:
    window = await feed.last_window() + 1
    task = await feed.accept(Answer(window=window))
    await refused(feed, task, "feed.6", window)
    await advance(market.node, WINDOW)
    await feed.send("stranger", "pull", task)
    assert await feed.has(window)


# --- deferred callbacks


async def test_a_deferred_callback_is_delivered_by_anybody_once(feed: Feed) -> None:
    window = await feed.last_window()
    task, callback = await finalise_deferred(feed, Answer(window=window, dqf=64))
    await feed.send("stranger", "deliver", task, COVERED, callback.salt, callback.data)
    assert (await feed.round(window))[4] == 64
    with pytest.raises(ContractReverted, match=r"feed\.7"):
        await feed.send("stranger", "deliver", task, COVERED, callback.salt, callback.data)


async def test_feed_1_data_that_do_not_fit_the_commitment_are_refused(feed: Feed) -> None:
    task, callback = await finalise_deferred(feed, Answer(window=await feed.last_window(), dqf=64))
    better = callback.data[:-2] + bytes([100, 0])
    with pytest.raises(ContractReverted, match=r"callback\.2"):
        await feed.send("stranger", "deliver", task, COVERED, callback.salt, better)
    with pytest.raises(ContractReverted, match=r"feed\.2"):
        await feed.send("stranger", "pull", task)


async def test_feed_1_nothing_is_delivered_before_the_payment(feed: Feed) -> None:
    attempt = await feed.task(callback=ZERO_ADDRESS)
    data = await feed.data(attempt, Answer(window=await feed.last_window()))
    with pytest.raises(ContractReverted, match=r"callback\.1"):
        await feed.send("stranger", "deliver", attempt.task, COVERED, b"\x5a" * 32, data)


async def test_feed_3_a_plain_callback_is_not_delivered_as_a_deferred_one(feed: Feed) -> None:
    attempt = await feed.task(callback=NOBODY)
    data = await feed.data(attempt, Answer(window=await feed.last_window()))
    looks = keccak256(b"sealgrid/deferred-callback/1") + bytes.fromhex(COVERED[2:]) + keccak256(b"\x5a" * 32, data)
    await publish(attempt, looks)
    with pytest.raises(ContractReverted, match=r"feed\.3"):
        await feed.send("stranger", "deliver", attempt.task, COVERED, b"\x5a" * 32, data)
