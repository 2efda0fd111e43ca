"""Keys of a bulk's datasets, combined from the vaults' shares: checks (9) and (11) for each dataset."""

import base64
from dataclasses import replace

import msgspec
import pytest

from sealgrid.attestation.facts import BulkFact, DatasetFact, OmittedDataset
from sealgrid.attestation.vault_log import entry_of, head_of
from sealgrid.crypto.digests import keccak256
from sealgrid.enclave.protocol.key_shares import combine_bulk_keys
from sealgrid.enclave.protocol.release import check_logged
from sealgrid.errors import EvidenceRefused, LogRefused
from sealgrid.units import to_address, to_digest
from sealgrid.vault.handlers.release_response import bulk_share, make_release
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.wire.log import LogInclusion, SignedHead
from sealgrid.wire.vault import ReleaseAnswer
from tests.unit.vault import vault_scene as scene

FIRST, SECOND, THIRD = (to_address(bytes([index]) * 20) for index in (0x61, 0x62, 0x63))
FILES = {address: to_digest(bytes([index]) * 32) for index, address in enumerate((FIRST, SECOND, THIRD), start=0x71)}
KEYS = {
    address: scene.Split(asset=address, file_sha256=file, dek=bytes([index]) * 32)
    for index, (address, file) in enumerate(FILES.items(), start=0x51)
}


def listed(address):
    return DatasetFact(address=address, owner=scene.OWNER.address, checksum=FILES[address])


FACTS = msgspec.structs.replace(
    scene.facts(),
    dataset=None,
    bulk=BulkFact(
        block=7,
        datasets=(listed(FIRST), None, listed(THIRD)),
        left_out=(OmittedDataset(place=1, dataset=SECOND, check="7.19"),),
    ),
)


def pushed(dek):
    return to_digest(keccak256(base64.b64encode(dek)))


class Vault:
    """One honest vault with a log; what it gives may be changed before it answers."""

    def __init__(self, index, log):
        self.key, self.index, self.log = scene.VAULTS[index], index, log

    def entry(self, dataset=None):
        return self.log.prepare(
            entry_of(FACTS, scene.attested().session, policy=0, block=7, time=scene.NOW, bulk=dataset)
        )

    def logged(self, appended):
        head = scene_head(self.key, appended)
        return LogInclusion(head=head, logged=appended.proof)

    def share(self, index, split, *, value=None):
        stored = replace(
            split.stored_share("iexec"),
            share=split.shares[self.index],
            value_hash=value or pushed(split.dek),
        )
        return bulk_share(index, stored, self.logged(self.entry(dataset=listed_or(index))))

    def answer(self, *shares):
        facts = FACTS.encode()
        return ReleaseAnswer(
            facts=facts,
            release=make_release(FACTS, scene.attested().session, scene.NOW),
            signature=b"",
            deposit_key=b"",
            deposit_key_signature=b"",
            shares=(),
            log=self.logged(self.entry()),
            bulk=shares,
        )

    def honest(self):
        return self.answer(self.share(0, KEYS[FIRST]), self.share(2, KEYS[THIRD]))


def listed_or(index):
    return FACTS.bulk.datasets[index] or listed(SECOND)


def scene_head(key, appended):
    head = head_of(key.address, appended.frontier.size, appended.frontier.root, scene.NOW)
    return SignedHead(head=head, signature=head.sign(scene.DOMAIN, key))


@pytest.fixture
def vaults(tmp_path):
    stores = [VaultDatabase(tmp_path / f"{index}-{DATABASE}") for index in range(3)]
    yield [Vault(index, VaultLog(store)) for index, store in enumerate(stores)]
    for store in stores:
        store.close()


def combined(vaults, *answers):
    return combine_bulk_keys(FACTS, {vault.key.address: each for vault, each in zip(vaults, answers, strict=True)}, 2)


def test_every_key_that_t_vaults_gave_is_returned_at_its_index(vaults):
    assert combined(vaults, *(vault.honest() for vault in vaults)) == (KEYS[FIRST].dek, None, KEYS[THIRD].dek)


def test_t_of_the_vaults_are_enough_for_each_dataset_whichever_they_are(vaults):
    a, b, c = vaults
    keys = combined(vaults, a.answer(a.share(0, KEYS[FIRST])), b.honest(), c.answer(c.share(2, KEYS[THIRD])))
    assert keys == (KEYS[FIRST].dek, None, KEYS[THIRD].dek)


