"""Steps that an external wallet signs: as wallet.js reads them, and only through its script."""

from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.chain.wallet import UnsignedTransaction
from sealgrid.errors import InputRefused
from sealgrid.poco.orders import AppOrder, DatasetOrder, to_document
from sealgrid.sdk.external_wallet import UnsignedOrder
from sealgrid.web.site import Site
from sealgrid.web.wallets.signing_steps import signing_session, step_document
from tests.unit.web.site_scene import OWNER, VISITOR, WALLET


def transaction(**fields: Any) -> UnsignedTransaction:
    # The action is the first field of the step.
    return UnsignedTransaction(
        **{UnsignedTransaction.__struct_fields__[0]: "Depositing", "to": OWNER, "data": b"\x01"} | fields
    )


def test_a_transaction_is_sent_from_the_visitor_without_value(site: Site) -> None:
    document = step_document(site, VISITOR, transaction())
    assert document["transaction"] == {"from": VISITOR, "to": OWNER, "data": "0x01", "value": "0x0"}
    assert (document["action"], document["label"]) == ("send", "Depositing")


def test_a_creation_has_no_receiver(site: Site) -> None:
    document = step_document(site, VISITOR, transaction(to=None, creates=OWNER))
    assert "to" not in document["transaction"]
    assert document["creates"] == OWNER


@pytest.mark.parametrize(
    "order", [AppOrder(app=OWNER, appprice=2), DatasetOrder(dataset=OWNER, datasetprice=2, volume=1)]
)
def test_an_order_is_signed_for_the_hub_and_its_label_has_uses_and_price(
    site: Site, order: AppOrder | DatasetOrder
) -> None:
    document = step_document(site, VISITOR, UnsignedOrder(kind=order.kind, order=to_document(order)))
    assert document["label"] == "Signing the offer of 1 uses at 0.000000002 RLC"
    assert document["typed"]["primaryType"] == type(order).__name__
    assert document["typed"]["domain"]["verifyingContract"] == site.network.hub


async def test_a_wallet_without_its_script_signs_nothing(site: Site) -> None:
    request: Any = SimpleNamespace(cookies=WALLET, headers={})
    with pytest.raises(InputRefused, match="enable scripts"):
        await signing_session(site, request)


async def test_a_visitor_without_a_wallet_signs_nothing(site: Site) -> None:
    request: Any = SimpleNamespace(cookies={}, headers={})
    with pytest.raises(InputRefused, match="no built-in wallet"):
        await signing_session(site, request)
