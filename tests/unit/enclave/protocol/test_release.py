"""Answers of vaults that an enclave counts or refuses: checks (9), (10) and (16) of ``obtain``."""

from dataclasses import replace

import msgspec
import pytest
from msgspec.structs import replace as with_changes

from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.attestation.statements import DepositKey
from sealgrid.attestation.vault_log import entry_of
from sealgrid.crypto import hpke
from sealgrid.enclave.protocol.release import check_settled_refusal
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_digest
from sealgrid.vault.handlers.release_response import make_release
from sealgrid.wire.log import LoggedEntry, LogInclusion
from tests.unit.enclave.protocol.release_scene import SESSION, obtain_keys
from tests.unit.vault import vault_scene as scene

REFUSED = {"refusal": "7.10", "secrets": (), "inputs": (), "result_key": NO_RESULT_KEY, "release": "direct"}


def refused(**changes):
    return with_changes(scene.facts(), **REFUSED | changes)


def another_enclave(vault, proof):
    facts = msgspec.structs.replace(scene.facts(), enclave=scene.STRANGER.address)
    entry = vault.log.prepare(entry_of(facts, scene.attested().session, policy=1, block=7, time=scene.NOW))
    return LogInclusion(head=vault.head(entry.frontier), logged=entry.proof)


def another_time(vault, proof):
    entry = vault.log.prepare(entry_of(scene.facts(), scene.attested().session, policy=1, block=7, time=scene.NOW + 1))
    return LogInclusion(head=vault.head(entry.frontier), logged=entry.proof)


def another_root(vault, proof):
    return msgspec.structs.replace(proof, head=vault.head(vault.log.prepare(scene_entry()).frontier, root=scene.MODEL))


def unsigned(vault, proof):
    return msgspec.structs.replace(proof, head=msgspec.structs.replace(proof.head, signature=bytes(65)))


def somebody_elses_log(vault, proof):
    return msgspec.structs.replace(proof, head=vault.head(vault.log.frontier, vault=scene.STRANGER.address))


def no_entry(vault, proof):
    return msgspec.structs.replace(proof, logged=LoggedEntry(entry="{}", index=0, path=()))


def scene_entry():
    return entry_of(scene.facts(), scene.attested().session, policy=1, block=7, time=scene.NOW)


async def test_logged_releases_of_all_vaults_count(vaults):
    quorum = await obtain_keys(vaults)
    assert list(quorum.releases) == list(scene.FEDERATION.vaults)
    assert quorum.keys[scene.MODEL] == scene.MODEL_KEY.dek


@pytest.mark.parametrize("lie", [another_enclave, another_time, another_root, unsigned, somebody_elses_log, no_entry])
async def test_9_a_vault_that_did_not_log_this_very_release_does_not_count(vaults, lie):
    vaults[1].lie = lie
    quorum = await obtain_keys(vaults)
    assert vaults[1].key.address not in quorum.releases
    vaults[2].lie = lie
    with pytest.raises(EvidenceRefused) as caught:
        await obtain_keys(vaults)
    assert caught.value.check == "6"


def deposit_key_of_low_order(vault, answer):
    key = DepositKey(vault=vault.key.address, key=to_digest(bytes(32)))
    signature = key.sign(scene.DOMAIN, vault.key)
    return with_changes(answer, deposit_key=bytes(32), deposit_key_signature=signature)


def record_that_nobody_can_sign(_, answer):
    share = answer.shares[0]
    return with_changes(answer, shares=(*answer.shares, with_changes(share, record=with_changes(share.record, t=-1))))


@pytest.mark.parametrize("change", [deposit_key_of_low_order, record_that_nobody_can_sign])
async def test_an_answer_that_cannot_be_used_does_not_stop_the_others(vaults, change):
    vaults[1].change = change
    quorum = await obtain_keys(vaults)
    assert list(quorum.releases) == [vaults[0].key.address, vaults[2].key.address]
    assert quorum.liars == (vaults[1].key.address,)
    for key in quorum.deposit_keys.values():
        hpke.check_public(key)  # each gets a share of the result's key


async def test_10_as_many_vaults_must_release_as_the_owner_demands(vaults):
    for vault in vaults:
        vault.keys = replace(scene.STORED_KEYS, policy=scene.policy(quorum=3))
    assert len((await obtain_keys(vaults)).releases) == 3
    vaults[0].lie = unsigned
    with pytest.raises(EvidenceRefused) as caught:
        await obtain_keys(vaults)
    assert caught.value.check == "10"


def test_the_scene_seals_what_this_enclave_opens():
    assert make_release(scene.facts(), SESSION.session, scene.NOW).session == SESSION.session
    assert scene.HPKE.open(hpke.seal(scene.HPKE.public, b"x", SESSION.report_data), SESSION.report_data) == b"x"


def test_facts_that_refuse_nothing_and_those_that_refuse_well_are_taken():
    check_settled_refusal(scene.facts())
    check_settled_refusal(refused())


@pytest.mark.parametrize(
    "lie",
    [
        {"refusal": "3.5"},
        {"refusal": "made up"},
        {"secrets": scene.facts().secrets},
        {"inputs": scene.facts().inputs},
        {"result_key": scene.facts().result_key},
        {"release": "escrow"},
    ],
)
def test_16_a_refusal_that_cannot_be_settled(lie):
    with pytest.raises(EvidenceRefused) as caught:
        check_settled_refusal(refused(**lie))
    assert caught.value.check == "16"
