"""A requester accepts a receipt as its own only with the order and signature that it sent."""

import pytest

from sealgrid.errors import ReceiptRefused
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.sdk.operations.fetch_receipt import check_own
from tests.unit.receipts.receipt_scene import BUYER, ORDER, ORDERS, SIGNED, STRANGER, Job, alter


def test_a_receipt_with_the_signed_order_is_accepted():
    check_own(Job().envelope(), SIGNED, ORDERS)


@pytest.mark.parametrize("kind", ["presigned", "contract"])
def test_20_the_vaults_statement_does_not_replace_the_requesters_signature(kind):
    with pytest.raises(ReceiptRefused, match="only the vaults' statement") as caught:
        check_own(Job(signature=kind).envelope(), SIGNED, ORDERS)
    assert caught.value.check == "20"


def test_20_a_receipt_of_another_order_is_refused_for_every_signer():
    other = alter(ORDER, {"volume": 8})
    for shown in (other, sign_order(other, ORDERS, BUYER), sign_order(other, ORDERS, STRANGER)):
        with pytest.raises(ReceiptRefused, match="another order"):
            check_own(Job(body={"request": RequestDocument.of(shown)}).envelope(), SIGNED, ORDERS)


@pytest.mark.parametrize("sign", [b"", b"what only a contract understands"])
def test_an_order_that_was_signed_elsewhere_is_compared_and_its_signature_is_not(sign):
    check_own(Job(signature="contract").envelope(), alter(ORDER, {"sign": sign}), ORDERS)
