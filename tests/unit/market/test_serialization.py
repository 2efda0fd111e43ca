"""JSON of orders and numbers, as iExec's market writes it."""

from sealgrid.crypto.eip55 import checksum_address
from sealgrid.market.book.order_book import OrderStatus
from sealgrid.market.serialization import amount, open_order, timestamp
from sealgrid.poco.orders import BULK_VOLUME, DatasetOrder, RequestOrder, from_document
from tests.unit.market.market_orders import ANNA, APP, MODEL, published_order


def test_amounts_and_times_are_exact_in_javascript() -> None:
    assert (amount(2**53 - 1), amount(2**53)) == (2**53 - 1, "9007199254740992")
    assert timestamp(1_568_196_218_068) == "2019-09-11T10:03:38.068Z"


def test_a_written_order_is_parsed_to_the_same_order() -> None:
    order = RequestOrder(app=APP, requester=ANNA, beneficiary=ANNA, appmaxprice=2**200, params="{}", sign=b"\x01\x02")
    document = open_order(published_order(order, 1), 1, OrderStatus.OPEN, 31337).order
    assert from_document(RequestOrder, document) == order
    assert document["app"] == checksum_address(APP)


def test_only_dataset_orders_have_a_bulk_mark() -> None:
    free = DatasetOrder(dataset=MODEL, volume=BULK_VOLUME)
    paid = DatasetOrder(dataset=MODEL, volume=BULK_VOLUME, datasetprice=1)
    request = RequestOrder(app=APP, requester=ANNA, beneficiary=ANNA)
    marks = [open_order(published_order(each, 1), 1, OrderStatus.OPEN, 1).bulk for each in (free, paid, request)]
    assert marks == [True, False, None]
