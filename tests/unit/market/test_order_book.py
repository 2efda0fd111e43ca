import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.market.book import Book, Exhausted, Listed, Published
from sealgrid.market.store import OrderStore
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.units import Address, to_address, to_digest
from sealgrid.wire.market import Kind

APP, MODEL, POOL, ANNA, BERT = (to_address(bytes([number]) * 20) for number in range(1, 6))
KIND_OF: dict[type[Order], Kind] = {
    AppOrder: "apporders",
    DatasetOrder: "datasetorders",
    WorkerpoolOrder: "workerpoolorders",
    RequestOrder: "requestorders",
}


def listed(order: Order, number: int, at: float = 0) -> Listed:
    name = to_digest(number.to_bytes(32, "big"))
    return Listed(kind=KIND_OF[type(order)], order_hash=name, order=order, signer=ANNA, published=at)


def book(*orders: Order) -> Book:
    made = Book()
    for number, order in enumerate(orders):
        made = made.after(Published(listed(order, number)))
    return made


def found(made: Book, kind: Kind, **filters: str) -> list[Order]:
    return [each.order for each in made.find(kind, filters)]


def request(pays: int, **fields: Address) -> RequestOrder:
    return RequestOrder(app=APP, requester=BERT, beneficiary=BERT, workerpoolmaxprice=pays, **fields)


def test_offers_come_cheapest_first_and_requests_best_paying_first() -> None:
    made = book(*(AppOrder(app=APP, appprice=price) for price in (7, 3, 5)), request(10), request(30), request(20))
    assert [order.appprice for order in found(made, "apporders") if isinstance(order, AppOrder)] == [3, 5, 7]
    pays = [order.workerpoolmaxprice for order in found(made, "requestorders") if isinstance(order, RequestOrder)]
    assert pays == [30, 20, 10]


def test_of_two_at_one_price_the_older_comes_first() -> None:
    late, early = listed(AppOrder(app=APP), 1, at=9), listed(AppOrder(app=APP), 2, at=4)
    made = Book().after(Published(late)).after(Published(early))
    assert made.find("apporders", {}) == (early, late)


def test_an_order_is_found_by_its_asset_in_any_letter_case() -> None:
    made = book(DatasetOrder(dataset=MODEL), DatasetOrder(dataset=APP))
    assert found(made, "datasetorders", dataset=MODEL.upper().replace("0X", "0x")) == [DatasetOrder(dataset=MODEL)]


def test_a_restricted_order_is_shown_only_to_whoever_names_what_it_is_restricted_to() -> None:
    order = DatasetOrder(dataset=MODEL, apprestrict=APP)
    made = book(order)
    assert found(made, "datasetorders", dataset=MODEL) == []
    assert found(made, "datasetorders", dataset=MODEL, app=POOL) == []
    assert found(made, "datasetorders", dataset=MODEL, app=APP) == [order]
    assert found(made, "datasetorders", app="any") == [order]


def test_pools_are_found_by_category() -> None:
    made = book(WorkerpoolOrder(workerpool=POOL, category=1), WorkerpoolOrder(workerpool=POOL, category=2))
    assert found(made, "workerpoolorders", category="2") == [WorkerpoolOrder(workerpool=POOL, category=2)]


def test_requests_are_found_by_requester_and_by_the_pool_that_they_admit() -> None:
    anyone, bound = request(1), request(1, workerpool=POOL)
    made = book(anyone, bound)
    assert found(made, "requestorders", requester=BERT) == [anyone]
    assert found(made, "requestorders", workerpool=POOL) == [anyone, bound]
    assert found(made, "requestorders", requester=ANNA) == []


def test_an_unknown_filter_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputRefused, match="cannot be found by colour; use app, dataset"):
        book().find("apporders", {"colour": "red"})


def test_an_order_published_twice_is_listed_once_and_an_exhausted_one_not_at_all() -> None:
    one = listed(AppOrder(app=APP), 1)
    made = Book().after(Published(one)).after(Published(one))
    assert made.find("apporders", {}) == (one,)
    assert made.after(Exhausted(one.order_hash)) == Book()


addresses = st.sampled_from([APP, MODEL, POOL, ANNA, BERT])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
orders = st.one_of(
    st.builds(AppOrder, app=addresses, appprice=st.integers(0, 2**256 - 1), sign=st.binary(max_size=65)),
    st.builds(DatasetOrder, dataset=addresses, apprestrict=addresses),
    st.builds(WorkerpoolOrder, workerpool=addresses, category=st.integers(0, 9)),
    st.builds(RequestOrder, app=addresses, requester=addresses, beneficiary=addresses, params=texts),
)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), orders), max_size=12))
def test_a_market_that_starts_again_has_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, int, Order]]
) -> None:
    path = tmp_path_factory.mktemp("market") / "market.sqlite"
    store, made = OrderStore(path), Book()
    for published, number, order in steps:
        one = listed(order, number, at=float(number))
        event = Published(one) if published else Exhausted(one.order_hash)
        store.keep(event)
        made = made.after(event)
    again = Book()
    for event in store.events():
        again = again.after(event)
    store.close()
    assert again == made
