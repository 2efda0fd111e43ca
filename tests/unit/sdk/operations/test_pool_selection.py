"""Pools of a run: pinned ones, named ones, or the best on the market, with the reason for the choice."""

from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.sdk.network import Network, PinnedPool
from sealgrid.sdk.operations.pool_selection import (
    MAX_POOLS,
    WINDOW_DAYS,
    PoolCandidate,
    PoolRecord,
    candidates,
    pools_named,
    ranked,
    record_of,
)
from sealgrid.units import to_address, to_digest
from sealgrid.wire.market import MarketClient

PINNED, STRANGER, OTHER = (to_address(bytes([n]) * 20) for n in range(1, 4))
RLC = 10**9
NOW, DAY = 10**9, 24 * 3600


def network(*pools: PinnedPool):
    return SimpleNamespace(pools=pools, workerpool=PINNED, name="local")


def order(pool, price):
    return WorkerpoolOrder(workerpool=pool, workerpoolprice=price, volume=10**9)


def test_a_run_goes_to_the_pools_that_the_network_file_pins_unless_another_is_named():
    two = network(PinnedPool(PINNED, "mine"), PinnedPool(OTHER, "yours"))
    assert pools_named(two, None) == pools_named(two, "") == (PINNED, OTHER)
    assert pools_named(two, "yours") == (OTHER,)
    assert pools_named(two, STRANGER.upper().replace("0X", "0x")) == (STRANGER,)
    assert pools_named(two, "any") is None


def test_a_network_file_from_before_pools_were_pinned_means_its_own_pool():
    assert pools_named(network(), None) == (PINNED,)
    assert "pools" in {field.name for field in msgspec.structs.fields(Network) if not field.required}


def test_a_pools_name_counts_only_as_the_network_file_has_it():
    with pytest.raises(InputRefused, match=r"pins no pool called 'fast and free'; it has mine\. Give a pool's address"):
        pools_named(network(PinnedPool(PINNED, "mine")), "fast and free")


NEW = PoolRecord()


def found(pool, price, record=NEW, *, pinned=False):
    return PoolCandidate(order(pool, price), record, pinned)


GOOD = PoolRecord(10, 9)


@pytest.mark.parametrize(
    ("others", "why"),
    [
        pytest.param([found(STRANGER, 0)], "succeeded lately, or is pinned", id="free, without a record"),
        pytest.param([found(STRANGER, 0, GOOD)], "succeeded lately, or is pinned", id="free, so without a stake"),
        pytest.param([found(STRANGER, 3, GOOD)], "succeeded lately, or is pinned", id="a price whose 30 % is nothing"),
        pytest.param([found(STRANGER, RLC)], "succeeded lately, or is pinned", id="a stake and no record"),
        pytest.param(
            [found(STRANGER, RLC, PoolRecord(10, 4))], "or is pinned", id="most of its deals did not end well"
        ),
        pytest.param([found(STRANGER, 3 * RLC, GOOD)], "or is pinned", id="good and dearer"),
    ],
)
def test_with_any_pool_allowed_a_good_one_comes_before_a_cheap_one(others, why):
    best, reason = ranked([*others, found(PINNED, 2 * RLC, GOOD, pinned=True)])[0]
    assert best.order.workerpool == PINNED
    assert why in reason
    assert reason.endswith("it locks 0.6 RLC for a task and completed 9 of its 10 latest deals in 7 days")


def test_a_cheaper_pool_with_a_stake_and_success_is_taken_before_the_pinned_one():
    best, _ = ranked([found(STRANGER, RLC, GOOD), found(PINNED, 2 * RLC, GOOD, pinned=True)])[0]
    assert best.order.workerpool == STRANGER


def test_a_pinned_pool_that_is_new_is_taken_before_an_unknown_one():
    best, reason = ranked([found(STRANGER, 0), found(PINNED, 2 * RLC, pinned=True)])[0]
    assert best.order.workerpool == PINNED
    assert "pinned by the network file" in reason


def test_a_pool_without_a_good_record_is_not_chosen_silently():
    best, reason = ranked([found(STRANGER, 0), found(OTHER, RLC)])[0]
    assert best.order.workerpool == OTHER, "one with a stake before a free one"
    assert "without a good record" in reason
    assert "it locks 0.3 RLC for a task and completed 0 of its 0 latest deals" in reason
    assert "it locks no stake" in ranked([found(STRANGER, 0)])[0][1]


class Chain:
    """A market that names deals, and a hub that knows some of them."""

    def __init__(self, deals, named, *, away=False) -> None:
        self.deals, self.named, self.away, self.reads = deals, named, away, 0

    async def request(self, method, path, body=b"", headers=None):
        self.reads += 1
        if self.away:
            raise ServiceUnavailable("the market does not answer.")
        assert "/deals?" in path
        return msgspec.json.encode({"ok": True, "count": 1, "deals": [{"dealid": deal} for deal in self.named]})

    async def block(self):
        return SimpleNamespace(timestamp=NOW)

    async def view_deal(self, deal):
        if deal not in self.deals:
            raise NotFound("no such deal.")
        pool, start, _ = self.deals[deal]
        return SimpleNamespace(workerpool=SimpleNamespace(pointer=pool), start_time=start, bot_first=3)

    async def view_task(self, task):
        status = next(status for deal, (_, _, status) in self.deals.items() if task_id(deal, 3) == task)
        return SimpleNamespace(status=status)

    def conn(self):
        return SimpleNamespace(
            market=MarketClient(self, 31337), node=self, hub=self, network=network(PinnedPool(PINNED, "local"))
        )


A, B, C, D = (to_digest(bytes([n]) * 32) for n in range(4))


async def test_a_record_is_read_from_the_chain_for_the_deals_that_the_market_lists():
    deals = {
        A: (STRANGER, NOW - DAY, TaskStatus.COMPLETED),
        B: (STRANGER, NOW - DAY, TaskStatus.ACTIVE),
        C: (OTHER, NOW, TaskStatus.COMPLETED),  # another pool's success
        D: (STRANGER, NOW - (WINDOW_DAYS * DAY) - 1, TaskStatus.COMPLETED),  # long ago
    }
    invented = to_digest(b"\xee" * 32)
    chain = Chain(deals, [A, B, C, D, invented, "0xno-deal"])
    assert await record_of(chain.conn(), STRANGER) == PoolRecord(deals=2, completed=1)


async def test_without_the_market_a_record_is_empty():
    assert await record_of(Chain({}, [], away=True).conn(), STRANGER) == PoolRecord()


async def test_a_flood_of_free_pools_neither_costs_many_reads_nor_displaces_the_pinned_one():
    flood = [order(to_address(n.to_bytes(20, "big")), 0) for n in range(100, 300)]
    chain = Chain({}, [])
    found_pools = await candidates(chain.conn(), [*flood, order(PINNED, RLC)])
    assert len(found_pools) == chain.reads == MAX_POOLS + 1
    assert ranked(found_pools)[0][0].order.workerpool == PINNED
