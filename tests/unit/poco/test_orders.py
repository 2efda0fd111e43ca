"""An order's hash is what eth-account and the hub's own type hashes say it is."""

import string

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import OrderRefused
from sealgrid.poco.orders import (
    AppOrder,
    DatasetOrder,
    Order,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
    to_document,
)
from sealgrid.poco.typed_data import OrderDomain, order_hash, order_signer, sign_order
from sealgrid.units import Address, to_address, to_digest

KINDS = (AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder)
PUBLISHED = {AppOrder: "60815a0e", DatasetOrder: "6cfc932a", WorkerpoolOrder: "aa3429fb", RequestOrder: "f24e8530"}
DOMAIN = OrderDomain(chain=31337, hub=Address("0x" + "12" * 20))
KEY = SigningKey.from_bytes(b"\x21" * 32)
VALUES = {
    "address": st.binary(min_size=20, max_size=20).map(to_address),
    "bytes32": st.binary(min_size=32, max_size=32).map(to_digest),
    "uint256": st.integers(0, 2**256 - 1),
    "string": st.text(st.characters(codec="utf-8")),
}
domains = st.builds(OrderDomain, chain=st.integers(1, 2**64), hub=VALUES["address"])
orders = st.one_of(
    *(st.builds(kind, **{name: VALUES[solidity] for solidity, name in kind.TYPES}, sign=st.just(b"")) for kind in KINDS)
)


@given(order=orders, domain=domains)
def test_an_orders_hash_equals_eth_accounts(order: Order, domain: OrderDomain) -> None:
    types = {type(order).__name__: [{"type": solidity, "name": name} for solidity, name in order.TYPES]}
    where = {"name": "iExecODB", "version": "5.0.0", "chainId": domain.chain, "verifyingContract": domain.hub}
    message = encode_typed_data(where, types, {name: getattr(order, name) for _, name in order.TYPES})
    assert order_hash(order, domain) == to_digest(bytes(_hash_eip191_message(message)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_hash_is_the_published_one(kind: type[Order]) -> None:
    text = f"{kind.__name__}({','.join(f'{solidity} {name}' for solidity, name in kind.TYPES)})"
    assert keccak256(text.encode()).hex().startswith(PUBLISHED[kind])


@given(order=orders)
def test_a_signed_order_names_its_signer_and_keeps_its_hash(order: Order) -> None:
    signed = sign_order(order, DOMAIN, KEY)
    assert order_signer(signed, DOMAIN) == KEY.address
    assert order_hash(signed, DOMAIN) == order_hash(order, DOMAIN)


@given(order=orders, data=st.data())
def test_a_changed_field_changes_the_hash_and_the_signer(order: Order, data: st.DataObject) -> None:
    document = to_document(sign_order(order, DOMAIN, KEY))
    solidity, name = data.draw(st.sampled_from(order.TYPES))
    value = data.draw(VALUES[solidity].filter(lambda value: str(value) != document[name]))
    changed = from_document(type(order), document | {name: str(value)})
    assert order_hash(changed, DOMAIN) != order_hash(order, DOMAIN)
    assert order_signer(changed, DOMAIN) != KEY.address


@given(order=orders)
def test_an_order_survives_the_market(order: Order) -> None:
    signed = sign_order(order, DOMAIN, KEY)
    assert from_document(type(order), to_document(signed)) == signed


def test_addresses_are_read_in_any_letter_case() -> None:
    document = to_document(AppOrder(app=Address("0x" + "ab" * 20)))
    shouted = document | {"app": "0x" + "AB" * 20}
    assert from_document(AppOrder, shouted) == from_document(AppOrder, document)


@pytest.mark.parametrize(
    "change",
    [
        {"app": "0x12"},
        {"appprice": "-1"},
        {"appprice": "1e3"},
        {"appprice": "0x10"},
        {"appprice": "²"},
        {"appprice": str(2**256)},
        {"appprice": "9" * 5000},
        {"salt": "0x00"},
        {"sign": "0xzz"},
        {"extra": "1"},
    ],
)
def test_an_order_that_cannot_be_read_is_refused(change: dict[str, str]) -> None:
    document = to_document(AppOrder(app=Address("0x" + "ab" * 20)))
    with pytest.raises(OrderRefused):
        from_document(AppOrder, document | change)


def test_an_order_with_a_missing_field_is_refused() -> None:
    document = to_document(AppOrder(app=Address("0x" + "ab" * 20)))
    del document["salt"]
    with pytest.raises(OrderRefused, match="salt"):
        from_document(AppOrder, document)


@given(noise=st.text(string.hexdigits, max_size=140))
def test_an_order_without_a_signature_has_no_signer(noise: str) -> None:
    sign = bytes.fromhex(noise[: len(noise) // 2 * 2])
    order = AppOrder(app=Address("0x" + "ab" * 20), sign=sign[:64])
    with pytest.raises(OrderRefused, match="no valid signature"):
        order_signer(order, DOMAIN)


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (AppOrder(app=KEY.address, appprice=4, sign=b"s"), "apporders"),
        (DatasetOrder(dataset=KEY.address, datasetprice=4, sign=b"s"), "datasetorders"),
        (WorkerpoolOrder(workerpool=KEY.address, workerpoolprice=4, sign=b"s"), "workerpoolorders"),
    ],
)
def test_an_order_names_its_kind_its_asset_and_its_price(
    order: AppOrder | DatasetOrder | WorkerpoolOrder, kind: str
) -> None:
    assert (order.kind, order.asset, order.price) == (kind, KEY.address, 4)
    again = order.with_price(7)
    assert (again.price, again.sign, again.asset) == (7, b"", KEY.address)
