"""Verification of the requester's order, even against all vaults together: checks (13) to (15) of ``obtain``."""

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealgrid.attestation.facts import BulkFact
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.enclave.protocol.attest import TrustedVaults
from sealgrid.enclave.protocol.release import check_request, obtain
from sealgrid.errors import EvidenceRefused
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.relay import RelayWelcome
from tests.unit.enclave.protocol.release_scene import KEYS, LAUNCH, SESSION, obtain_keys
from tests.unit.vault import vault_scene as scene

replace = msgspec.structs.replace
THIEF = HpkeKey.from_bytes(b"\x66" * 32)
FACTS = scene.facts()
OTHER = to_digest(b"\xee" * 32)


def welcome(order: RequestOrder | None = scene.ORDER, **more):
    document = None if order is None else RequestDocument.of(order)
    return RelayWelcome(authorization=scene.authorization(), request=document, **more)


def refused(number, facts=FACTS, relayed=None):
    with pytest.raises(EvidenceRefused) as caught:
        check_request(relayed or welcome(), facts)
    assert caught.value.check == number
    return caught.value.message


def test_the_terms_of_a_job_are_those_of_the_signed_order():
    verified = check_request(welcome(), FACTS)
    assert (verified.order, verified.signature) == (scene.ORDER, "eoa")
    assert verified.params.result_key == "0x" + scene.RESULT_KEY.public.hex()
    assert verified.params.inputs == (scene.PICTURE,)


def test_13_without_an_order_nothing_is_computed():
    assert "publish it on the market" in refused("13", relayed=welcome(None))


@pytest.mark.parametrize(
    "change",
    [
        {"params": scene.params(result_key="0x" + THIEF.public.hex())},
        {"params": scene.params(inputs=[])},
        {"volume": 2},
        {"requester": scene.STRANGER.address},
        {"beneficiary": scene.STRANGER.address},
        {"callback": scene.POOL},
        {"app": scene.POOL},
        {"dataset": ZERO_ADDRESS},
        {"salt": OTHER},
    ],
    ids=lambda change: next(iter(change)),
)
def test_13_an_order_of_anything_else_is_not_this_tasks_even_where_the_facts_agree_with_it(change):
    other = replace(scene.ORDER, **change)
    forged = sign_order(other, scene.FEDERATION.order_domain, scene.STRANGER)
    same = {name: value for name, value in change.items() if name in {"params", "requester", "beneficiary", "callback"}}
    refused("13", replace(FACTS, requester_signature="contract", **same), welcome(forged))


def test_13_another_hubs_or_chains_order_is_not_this_tasks():
    refused("13", replace(FACTS, hub=scene.POOL))
    refused("13", replace(FACTS, chain=1))


def test_13_a_deal_that_does_not_follow_from_the_order_is_refused():
    refused("13", replace(FACTS, deal=OTHER))


@pytest.mark.parametrize("sign", [b"", bytes(65), scene.ORDER.sign[:63], scene.ORDER.sign[:-1] + b"\x1d"])
def test_14_an_order_that_its_requester_did_not_sign_is_refused_where_the_vaults_state_it_did(sign):
    refused("14", relayed=welcome(replace(scene.ORDER, sign=sign)))


def test_14_another_accounts_signature_is_not_the_requesters():
    refused("14", relayed=welcome(sign_order(scene.ORDER, scene.FEDERATION.order_domain, scene.STRANGER)))


@pytest.mark.parametrize("kind", ["presigned", "contract"])
def test_14_vaults_cannot_vouch_for_a_signature_that_the_requesters_key_made(kind):
    refused("14", replace(FACTS, requester_signature=kind))
    bare = check_request(welcome(replace(scene.ORDER, sign=b"")), replace(FACTS, requester_signature=kind))
    assert bare.signature == kind


