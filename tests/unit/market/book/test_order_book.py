"""The order book: order, status and offers of orders, compared with a scan of all orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    accounts,
    asset_transferred,
    escrow_transferred,
    funded_ledger,
    hash_of,
    hub_events,
    order_closed,
    order_signed,
    orders,
    orders_matched,
    published_order,
    request,
)

ANY_ASSET = {"apporders": {"app": "any"}, "datasetorders": {"dataset": "any"}}


def book_with(*orders: Order) -> OrderBook:
    book = OrderBook(funded_ledger())
    for number, order in enumerate(orders, start=1):
        book.publish(published_order(order, number, signer=BERT if hasattr(order, "requester") else ANNA, at=number))
    return book


def find(book: OrderBook, kind: Kind, **params: str) -> list[Order]:
    query = filters.parse_order_query(kind, ANY_ASSET.get(kind, {}) | params)
    return [each.order for each in book.find(kind, query.filters, start=query.start, size=query.size)[1]]


def test_offers_come_cheapest_first_and_requests_best_paying_first() -> None:
    book = book_with(*(AppOrder(app=APP, appprice=price) for price in (7, 3, 5)), request(10), request(30), request(20))
    assert [order.appprice for order in find(book, "apporders")] == [3, 5, 7]
    assert [order.workerpoolmaxprice for order in find(book, "requestorders")] == [30, 20, 10]


def test_a_grouped_query_returns_the_oldest_order_of_an_offer_and_the_next_once_that_is_used_up() -> None:
    ledger = funded_ledger()
    book = OrderBook(ledger)
    equal = [
        published_order(AppOrder(app=APP, volume=2, salt=hash_of(number)), number, at=number) for number in (1, 2, 3)
    ]
    for each in (*equal, published_order(AppOrder(app=APP, volume=9, appprice=1), 4, at=0)):
        book.publish(each)

    def offers() -> list[tuple[PublishedOrder, int]]:
        query = filters.parse_order_query("apporders", {"app": APP, "grouped": "true"})
        assert query.offers
        _, found = book.find("apporders", query.filters, start=0, size=10)
        return [(each, book.remaining_of_offer(each)) for each in found if each.order.appprice == 0]

    assert offers() == [(equal[0], 6)]
    book.update(ledger.apply([orders_matched(1, 50, 51, 52, volume=1)]).facts)
    assert offers() == [(equal[0], 5)]
    book.update(ledger.apply([orders_matched(1, 50, 51, 53, volume=1)]).facts)
    assert offers() == [(equal[1], 4)]
    book.withdraw(equal[1].order_hash)
    assert offers() == [(equal[2], 2)]


def test_of_two_orders_at_one_price_the_older_comes_first() -> None:
    book = OrderBook(funded_ledger())
    late, early = published_order(AppOrder(app=APP), 1, at=9), published_order(AppOrder(app=APP), 2, at=4)
    for each in (late, early):
        book.publish(each)
    assert book.find("apporders", (), start=0, size=10) == (2, (early, late))


def test_an_order_is_found_by_its_asset_in_any_letter_case() -> None:
    book = book_with(DatasetOrder(dataset=MODEL, volume=1))
    assert len(find(book, "datasetorders", dataset=MODEL.upper().replace("0X", "0x"))) == 1
    assert find(book, "datasetorders", dataset=APP) == []


def test_a_cancelled_used_up_sold_or_withdrawn_order_is_not_found_and_has_its_status() -> None:
    ledger = funded_ledger()
    book = OrderBook(ledger)
    all_orders = [published_order(AppOrder(app=APP, volume=2, appprice=number), number) for number in (1, 2, 3)]
    all_orders.append(published_order(AppOrder(app=OTHER_APP), 4))
    for each in all_orders:
        book.publish(each)
    events = [
        order_closed(1),
        orders_matched(2, 50, 51, 52, volume=2),
        orders_matched(3, 50, 51, 53, volume=1),
        asset_transferred(OTHER_APP, BERT),
    ]
    book.update(ledger.apply(events).facts)
    statuses = [book.status(each) for each in all_orders]
    assert statuses == [OrderStatus.CANCELED, OrderStatus.FILLED, OrderStatus.OPEN, OrderStatus.DEAD]
    assert [order.appprice for order in find(book, "apporders")] == [3]
    assert book.remaining(all_orders[2]) == 1
    book.withdraw(all_orders[2].order_hash)
    assert find(book, "apporders") == []
    assert book.get("apporders", all_orders[2].order_hash) is None


def test_a_presigned_order_is_open_while_the_chain_has_its_presignature() -> None:
    ledger = funded_ledger()
    book = OrderBook(ledger)
    one = published_order(AppOrder(app=APP), 1, presigned=True)
    book.publish(one)
    assert book.status(one) is OrderStatus.DEAD
    book.update(ledger.apply([order_signed(1, block=2)]).facts)
    assert (book.status(one), book.count("apporders")) == (OrderStatus.OPEN, 1)
    book.update(ledger.roll_back(1).facts)
    assert (book.status(one), book.count("apporders")) == (OrderStatus.DEAD, 0)


def test_a_pool_needs_the_stake_of_one_task_and_a_request_the_price_of_one_task() -> None:
    ledger = funded_ledger()
    book = OrderBook(ledger)
    pool = published_order(WorkerpoolOrder(workerpool=POOL, workerpoolprice=1000), 1)
    demand = published_order(request(100, appmaxprice=10, datasetmaxprice=1), 2, signer=BERT)
    for each in (pool, demand):
        book.publish(each)
    book.update(
        ledger.apply(
            [escrow_transferred(ANNA, ZERO_ADDRESS, 10**9 - 300), escrow_transferred(BERT, ZERO_ADDRESS, 10**9 - 111)]
        ).facts
    )
    assert [book.status(each) for each in (pool, demand)] == [OrderStatus.OPEN, OrderStatus.OPEN]
    book.update(
        ledger.apply([escrow_transferred(ANNA, ZERO_ADDRESS, 1), escrow_transferred(BERT, ZERO_ADDRESS, 1)]).facts
    )
    assert [book.status(each) for each in (pool, demand)] == [OrderStatus.DEAD, OrderStatus.DEAD]
    assert pool_stake(1000) == 300


class ScannedBook:
    """A reference: scans all orders for each query."""

    def __init__(self, book: OrderBook, all_orders: dict[str, PublishedOrder]) -> None:
        self.book, self.all = book, all_orders

    def open(self, kind: Kind) -> list[PublishedOrder]:
        mine = [each for each in self.all.values() if each.kind == kind and self.book.status(each) is OrderStatus.OPEN]
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
        st.tuples(st.just("happens"), hub_events),
    ),
    max_size=25,
)


@given(steps, st.sampled_from([ZERO_ADDRESS, APP, BERT]), st.integers(0, 7), st.integers(1, 4), st.booleans())
def test_after_any_history_the_book_finds_what_a_scan_of_all_orders_finds(
    history: list[tuple], who: str, tag: int, volume: int, strict: bool
) -> None:
    for max_sorted in (0, 500):  # found orders are picked from the ranked list, or sorted
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(order_index, "_MAX_SORTED", max_sorted)
            compare(history, who, tag, volume, strict)


def follow(mirror: dict[str, int], events: tuple[BookEvent, ...]) -> None:
    """Apply events to a mirror of the open orders and their remaining uses."""
    for event in events:
        if isinstance(event, OrderUnavailable):
            del mirror[event.published.order_hash]
        else:
            assert mirror.get(event.published.order_hash) != event.remaining
            mirror[event.published.order_hash] = event.remaining


def check_offers(book: OrderBook, kind: Kind, open_orders: list[PublishedOrder]) -> None:
    """Check that a grouped query returns the oldest order of each offer, with the remaining uses of the offer."""
    offers: dict[object, list[PublishedOrder]] = {}
    for each in open_orders:
        offers.setdefault((each.signer, each.presigned, terms_of(each.order)), []).append(each)
    expected = {
        min(equal, key=lambda each: (each.published_at, each.order_hash)).order_hash: sum(map(book.remaining, equal))
        for equal in offers.values()
    }
    unrestricted = dict.fromkeys(KINDS[kind].restrict, "any")
    query = filters.parse_order_query(kind, ANY_ASSET[kind] | unrestricted | {"grouped": "true", "pageSize": "1000"})
    _, found = book.find(kind, query.filters, start=0, size=1000)
    assert {each.order_hash: book.remaining_of_offer(each) for each in found} == expected


def compare(history: list[tuple], who: str, tag: int, volume: int, strict: bool) -> None:
    ledger = funded_ledger()
    book, all_orders, mirror = OrderBook(ledger), {}, {}
    for what, *rest in history:
        if what == "publish":
            number, order, signer = rest
            if hash_of(number) in all_orders:  # a hash identifies one order
                continue
            each = published_order(order, number, signer=signer, at=number)
            all_orders[each.order_hash] = each
            follow(mirror, book.publish(each))
        elif what == "withdraw":
            all_orders.pop(hash_of(rest[0]), None)
            follow(mirror, book.withdraw(hash_of(rest[0])))
        else:
            follow(mirror, book.update(ledger.apply(rest).facts))
    scanned = ScannedBook(book, all_orders)
    assert mirror == {each.order_hash: book.remaining(each) for kind in KINDS for each in scanned.open(kind)}
    for kind in ("apporders", "datasetorders"):
        check_offers(book, kind, scanned.open(kind))
    params = {
        "requester": who,
        "isRequesterStrict": str(strict).lower(),
        "maxTag": hash_of(tag),
        "minVolume": str(volume),
    }
    query = filters.parse_order_query("apporders", {"app": "any"} | params)
    admitted = {who} if strict else {who, ZERO_ADDRESS}
    expected = [
        each
        for each in scanned.open("apporders")
        if each.order.requesterrestrict in admitted
        and not bits(each.order.tag) & ~tag
        and book.remaining(each) >= volume
    ]
    assert book.find("apporders", query.filters, start=0, size=100) == (len(expected), tuple(expected))
    for kind in ("datasetorders", "workerpoolorders", "requestorders"):
        assert book.find(kind, (), start=0, size=100)[1] == tuple(scanned.open(kind))
        assert book.count(kind) == len(scanned.open(kind))
    for signer in (ANNA, BERT):
        mine = {each.order_hash for each in scanned.open("apporders") if each.signer == signer}
        assert {each.order_hash for each in book.open_orders("apporders", signer)} == mine


@given(st.lists(hub_events, max_size=20), accounts)
def test_a_book_on_another_ledger_equals_a_new_book_on_it(events: list, who: str) -> None:
    first = funded_ledger()
    book, mirror = OrderBook(first), {}
    for number, order in enumerate((AppOrder(app=APP), DatasetOrder(dataset=MODEL, volume=1), request(3)), start=1):
        follow(mirror, book.publish(published_order(order, number, signer=who)))
    follow(mirror, book.update(first.apply(events).facts))
    follow(mirror, book.replace(funded_ledger()))
    fresh, fresh_mirror = OrderBook(funded_ledger()), {}
    for number, order in enumerate((AppOrder(app=APP), DatasetOrder(dataset=MODEL, volume=1), request(3)), start=1):
        follow(fresh_mirror, fresh.publish(published_order(order, number, signer=who)))
    assert mirror == fresh_mirror
    for kind in ("apporders", "datasetorders", "requestorders"):
        assert book.find(kind, (), start=0, size=9) == fresh.find(kind, (), start=0, size=9)