def test_only_a_dataset_whose_key_one_vault_alone_gives_is_left_out(vaults):
    a, b, c = vaults
    only = [vault.answer(vault.share(2, KEYS[THIRD])) for vault in (b, c)]
    assert combined(vaults, a.honest(), *only) == (None, None, KEYS[THIRD].dek)


def test_11_a_key_that_is_not_the_one_that_its_owner_pushed_is_left_out(vaults):
    answers = [vault.answer(vault.share(0, KEYS[FIRST], value=scene.MODEL)) for vault in vaults]
    assert combined(vaults, *answers) == (None, None, None)


def test_vaults_that_name_two_hashes_of_one_key_do_not_count_together(vaults):
    a, b, c = vaults
    answers = [a.answer(a.share(0, KEYS[FIRST], value=scene.MODEL)), b.honest(), c.answer(c.share(2, KEYS[THIRD]))]
    assert combined(vaults, *answers)[0] is None


@pytest.mark.parametrize(
    "other",
    [
        scene.Split(asset=SECOND, file_sha256=FILES[FIRST]),
        scene.Split(asset=FIRST, file_sha256=FILES[SECOND]),
        scene.Split(asset=FIRST, file_sha256=FILES[FIRST], owner=scene.STRANGER),
    ],
    ids=["another dataset", "another file", "another owner"],
)
def test_a_key_under_a_record_about_anything_else_is_left_out(vaults, other):
    assert combined(vaults, *(vault.answer(vault.share(0, other)) for vault in vaults)) == (None, None, None)


def test_shares_that_do_not_fit_their_record_are_left_out(vaults):
    wrong = [vault.answer(_mixed(vault.share(0, KEYS[FIRST]))) for vault in vaults]
    assert combined(vaults, *wrong) == (None, None, None)


def _mixed(share):
    part = msgspec.structs.replace(share.share.part, value=scene.flipped(share.share.part.value))
    return msgspec.structs.replace(share, share=msgspec.structs.replace(share.share, part=part))


def test_one_lying_vault_of_three_has_no_effect(vaults):
    a, b, c = vaults
    lie = a.answer(_mixed(a.share(0, KEYS[FIRST])))
    assert combined(vaults, lie, b.honest(), c.honest())[0] == KEYS[FIRST].dek


def test_a_vault_that_gives_one_share_twice_counts_once(vaults):
    a, b, c = vaults
    twice = a.answer(a.share(0, KEYS[FIRST]), a.share(0, KEYS[FIRST]))
    assert combined(vaults, twice, b.answer(), c.answer())[0] is None


def test_9_each_dataset_of_an_honest_answer_is_in_the_vaults_log(vaults):
    a = vaults[0]
    check_logged(a.key.address, a.honest(), FACTS, scene.DOMAIN)


def test_9_a_share_of_a_dataset_that_the_facts_leave_out_is_refused(vaults):
    a = vaults[0]
    for index in (1, 3, -1):
        share = msgspec.structs.replace(a.share(0, KEYS[FIRST]), place=index)
        with pytest.raises(EvidenceRefused) as caught:
            check_logged(a.key.address, a.answer(share), FACTS, scene.DOMAIN)
        assert caught.value.check == "9"


def test_9_a_share_that_was_logged_under_another_dataset_is_refused(vaults):
    a = vaults[0]
    share = msgspec.structs.replace(a.share(0, KEYS[FIRST]), log=a.logged(a.entry(dataset=listed(THIRD))))
    with pytest.raises(EvidenceRefused):
        check_logged(a.key.address, a.answer(share), FACTS, scene.DOMAIN)


def test_9_a_share_whose_entry_is_under_no_head_of_this_vault_is_refused(vaults):
    a, b, _ = vaults
    with pytest.raises(LogRefused):
        check_logged(a.key.address, a.answer(b.share(0, KEYS[FIRST])), FACTS, scene.DOMAIN)


def test_facts_without_a_bulk_have_no_keys_of_one(vaults):
    assert combine_bulk_keys(scene.facts(), {vaults[0].key.address: vaults[0].answer()}, 2) == ()
