import pytest
from hypothesis import given as given_examples
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.market.book import filters, order_index
from sealgrid.market.book.order_book import BookEvent, OrderBook, OrderStatus, OrderUnavailable, PublishedOrder
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.poco.constants import pool_stake
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, WorkerpoolOrder, terms_of
from sealgrid.poco.tags import bits
from sealgrid.units import ZERO_ADDRESS
from sealgrid.wire.market import Kind
from tests.unit.market.market_orders import (
    ANNA,
    APP,
    BERT,
    MODEL,
    OTHER_APP,
    POOL,
    closed,
    given,
    happenings,
    listed,
    matched,
    name_of,
    orders,
    paid,
    people,
    request,
    rich,
    signed,
)

WHOSE = {"apporders": {"app": "any"}, "datasetorders": {"dataset": "any"}}


def book(*published: Order) -> OrderBook:
    made = OrderBook(rich())
    for number, order in enumerate(published, start=1):
        made.publish(listed(order, number, signer=BERT if hasattr(order, "requester") else ANNA, at=number))
    return made


def found(made: OrderBook, kind: Kind, **asked: str) -> list[Order]:
    query = filters.parse_order_query(kind, WHOSE.get(kind, {}) | asked)
    return [each.order for each in made.find(kind, query.filters, start=query.start, size=query.size)[1]]


def test_offers_come_cheapest_first_and_requests_best_paying_first() -> None:
    made = book(*(AppOrder(app=APP, appprice=price) for price in (7, 3, 5)), request(10), request(30), request(20))
    assert [order.appprice for order in found(made, "apporders")] == [3, 5, 7]
    assert [order.workerpoolmaxprice for order in found(made, "requestorders")] == [30, 20, 10]


def test_of_equal_orders_a_grouped_look_shows_the_oldest_and_the_next_when_that_is_used_up() -> None:
    ledger = rich()
    made = OrderBook(ledger)
    equal = [listed(AppOrder(app=APP, volume=2, salt=name_of(number)), number, at=number) for number in (1, 2, 3)]
    for each in (*equal, listed(AppOrder(app=APP, volume=9, appprice=1), 4, at=0)):
        made.publish(each)

    def offers() -> list[tuple[PublishedOrder, int]]:
        query = filters.parse_order_query("apporders", {"app": APP, "grouped": "true"})
        assert query.offers
        _, looked = made.find("apporders", query.filters, start=0, size=10)
        return [(each, made.remaining_of_offer(each)) for each in looked if each.order.appprice == 0]

    assert offers() == [(equal[0], 6)]
    made.update(ledger.apply([matched(1, 50, 51, 52, volume=1)]).facts)
    assert offers() == [(equal[0], 5)]
    made.update(ledger.apply([matched(1, 50, 51, 53, volume=1)]).facts)
    assert offers() == [(equal[1], 4)]
    made.withdraw(equal[1].order_hash)
    assert offers() == [(equal[2], 2)]


def test_a_grouped_look_asks_for_no_least_volume() -> None:
    with pytest.raises(InputRefused, match="minVolume applies to single orders"):
        filters.parse_order_query("apporders", {"app": APP, "grouped": "true", "minVolume": "2"})


def test_of_two_at_one_price_the_older_comes_first() -> None:
    made = OrderBook(rich())
    late, early = listed(AppOrder(app=APP), 1, at=9), listed(AppOrder(app=APP), 2, at=4)
    for each in (late, early):
        made.publish(each)
    assert made.find("apporders", (), start=0, size=10) == (2, (early, late))


def test_an_order_is_found_by_its_asset_in_any_letter_case() -> None:
    made = book(DatasetOrder(dataset=MODEL, volume=1))
    assert len(found(made, "datasetorders", dataset=MODEL.upper().replace("0X", "0x"))) == 1
    assert found(made, "datasetorders", dataset=APP) == []


