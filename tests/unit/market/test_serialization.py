"""JSON of orders and numbers, as iExec's market writes it."""

import pytest

from sealgrid.market.book.order_book import OrderStatus
from sealgrid.market.serialization import amount, mixed_case, open_order, timestamp
from sealgrid.poco.orders import BULK_VOLUME, DatasetOrder, RequestOrder, from_document
from sealgrid.units import Address
from tests.unit.market.market_orders import ANNA, APP, MODEL, published_order


@pytest.mark.parametrize(
    "written",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_addresses_have_the_checksum_of_eip_55(written: str) -> None:
    assert mixed_case(Address(written.lower())) == written


def test_amounts_and_times_are_exact_in_javascript() -> None:
    assert (amount(2**53 - 1), amount(2**53)) == (2**53 - 1, "9007199254740992")
    assert timestamp(1_568_196_218_068) == "2019-09-11T10:03:38.068Z"


def test_a_written_order_is_parsed_to_the_same_order() -> None:
    order = RequestOrder(app=APP, requester=ANNA, beneficiary=ANNA, appmaxprice=2**200, params="{}", sign=b"\x01\x02")
    document = open_order(published_order(order, 1), 1, OrderStatus.OPEN, 31337).order
    assert from_document(RequestOrder, document) == order
    assert document["app"] == mixed_case(APP)


def test_only_dataset_orders_have_a_bulk_mark() -> None:
    free = DatasetOrder(dataset=MODEL, volume=BULK_VOLUME)
    paid = DatasetOrder(dataset=MODEL, volume=BULK_VOLUME, datasetprice=1)
    request = RequestOrder(app=APP, requester=ANNA, beneficiary=ANNA)
    marks = [open_order(published_order(each, 1), 1, OrderStatus.OPEN, 1).bulk for each in (free, paid, request)]
    assert marks == [True, False, None]
