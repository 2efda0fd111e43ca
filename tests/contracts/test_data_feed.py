"""The data feed on real PoCo: (feed.1) to (feed.7), late, doubled and unordered rounds, and its gas."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.data_feed import DataFeed
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.errors import ContractReverted, NotFound
from sealgrid.poco import ids
from sealgrid.receipts.deferred_callback import DeferredCallback
from sealgrid.units import ZERO_ADDRESS, TaskId, to_address, to_digest
from tests.contracts.feed_scene import (
    COVERED,
    FEED,
    STALE,
    STATIONS,
    WINDOW,
    Answer,
    Feed,
    open_feed,
    open_pretender,
    publish,
    publish_deferred,
    set_callback_gas,
)
from tests.contracts.gate_market import gated
from tests.contracts.scene import APP_DIGEST, DATASET_CHECKSUM, Attempt, Market

pytestmark = pytest.mark.chain
NOBODY = to_address(b"\x66" * 20)
NO_TAG = to_digest(bytes(32))
POCO_GAS, ARBITRUM_GAS = 100_000, 200_000


@pytest.fixture
async def feed(market: Market) -> Feed:
    return await open_feed(market)


# --- a round


async def test_a_callback_becomes_a_round(feed: Feed) -> None:
    window = await feed.last_window()
    task = await feed.accept(Answer(window=window, dqf=83, reason=4))
    round_id = (1 << 64) | window
    start, end = window * WINDOW, (window + 1) * WINDOW
    identity, station, *rest = await feed.round(window)
    assert (identity, station) == (round_id, STATIONS[0])
    assert rest[:-1] == [start, end, 83, 4, b"\xda" * 25, bytes.fromhex(task[2:])]
    assert await feed.read("latestRoundData") == (round_id, 83, start, end, round_id)
    assert await feed.read("getRoundData", round_id) == (round_id, 83, start, end, round_id)
    assert await feed.read("round_at", round_id) == await feed.read("latest_round_of", STATIONS[0])
    assert [await feed.read(name) for name in ("decimals", "version")] == [0, 1]
    assert await feed.read("description") == "Data Quality Factor, 0 to 100"


async def test_an_indexer_reads_a_round_from_its_event(feed: Feed) -> None:
    window = await feed.last_window()
    attempt = await feed.task()
    receipt = await publish(attempt, await feed.data(attempt, Answer(window=window)))
    events = [FEED.decode_event(log.topics, log.data) for log in receipt.logs if log.address == feed.address]
    task = bytes.fromhex(attempt.task[2:])
    assert events == [("RoundAccepted", (STATIONS[0], window * WINDOW, task, 97, 0, b"\xda" * 32, False))]


async def test_a_client_finds_the_feeds_of_a_chain_and_reads_one_at_one_block(feed: Feed) -> None:
    node, window = feed.market.node, await feed.last_window()
    late = window - 1 - STALE // WINDOW
    tasks = [await feed.accept(Answer(window=each, dqf=83, reason=4)) for each in (window, late)]
    newest = await DataFeed.find(node, 9)
    assert newest[0] == feed.address
    assert await DataFeed.find(node, 8, skip=1) == newest[1:]
    history = await DataFeed(node, feed.address).history()
    assert (history.hub, history.app, history.dataset) == (
        feed.market.hub.address,
        feed.market.app,
        feed.market.dataset,
    )
    assert (history.window_seconds, history.stale_after, history.requester) == (WINDOW, STALE, ZERO_ADDRESS)
    assert [each.sensor for each in history.roster.stations] == ["station-1", "station-2"]
    expected = [(window * WINDOW, tasks[0], False), (late * WINDOW, tasks[1], True)]
    assert [(each.start, each.task, each.late) for each in history.rounds] == expected
    assert {(each.station, each.dqf, each.reason) for each in history.rounds} == {(STATIONS[0], 83, "stuck")}
    assert [history.is_stale(each.start) for each in history.rounds] == [False, True]
    with pytest.raises(NotFound, match="no feed of this version"):
        await DataFeed(node, feed.market.app).history()


ROUND = (1, 0, 1)  # topics of an event: station, start of a window, task
DATA = (97, 0, 0, 0)  # dqf, reason, digest, late


@pytest.mark.parametrize(
    ("change", "topics", "data"),
    [
        (lambda code: code[:-400] + bytes(400), ROUND, DATA),
        (lambda code: code + bytes(32), ROUND, DATA),
        (lambda code: code[:600], ROUND, DATA),
        (lambda code: code.replace(WINDOW.to_bytes(32, "big"), bytes(32)), ROUND, DATA),
        (lambda code: code, ROUND, (101, 0, 0, 0)),
        (lambda code: code, ROUND, (97, 7, 0, 0)),
        (lambda code: code, ROUND, (2**255, 0)),
        (lambda code: code, (1, 2**255, 1), DATA),
    ],
    ids=["other code", "longer", "shorter", "no window", "dqf", "reason", "short data", "far window"],
)
async def test_a_contract_that_only_resembles_a_feed_is_none(
    feed: Feed, change: Callable[[bytes], bytes], topics: tuple[int, ...], data: tuple[int, ...]
) -> None:
    code = change(await feed.market.node.code(feed.address))
    words = [number.to_bytes(32, "big") for number in (*topics, *data)]
    event = ([FEED.topic("RoundAccepted"), *words[: len(topics)]], b"".join(words[len(topics) :]))
    pretender = await open_pretender(feed.market, code, *event)
    with pytest.raises(NotFound, match="no feed of this version"):
        await DataFeed(feed.market.node, pretender).history()


async def test_events_without_a_rounds_topics_are_no_rounds(feed: Feed) -> None:
    code = await feed.market.node.code(feed.address)
    pretender = await open_pretender(feed.market, code, [FEED.topic("RoundAccepted")], b"")
    assert (await DataFeed(feed.market.node, pretender).history()).rounds == ()


async def test_a_feed_shows_the_checksums_of_its_app_and_model(feed: Feed) -> None:
    shown = [await feed.read(name) for name in ("app_checksum", "dataset_checksum")]
    assert shown == [bytes.fromhex(each[2:]) for each in (APP_DIGEST, DATASET_CHECKSUM)]


async def test_a_feed_without_rounds_has_no_latest(feed: Feed) -> None:
    for function, arguments in (("latestRoundData", ()), ("latest_round_of", STATIONS[:1]), ("getRoundData", (1,))):
        with pytest.raises(ContractReverted, match="no such round"):
            await feed.read(function, *arguments)
    assert await feed.read("is_stale", STATIONS[0])


# --- order of rounds


async def test_rounds_in_any_order_leave_the_newest_as_the_latest(feed: Feed) -> None:
    newest = await feed.last_window()
    for window in (newest - 1, newest - 3, newest, newest - 2):
        await feed.accept(Answer(window=window, dqf=window % 100))
    assert (await feed.read("latest_round_of", STATIONS[0]))[0] & (2**40 - 1) == newest
    assert (await feed.read("latestRoundData"))[1] == newest % 100
    assert [(await feed.round(newest - back))[4] for back in range(4)] == [(newest - back) % 100 for back in range(4)]


async def test_each_station_has_its_own_latest_round(feed: Feed) -> None:
    window = await feed.last_window()
    await feed.accept(Answer(window=window, dqf=10))
    await feed.accept(Answer(window=window - 1, dqf=20, station=STATIONS[1]))
    assert [(await feed.read("latest_round_of", each))[4] for each in STATIONS] == [10, 20]
    assert (await feed.read("latestRoundData"))[:2] == ((1 << 64) | window, 10)


async def test_a_late_round_says_so_and_leaves_the_data_stale(feed: Feed) -> None:
    window = await feed.last_window() - 1 - STALE // WINDOW
    attempt = await feed.task()
    receipt = await publish(attempt, await feed.data(attempt, Answer(window=window)))
    [event] = [FEED.decode_event(log.topics, log.data) for log in receipt.logs if log.address == feed.address]
    assert event is not None
    assert event[1][-1] is True
    assert await feed.read("is_stale", STATIONS[0])


async def test_data_become_stale(feed: Feed, market: Market) -> None:
    await feed.accept(Answer(window=await feed.last_window()))
    assert not await feed.read("is_stale", STATIONS[0])
    await advance(market.node, STALE + WINDOW)
    assert await feed.read("is_stale", STATIONS[0])


async def test_feed_7_the_first_round_of_a_window_stays(feed: Feed) -> None:
    window = await feed.last_window()
    await feed.accept(Answer(window=window, dqf=83))
    second = await feed.accept(Answer(window=window, dqf=12))
    assert (await feed.round(window))[4] == 83
    with pytest.raises(ContractReverted, match=r"feed\.7"):
        await feed.send("stranger", "pull", second)


async def test_feed_7_a_task_is_not_pulled_twice(feed: Feed) -> None:
    task = await feed.accept(Answer(window=await feed.last_window()))
    with pytest.raises(ContractReverted, match=r"feed\.7"):
        await feed.send("stranger", "pull", task)


# --- refusals: nothing is written by the callback, and pull says why


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


# --- the roster


async def test_the_roster_commits_to_every_registration(feed: Feed, market: Market) -> None:
    chain = await market.node.chain()
    roster = keccak256(chain.to_bytes(32, "big"), bytes(12), bytes.fromhex(feed.address[2:]))
    for number, station in enumerate(STATIONS, 1):
        roster = keccak256(roster, keccak256(f"station-{number}".encode()), bytes(12), bytes.fromhex(station[2:]))
    assert await feed.read("roster") == roster
    assert [await feed.read("number_of", each) for each in (*STATIONS, NOBODY)] == [1, 2, 0]


async def test_only_the_owner_registers_stations_and_each_once(feed: Feed) -> None:
    with pytest.raises(ContractReverted, match="Only the owner"):
        await feed.send("stranger", "register", NOBODY, "mine")
    for station in (STATIONS[0], ZERO_ADDRESS):
        with pytest.raises(ContractReverted, match="registered once"):
            await feed.send("developer", "register", station, "again")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hub": NOBODY}, "no code"),
        ({"broker": ZERO_ADDRESS}, "a broker or a gate"),
        ({"window": 0}, "no length"),
        ({"stale": 2**40}, "too long"),
        ({"app": NOBODY}, None),
    ],
    ids=["hub", "judge", "window", "stale", "app"],
)
async def test_a_feed_that_could_not_work_is_not_deployed(
    market: Market, changes: dict[str, object], reason: str | None
) -> None:
    with pytest.raises(ContractReverted, match=reason):
        await open_feed(market, **changes)


# --- deferred callbacks


async def deferred(feed: Feed, answer: Answer, **changes: object) -> tuple[TaskId, DeferredCallback]:
    attempt = await feed.task(**{"callback": ZERO_ADDRESS} | changes)
    return attempt.task, await publish_deferred(attempt, await feed.data(attempt, answer))


async def test_a_deferred_callback_is_delivered_by_anybody_once(feed: Feed) -> None:
    window = await feed.last_window()
    task, callback = await deferred(feed, Answer(window=window, dqf=64))
    await feed.send("stranger", "deliver", task, COVERED, callback.salt, callback.data)
    assert (await feed.round(window))[4] == 64
    with pytest.raises(ContractReverted, match=r"feed\.7"):
        await feed.send("stranger", "deliver", task, COVERED, callback.salt, callback.data)


async def test_feed_1_data_that_do_not_fit_the_commitment_are_refused(feed: Feed) -> None:
    task, callback = await deferred(feed, Answer(window=await feed.last_window(), dqf=64))
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


# --- gas


async def warm(feed: Feed) -> int:
    """Accept one round, so that the next one is an ordinary one; return its window."""
    window = await feed.last_window()
    await feed.accept(Answer(window=window - 9))
    return window


Record = Callable[[str, object], None]


@pytest.mark.parametrize(("params", "most"), [(0, 85_000), (300, 87_000), (2_000, 99_000)])
async def test_a_round_fits_into_pocos_callback_gas(
    feed: Feed, params: int, most: int, record_property: Record
) -> None:
    window = await warm(feed)
    _, used = await feed.accept_with_gas(Answer(window=window), POCO_GAS, params="x" * params)
    assert await feed.has(window)
    assert used < most
    record_property("gas", f"callback, {params:5} bytes of params: {used}")


@pytest.mark.parametrize("params", [0, 300, 2_000])
async def test_a_round_is_pulled_and_delivered_with_gas_of_the_senders(
    feed: Feed, market: Market, params: int, record_property: Record
) -> None:
    window = await warm(feed)
    await set_callback_gas(market, 20_000)
    task = await feed.accept(Answer(window=window - 1), params="x" * params)
    pulled = await feed.send("stranger", "pull", task)
    task, callback = await deferred(feed, Answer(window=window), params="x" * params)
    delivered = await feed.send("stranger", "deliver", task, COVERED, callback.salt, callback.data)
    assert await feed.has(window - 1)
    assert await feed.has(window)
    record_property("gas", f"pull,     {params:5} bytes of params: {pulled.gas_used}")
    record_property("gas", f"deliver,  {params:5} bytes of params: {delivered.gas_used}")


async def test_a_feeds_first_round_fits_into_pocos_callback_gas(feed: Feed) -> None:
    window = await feed.last_window()
    await feed.accept_with_gas(Answer(window=window), POCO_GAS, params="x" * 300)
    assert await feed.has(window)


async def test_where_pocos_gas_is_too_little_nothing_is_written_and_anybody_pulls(feed: Feed) -> None:
    window = await warm(feed)
    task, used = await feed.accept_with_gas(Answer(window=window), POCO_GAS, params="x" * 4_000)
    assert used == POCO_GAS
    assert not await feed.has(window)
    await feed.send("stranger", "pull", task)
    assert await feed.has(window)


async def test_arbitrums_callback_gas_is_enough_where_pocos_is_not(feed: Feed) -> None:
    window = await warm(feed)
    await feed.accept_with_gas(Answer(window=window), ARBITRUM_GAS, params="x" * 4_000)
    assert await feed.has(window)


async def test_a_worker_cannot_stop_a_round_by_long_results(feed: Feed, market: Market) -> None:
    window = await warm(feed)
    await set_callback_gas(market, POCO_GAS)
    attempt = await feed.task()
    await publish(attempt, await feed.data(attempt, Answer(window=window)), results=b"x" * 6_000)
    assert await feed.has(window)


async def test_a_round_takes_two_fresh_slots(feed: Feed, market: Market) -> None:
    window = await warm(feed)
    await set_callback_gas(market, 1_000)
    task = await feed.accept(Answer(window=window))
    data = FEED.call_data("pull", task)
    call = {"from": market.wallet("stranger").address, "to": feed.address, "data": "0x" + data.hex()}
    options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    changed = await market.node.rpc("debug_traceCall", call, "latest", options)
    before, after = (changed[when][feed.address]["storage"] for when in ("pre", "post"))
    written = {slot: value for slot, value in after.items() if int(value, 16) != 0}
    assert len([slot for slot in written if int(before.get(slot, "0x0"), 16) == 0]) == 2
    assert len(written) == 4
