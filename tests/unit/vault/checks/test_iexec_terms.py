"""Deals in iExec's format: which get a pushed key, and how their results are sealed."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_utils import keccak

from sealgrid.attestation.facts import parse_facts
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.chain.views import ResourceView
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.vault.checks.entitlement import OUTPUT_BYTES_WITHOUT_POLICY, check_params, entitle
from sealgrid.vault.checks.iexec_terms import MatchedSale, make_sale
from sealgrid.wire.iexec_sms import RegisteredResultKey
from tests.unit.vault.vault_scene import (
    APP,
    CHAIN,
    DATASET,
    HUB,
    MODEL_KEY,
    NOW,
    REQUESTER,
    SNAPSHOT,
    STORED_KEYS,
    STRANGER,
    attested,
    deal,
    facts,
    policy,
    snapshot,
)

DOMAIN = OrderDomain(chain=CHAIN, hub=HUB)
ORDER = DatasetOrder(dataset=DATASET, datasetprice=5, volume=10, apprestrict=APP)
VALUE_HASH = to_digest(b"\x61" * 32)
PUSHED = replace(MODEL_KEY.stored_share("iexec"), value_hash=VALUE_HASH)
IEXEC_PARAMS = {"iexec_args": "--fast", "iexec_result_storage_provider": "ipfs"}


def sold(order: DatasetOrder = ORDER) -> MatchedSale:
    """The sale of a deal that really was matched from this order."""
    return make_sale(order, DOMAIN, order_hash(order, DOMAIN))


KEYS = replace(STORED_KEYS, dataset=PUSHED, policy=None, inputs={}, sale=sold())


def of_iexec(more: dict[str, Any] | None = None, **changes: Any) -> Any:
    return snapshot(deal=deal(params=json.dumps(IEXEC_PARAMS | (more or {})), **changes))


def decide(chain: Any, keys: Any = KEYS) -> Any:
    return entitle(attested(), chain, check_params(chain.deal), keys, at=NOW)


def refused(number: str, chain: Any, keys: Any = KEYS) -> None:
    with pytest.raises(ReleaseRefused) as caught:
        decide(chain, keys)
    assert caught.value.check == number


def test_a_deal_by_an_order_that_names_its_app_gets_the_key_and_an_unsealed_result() -> None:
    granted = decide(of_iexec())
    assert granted.shares == (PUSHED,)
    assert (granted.release, granted.output_bytes) == ("direct", OUTPUT_BYTES_WITHOUT_POLICY)
    signed_facts = facts(of_iexec(), KEYS)
    assert (signed_facts.result_key, signed_facts.secrets[0].kind, signed_facts.secrets[0].value) == (
        NO_RESULT_KEY,
        "iexec",
        VALUE_HASH,
    )
    assert parse_facts(signed_facts.encode()) == signed_facts


def test_such_a_dataset_may_be_used_by_our_own_client_too_whose_result_opens_at_once() -> None:
    chain = replace(SNAPSHOT, deal=deal(params=json.dumps({"sealgrid": {"result_key": "0x" + "11" * 32}})))
    assert decide(chain).release == "direct"


def test_11_without_the_matched_order_nothing_is_released() -> None:
    refused("7.11", of_iexec(), replace(KEYS, sale=None))
    refused("7.11", of_iexec(), replace(KEYS, sale=make_sale(ORDER, DOMAIN, None)))


def test_11_another_order_of_the_same_owner_does_not_stand_for_the_matched_one() -> None:
    open_to_all = replace_order(apprestrict=ZERO_ADDRESS)
    refused("7.11", of_iexec(), replace(KEYS, sale=make_sale(ORDER, DOMAIN, order_hash(open_to_all, DOMAIN))))


def test_11_the_order_of_another_hub_does_not_stand_for_ours() -> None:
    there = OrderDomain(chain=CHAIN, hub=STRANGER.address)
    refused("7.11", of_iexec(), replace(KEYS, sale=make_sale(ORDER, DOMAIN, order_hash(ORDER, there))))


def test_12_an_order_that_is_open_to_any_app_is_refused() -> None:
    refused("7.12", of_iexec(), replace(KEYS, sale=sold(replace_order(apprestrict=ZERO_ADDRESS))))


def test_12_an_order_for_another_app_or_a_group_is_refused() -> None:
    refused("7.12", of_iexec(), replace(KEYS, sale=sold(replace_order(apprestrict=STRANGER.address))))


def test_12_an_order_about_another_dataset_is_refused() -> None:
    refused("7.12", of_iexec(), replace(KEYS, sale=sold(replace_order(dataset=STRANGER.address))))


def test_20_a_deal_that_a_former_owner_sold_does_not_get_the_present_owners_key() -> None:
    # Bob pushed his key, sold the dataset to Mallory, who matched an order of hers, and bought it back.
    refused("7.20", of_iexec(dataset=ResourceView(DATASET, STRANGER.address, 5)))


def test_3_a_callback_would_publish_results_and_is_refused() -> None:
    refused("7.3", of_iexec(callback=STRANGER.address))


def test_13_another_storage_than_ipfs_is_refused_before_a_key_is_given() -> None:
    refused("7.13", of_iexec({"iexec_result_storage_provider": "dropbox"}))


def test_8_files_by_url_stay_refused() -> None:
    refused("7.8", of_iexec({"iexec_input_files": ["https://example.org/a"]}))


def test_14_a_dataset_with_a_policy_is_never_used_for_an_unsealed_result() -> None:
    refused("7.14", of_iexec(), replace(STORED_KEYS, inputs={}))
    refused("7.14", of_iexec(), replace(STORED_KEYS, inputs={}, policy=policy(release=1)))


def test_a_policy_does_not_stand_for_the_order_of_a_pushed_key() -> None:
    refused("7.11", of_iexec(), replace(KEYS, policy=policy(), sale=None))


def test_a_deal_without_a_dataset_needs_no_order() -> None:
    bare = replace(of_iexec(dataset=ResourceView(ZERO_ADDRESS, ZERO_ADDRESS, 0)), dataset=None)
    granted = decide(bare, replace(KEYS, dataset=None, sale=None))
    assert (granted.shares, granted.release) == ((), "direct")


def replace_order(**changes: Any) -> DatasetOrder:
    return DatasetOrder(**{"dataset": DATASET, "datasetprice": 5, "volume": 10, "apprestrict": APP} | changes)


ENCRYPTED = {"iexec_result_encryption": True}


def pem(bits: int = 2048) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).decode()


VALUE = pem()


def registered(
    value: str = VALUE, by: Any = REQUESTER, owner: Any = REQUESTER, name: str = RESULT_KEY_NAME
) -> RegisteredResultKey:
    digest = named_secret_digest(owner.address, name, to_digest(keccak(value.encode())))
    return RegisteredResultKey(owner=owner.address, value=value, signature=by.sign(digest))


def shown(key: RegisteredResultKey | None) -> Any:
    return replace(KEYS, rsa=key)


def test_facts_name_the_key_that_the_beneficiary_registered() -> None:
    signed_facts = facts(of_iexec(ENCRYPTED), shown(registered()))
    assert (signed_facts.result_key, signed_facts.release) == (to_digest(keccak(VALUE.encode())), "direct")


def test_without_the_encryption_param_the_result_is_public_whatever_key_was_sent() -> None:
    assert decide(of_iexec(), shown(registered())).result_key == NO_RESULT_KEY


def test_15_without_the_key_nothing_is_released() -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(None))


def test_15_a_key_of_another_account_is_refused() -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(by=STRANGER, owner=STRANGER)))
    refused("7.15", of_iexec(ENCRYPTED, beneficiary=STRANGER.address), shown(registered()))


def test_15_a_key_that_the_beneficiary_did_not_sign_is_refused() -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(by=STRANGER)))
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(name="another name")))
    signature = registered().signature
    refused(
        "7.15",
        of_iexec(ENCRYPTED),
        shown(RegisteredResultKey(owner=REQUESTER.address, value=pem(), signature=signature)),
    )


@pytest.mark.parametrize("value", ["", "no key", pem(1024)], ids=["nothing", "no key", "1024 bits"])
def test_15_a_signed_value_that_is_no_key_to_encrypt_for_is_refused(value: str) -> None:
    refused("7.15", of_iexec(ENCRYPTED), shown(registered(value)))


def test_a_deal_that_names_our_result_key_is_sealed_to_that_one() -> None:
    both = '{"sealgrid":{"result_key":"0x' + "11" * 32 + '"},"iexec_result_encryption":true}'
    assert decide(snapshot(deal=deal(params=both)), shown(None)).result_key == "0x" + "11" * 32
