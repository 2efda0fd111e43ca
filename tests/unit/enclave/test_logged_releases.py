"""An enclave counts a vault's answer only when the release stands in that vault's log: check (9) of ``obtain``."""

from dataclasses import dataclass, replace

import msgspec
import pytest

from sealgrid.attestation.statements import DepositKey, LogHead
from sealgrid.attestation.vault_log import entry_of
from sealgrid.crypto import hpke
from sealgrid.enclave.protocol import attest
from sealgrid.enclave.protocol.attest import EnclaveKeys, TrustedVaults, obtain
from sealgrid.errors import EvidenceRefused
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import to_digest
from sealgrid.vault.handlers.release_response import VaultSigner, make_release, seal_response
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.wire.log import LoggedEntry, LogInclusion, SignedHead
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer
from sealgrid.wire.relay import RelayWelcome
from sealgrid.wire.vault import ReleaseReply, VaultIdentity
from tests.unit.vault import vault_scene as scene

DEPOSIT = scene.DEPOSIT_KEY.public
ME = EnclaveKeys(signing=scene.ENCLAVE, hpke=scene.HPKE)
PROOF = attest.AttestedSession(
    quote=QuoteAnswer(quote=b"", collateral=b"", platform=255, runtime=scene.RUNTIME),
    nonces=scene.NONCES,
    report_data=scene.report(),
    vault_set=scene.FEDERATION.vault_set,
)


WELCOME = RelayWelcome(authorization=scene.authorization(), request=RequestDocument.of(scene.ORDER))


@dataclass
class Releasing:
    """A vault with its own log; ``lie`` changes the proof that it gives."""

    key: object
    log: VaultLog
    lie: object = None
    keys: object = scene.HELD_KEYS

    async def release(self, _):
        facts, session = scene.facts(keys=self.keys), scene.attested().session
        entry = self.log.prepare(entry_of(facts, session, policy=1, block=7, time=scene.NOW))
        proof = LogInclusion(head=self.head(entry.frontier), logged=entry.proof)
        proof = self.lie(self, proof) if self.lie else proof
        statement = DepositKey(vault=self.key.address, key=to_digest(DEPOSIT))
        identity = VaultIdentity(
            address=self.key.address,
            deposit_key=DEPOSIT,
            signature=statement.sign(scene.DOMAIN, self.key),
            chain=scene.CHAIN,
            hub=scene.HUB,
            broker=scene.BROKER,
            simulated=True,
        )
        place = scene.FEDERATION.vaults.index(self.key.address)
        held = [replace(each.held(), share=each.shares[place]) for each in (scene.MODEL_KEY, scene.PICTURE_KEY)]
        sealed = seal_response(
            scene.attested(),
            facts,
            held,
            proof,
            scene.HPKE.public,
            signer=VaultSigner(self.key, scene.DOMAIN, identity),
            at=scene.NOW,
        )
        return ReleaseReply(vault=self.key.address, sealed=sealed)

    def head(self, frontier, **changes):
        said = {
            "vault": self.key.address,
            "size": frontier.size,
            "root": to_digest(frontier.root),
            "issued": scene.NOW,
        } | changes
        head = LogHead(**said)
        return SignedHead(head=head, signature=head.sign(scene.DOMAIN, self.key))


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


@pytest.fixture
def vaults(tmp_path):
    stores = [VaultDatabase(tmp_path / f"{place}-{DATABASE}") for place in range(3)]
    yield [Releasing(key, VaultLog(store)) for key, store in zip(scene.VAULTS, stores, strict=True)]
    for store in stores:
        store.close()


LAUNCH = LaunchRequest(
    chain=scene.CHAIN,
    hub=scene.HUB,
    broker=scene.BROKER,
    task=scene.TASK,
    worker=scene.WORKER.address,
    app_digest=scene.APP_DIGEST,
    vaults=scene.FEDERATION.vaults,
    threshold=2,
    relay="",
)


async def agreed(vaults):
    federation = TrustedVaults(scene.FEDERATION.vaults, tuple(vaults), 2, scene.DOMAIN)
    return await obtain(LAUNCH, ME, WELCOME, federation, PROOF)


async def test_logged_releases_of_all_vaults_count(vaults):
    found = await agreed(vaults)
    assert [release.vault for release in found.releases] == list(scene.FEDERATION.vaults)
    assert found.keys[scene.MODEL] == scene.MODEL_KEY.dek


@pytest.mark.parametrize("lie", [another_enclave, another_time, another_root, unsigned, somebody_elses_log, no_entry])
async def test_9_a_vault_that_did_not_log_this_very_release_does_not_count(vaults, lie):
    vaults[1].lie = lie
    found = await agreed(vaults)
    assert vaults[1].key.address not in {release.vault for release in found.releases}
    vaults[2].lie = lie
    with pytest.raises(EvidenceRefused) as caught:
        await agreed(vaults)
    assert caught.value.check == "6"


async def test_10_as_many_vaults_must_release_as_the_owner_demands(vaults):
    for vault in vaults:
        vault.keys = replace(scene.HELD_KEYS, policy=scene.policy(quorum=3))
    assert len((await agreed(vaults)).releases) == 3
    vaults[0].lie = unsigned
    with pytest.raises(EvidenceRefused) as caught:
        await agreed(vaults)
    assert caught.value.check == "10"


def test_the_scene_seals_what_this_enclave_opens():
    assert make_release(scene.facts(), PROOF.session, scene.NOW).session == PROOF.session
    assert scene.HPKE.open(hpke.seal(scene.HPKE.public, b"x", PROOF.report_data), PROOF.report_data) == b"x"
