"""Hashes and signatures of orders, as eth-account computes them."""

import string

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import OrderRefused
from sealgrid.poco.orders import AppOrder, Order, from_document, to_document
from sealgrid.poco.typed_data import OrderDomain, order_hash, order_signer, sign_order
from sealgrid.units import Address, to_digest
from tests.unit.poco.order_scene import DOMAIN, KEY, VALUES, orders

domains = st.builds(OrderDomain, chain=st.integers(1, 2**64), hub=VALUES["address"])


@given(order=orders, domain=domains)
def test_an_orders_hash_equals_eth_accounts(order: Order, domain: OrderDomain) -> None:
    types = {type(order).__name__: [{"type": solidity, "name": name} for solidity, name in order.TYPES]}
    domain_fields = {"name": "iExecODB", "version": "5.0.0", "chainId": domain.chain, "verifyingContract": domain.hub}
    message = encode_typed_data(domain_fields, types, {name: getattr(order, name) for _, name in order.TYPES})
    assert order_hash(order, domain) == to_digest(bytes(_hash_eip191_message(message)))


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


@given(noise=st.text(string.hexdigits, max_size=140))
def test_an_order_without_a_signature_has_no_signer(noise: str) -> None:
    sign = bytes.fromhex(noise[: len(noise) // 2 * 2])
    order = AppOrder(app=Address("0x" + "ab" * 20), sign=sign[:64])
    with pytest.raises(OrderRefused, match="no valid signature"):
        order_signer(order, DOMAIN)
