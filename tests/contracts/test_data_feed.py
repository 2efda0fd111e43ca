"""The data feed on real PoCo: rounds in any order, and the roster of stations."""

from collections.abc import Callable

import pytest

from sealgrid.chain.anvil import advance
from sealgrid.chain.data_feed import DataFeed
from sealgrid.crypto.digests import keccak256
from sealgrid.errors import ContractReverted, NotFound
from sealgrid.units import ZERO_ADDRESS, to_address
from tests.contracts.feed_scene import (
    FEED,
    STALE,
    STATIONS,
    WINDOW,
    Answer,
    Feed,
    open_feed,
    open_pretender,
    publish,
)
from tests.contracts.scene import APP_DIGEST, DATASET_CHECKSUM, Market

pytestmark = pytest.mark.chain
NOBODY = to_address(b"\x66" * 20)


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
