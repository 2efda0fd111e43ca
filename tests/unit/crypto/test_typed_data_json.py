"""What a wallet is shown has exactly the digest that we sign and verify ourselves."""

from typing import Any

import msgspec
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from sealgrid.attestation.policy import Allowance, Machines, Platform, Policy
from sealgrid.crypto.signing import Domain, ExternalKey, SigningKey
from sealgrid.crypto.typed_data_json import wallet_typed_data
from sealgrid.poco.constants import ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION
from sealgrid.poco.orders import AppOrder, DatasetOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash, order_signer
from sealgrid.wire import challenge

KEY = SigningKey.from_bytes(b"\7" * 32)
HUB = "0x" + "ab" * 20


def signed_by_a_wallet(form: dict[str, Any]) -> bytes:
    return bytes(Account.sign_message(encode_typed_data(full_message=form), KEY.secret).signature)


addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
digests = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
numbers = st.integers(0, 2**256 - 1)


@given(addresses, numbers, numbers, digests)
def test_an_order_that_a_wallet_signed_is_its_owners(asset, price, uses, salt):
    domain = OrderDomain(chain=31337, hub=HUB)
    for order in (
        AppOrder(app=asset, appprice=price, volume=uses, salt=salt),
        DatasetOrder(dataset=asset, datasetprice=price, volume=uses, salt=salt),
    ):
        form = wallet_typed_data(order, name=ORDER_DOMAIN_NAME, version=ORDER_DOMAIN_VERSION, chain=31337, contract=HUB)
        signed = msgspec.structs.replace(order, sign=signed_by_a_wallet(form))
        assert order_signer(signed, domain) == KEY.address
        assert order_hash(signed, domain) == order_hash(order, domain)


lists = st.lists(addresses, max_size=3)


@given(addresses, st.lists(digests, max_size=3), lists, st.lists(st.text(max_size=9)), st.sampled_from([UNSET, True]))
def test_a_policy_that_a_wallet_signed_is_its_owners(asset, apps, refused, denied, proved):
    policy = Policy(
        asset=asset,
        owner=KEY.address,
        version=2,
        expiry=2**64 - 1,
        refused=tuple(refused),
        allowed=tuple(
            Allowance(app=app, runtime=app, platform=Platform.TDX, output_bytes=2**63, callback=True) for app in apps
        ),
        machines=Machines(denied=tuple(denied)),
        uses_per_requester_hour=7,
        proved=proved,
    )
    domain = Domain(chain=31337, broker=HUB)
    form = wallet_typed_data(policy, name="Sealgrid", version="1", chain=31337, contract=HUB)
    assert policy.signer(domain, signed_by_a_wallet(form)) == KEY.address


def test_a_challenge_that_a_wallet_signed_is_the_one_that_we_answer():
    sentence = challenge.SENTENCE + "00"
    assert signed_by_a_wallet(challenge.typed_data(31337, sentence)) == challenge.answer(31337, sentence, KEY).signature


def test_a_key_that_is_elsewhere_signs_nothing():
    assert ExternalKey(KEY.address).sign(b"\0" * 32) == b""