def test_an_order_that_is_cancelled_used_up_sold_or_withdrawn_is_gone_and_says_why() -> None:
    ledger = rich()
    made = OrderBook(ledger)
    all_orders = [listed(AppOrder(app=APP, volume=2, appprice=number), number) for number in (1, 2, 3)]
    all_orders.append(listed(AppOrder(app=OTHER_APP), 4))
    for each in all_orders:
        made.publish(each)
    events = [closed(1), matched(2, 50, 51, 52, volume=2), matched(3, 50, 51, 53, volume=1), given(OTHER_APP, BERT)]
    made.update(ledger.apply(events).facts)
    said = [made.status(each) for each in all_orders]
    assert said == [OrderStatus.CANCELED, OrderStatus.FILLED, OrderStatus.OPEN, OrderStatus.DEAD]
    assert [order.appprice for order in found(made, "apporders")] == [3]
    assert made.remaining(all_orders[2]) == 1
    made.withdraw(all_orders[2].order_hash)
    assert found(made, "apporders") == []
    assert made.get("apporders", all_orders[2].order_hash) is None


def test_an_order_that_was_signed_on_chain_is_open_for_as_long_as_the_chain_has_that_transaction() -> None:
    ledger = rich()
    made = OrderBook(ledger)
    one = listed(AppOrder(app=APP), 1, presigned=True)
    made.publish(one)
    assert made.status(one) is OrderStatus.DEAD
    made.update(ledger.apply([signed(1, block=2)]).facts)
    assert (made.status(one), made.count("apporders")) == (OrderStatus.OPEN, 1)
    made.update(ledger.roll_back(1).facts)
    assert (made.status(one), made.count("apporders")) == (OrderStatus.DEAD, 0)


def test_a_pool_needs_one_tasks_stake_and_a_request_one_tasks_price() -> None:
    ledger = rich()
    made = OrderBook(ledger)
    pool = listed(WorkerpoolOrder(workerpool=POOL, workerpoolprice=1000), 1)
    wanted = listed(request(100, appmaxprice=10, datasetmaxprice=1), 2, signer=BERT)
    for each in (pool, wanted):
        made.publish(each)
    made.update(ledger.apply([paid(ANNA, ZERO_ADDRESS, 10**9 - 300), paid(BERT, ZERO_ADDRESS, 10**9 - 111)]).facts)
    assert [made.status(each) for each in (pool, wanted)] == [OrderStatus.OPEN, OrderStatus.OPEN]
    made.update(ledger.apply([paid(ANNA, ZERO_ADDRESS, 1), paid(BERT, ZERO_ADDRESS, 1)]).facts)
    assert [made.status(each) for each in (pool, wanted)] == [OrderStatus.DEAD, OrderStatus.DEAD]
    assert pool_stake(1000) == 300


class Naive:
    """The book as a list that is looked through: slow, and plainly right."""

    def __init__(self, made: OrderBook, all_orders: dict[str, PublishedOrder]) -> None:
        self.made, self.all = made, all_orders

    def open(self, kind: Kind) -> list[PublishedOrder]:
        mine = [each for each in self.all.values() if each.kind == kind and self.made.status(each) is OrderStatus.OPEN]
        return sorted(mine, key=self.rank)

    @staticmethod
    def rank(each: PublishedOrder) -> tuple[int, int, str]:
        order = each.order
        price = next(
            getattr(order, name)
            for name in ("appprice", "datasetprice", "workerpoolprice", "workerpoolmaxprice")
            if hasattr(order, name)
        )
        return (-price if each.kind == "requestorders" else price, each.published_at, each.order_hash)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 12), orders, st.sampled_from([ANNA, BERT])),
        st.tuples(st.just("withdraw"), st.integers(1, 12)),
        st.tuples(st.just("happens"), happenings),
    ),
    max_size=25,
)


@given_examples(steps, st.sampled_from([ZERO_ADDRESS, APP, BERT]), st.integers(0, 7), st.integers(1, 4), st.booleans())
def test_after_anything_the_book_finds_exactly_what_a_look_through_all_orders_finds(
    history: list[tuple], who: str, tag: int, volume: int, strict: bool
) -> None:
    for sorted_at_most in (0, 500):  # found orders are picked from the list of all, or sorted
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(order_index, "_MAX_SORTED", sorted_at_most)
            compare(history, who, tag, volume, strict)