@pytest.mark.parametrize(
    "lie",
    [
        {"result_key": "0x" + THIEF.public.hex()},
        {"inputs": ()},
        {"inputs": (OTHER,)},
        {"params": scene.params(inputs=[])},
        {"requester": scene.STRANGER.address},
        {"beneficiary": scene.STRANGER.address},
        {"callback": scene.POOL},
        {"app": replace(FACTS.app, address=scene.POOL)},
        {"dataset": None},
        {"dataset": replace(FACTS.dataset, address=scene.POOL)},
        {"bulk": BulkFact(block=1, datasets=(), left_out=())},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_15_no_term_of_the_facts_may_differ_from_the_order(lie):
    refused("15", replace(FACTS, **lie))


class Colluding:
    """A vault whose operator alters the facts that it signs and logs."""

    def __init__(self, vault, lie):
        self._vault, self._lie = vault, lie

    async def release(self, request):
        honest = scene.facts
        scene.facts = lambda **parts: replace(honest(**parts), **self._lie)
        try:
            return await self._vault.release(request)
        finally:
            scene.facts = honest


@pytest.mark.parametrize(
    ("lie", "number"),
    [
        ({"result_key": "0x" + THIEF.public.hex()}, "15"),
        ({"inputs": ()}, "15"),
        ({"params": scene.params(inputs=[])}, "15"),
        ({"requester_signature": "contract"}, "14"),
        ({"deal": OTHER}, "13"),
    ],
    ids=["result key", "inputs", "params", "kind of signature", "deal"],
)
async def test_all_vaults_together_get_no_key_combined_for_terms_of_their_own(vaults, lie, number):
    federation = TrustedVaults(
        scene.FEDERATION.vaults, tuple(Colluding(vault, lie) for vault in vaults), 2, scene.DOMAIN
    )
    assert (await obtain_keys(vaults)).request.order == scene.ORDER  # the control: the same vaults, honest
    with pytest.raises(EvidenceRefused) as caught:
        await obtain(LAUNCH, KEYS, welcome(), federation, SESSION)
    assert caught.value.check == number


def test_15_a_refused_deal_must_match_its_order_except_its_params():
    unreadable = scene.ordered(params="no JSON at all")
    deal = deal_id(order_hash(unreadable, scene.FEDERATION.order_domain), 0)
    facts = replace(
        FACTS,
        deal=deal,
        task=task_id(deal, 0),
        params=unreadable.params,
        inputs=(),
        secrets=(),
        release="direct",
        result_key=NO_RESULT_KEY,
        refusal="7",
    )
    assert check_request(welcome(unreadable), facts).order == unreadable
    refused("15", replace(facts, params="other"), welcome(unreadable))
    refused("15", replace(facts, beneficiary=scene.STRANGER.address), welcome(unreadable))


# An order of iExec's own client whose result is encrypted for an RSA key that its beneficiary registered.

RSA_PARAMS = '{"iexec_result_encryption":true}'
RSA_ORDER = scene.ordered(params=RSA_PARAMS, dataset=ZERO_ADDRESS)


def registered(by=scene.REQUESTER):
    public = rsa.generate_private_key(65537, 2048).public_key()
    value = base64.b64encode(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).decode()
    digest = named_secret_digest(scene.REQUESTER.address, RESULT_KEY_NAME, to_digest(keccak256(value.encode())))
    return RegisteredResultKey(owner=scene.REQUESTER.address, value=value, signature=by.sign(digest))


def rsa_facts(key):
    deal = deal_id(order_hash(RSA_ORDER, scene.FEDERATION.order_domain), 0)
    return replace(
        FACTS,
        deal=deal,
        task=task_id(deal, 0),
        params=RSA_PARAMS,
        inputs=(),
        dataset=None,
        secrets=(),
        release="direct",
        result_key=to_digest(keccak256(key.value.encode())),
    )


def test_a_result_may_be_encrypted_for_the_key_that_its_beneficiary_registered():
    key = registered()
    assert check_request(welcome(RSA_ORDER, result_key=key), rsa_facts(key)).params.is_for_rsa


def test_15_an_rsa_key_that_the_beneficiary_did_not_sign_is_refused_though_the_facts_name_it():
    key = registered(by=scene.STRANGER)
    refused("15", rsa_facts(key), welcome(RSA_ORDER, result_key=key))


def test_15_an_rsa_key_that_the_facts_do_not_name_or_that_is_not_shown_is_refused():
    refused("15", rsa_facts(registered()), welcome(RSA_ORDER, result_key=registered()))
    refused("15", rsa_facts(registered()), welcome(RSA_ORDER))