def follow(told: dict[str, int], events: tuple[BookEvent, ...]) -> None:
    """Keep the open orders and what is left of them as somebody does who hears of events alone."""
    for event in events:
        if isinstance(event, OrderUnavailable):
            del told[event.published.order_hash]
        else:
            assert told.get(event.published.order_hash) != event.remaining
            told[event.published.order_hash] = event.remaining


def expect_offers(made: OrderBook, kind: Kind, open_orders: list[PublishedOrder]) -> None:
    """Expect a grouped look to find the oldest order of each offer, with what is left of the whole offer."""
    offers: dict[object, list[PublishedOrder]] = {}
    for each in open_orders:
        offers.setdefault((each.signer, each.presigned, terms_of(each.order)), []).append(each)
    wanted = {
        min(equal, key=lambda each: (each.published_at, each.order_hash)).order_hash: sum(map(made.remaining, equal))
        for equal in offers.values()
    }
    anybody = dict.fromkeys(KINDS[kind].restrict, "any")
    query = filters.parse_order_query(kind, WHOSE[kind] | anybody | {"grouped": "true", "pageSize": "1000"})
    _, looked = made.find(kind, query.filters, start=0, size=1000)
    assert {each.order_hash: made.remaining_of_offer(each) for each in looked} == wanted


def compare(history: list[tuple], who: str, tag: int, volume: int, strict: bool) -> None:
    ledger = rich()
    made, all_orders, told = OrderBook(ledger), {}, {}
    for what, *rest in history:
        if what == "publish":
            number, order, signer = rest
            if name_of(number) in all_orders:  # a hash names one order for ever
                continue
            each = listed(order, number, signer=signer, at=number)
            all_orders[each.order_hash] = each
            follow(told, made.publish(each))
        elif what == "withdraw":
            all_orders.pop(name_of(rest[0]), None)
            follow(told, made.withdraw(name_of(rest[0])))
        else:
            follow(told, made.update(ledger.apply(rest).facts))
    naive = Naive(made, all_orders)
    assert told == {each.order_hash: made.remaining(each) for kind in KINDS for each in naive.open(kind)}
    for kind in ("apporders", "datasetorders"):
        expect_offers(made, kind, naive.open(kind))
    asked = {
        "requester": who,
        "isRequesterStrict": str(strict).lower(),
        "maxTag": name_of(tag),
        "minVolume": str(volume),
    }
    query = filters.parse_order_query("apporders", {"app": "any"} | asked)
    admitted = {who} if strict else {who, ZERO_ADDRESS}
    expected = [
        each
        for each in naive.open("apporders")
        if each.order.requesterrestrict in admitted
        and not bits(each.order.tag) & ~tag
        and made.remaining(each) >= volume
    ]
    assert made.find("apporders", query.filters, start=0, size=100) == (len(expected), tuple(expected))
    for kind in ("datasetorders", "workerpoolorders", "requestorders"):
        assert made.find(kind, (), start=0, size=100)[1] == tuple(naive.open(kind))
        assert made.count(kind) == len(naive.open(kind))
    for signer in (ANNA, BERT):
        mine = {each.order_hash for each in naive.open("apporders") if each.signer == signer}
        assert {each.order_hash for each in made.open_orders("apporders", signer)} == mine


@given_examples(st.lists(happenings, max_size=20), people)
def test_a_book_on_another_ledger_is_as_if_it_never_knew_the_first(events: list, who: str) -> None:
    first = rich()
    made, told = OrderBook(first), {}
    for number, order in enumerate((AppOrder(app=APP), DatasetOrder(dataset=MODEL, volume=1), request(3)), start=1):
        follow(told, made.publish(listed(order, number, signer=who)))
    follow(told, made.update(first.apply(events).facts))
    follow(told, made.replace(rich()))
    fresh, afresh = OrderBook(rich()), {}
    for number, order in enumerate((AppOrder(app=APP), DatasetOrder(dataset=MODEL, volume=1), request(3)), start=1):
        follow(afresh, fresh.publish(listed(order, number, signer=who)))
    assert told == afresh
    for kind in ("apporders", "datasetorders", "requestorders"):
        assert made.find(kind, (), start=0, size=9) == fresh.find(kind, (), start=0, size=9)
