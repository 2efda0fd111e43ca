"""Vaults with their own logs that release the keys of one task, and the enclave that obtains them."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from sealgrid.attestation.statements import DepositKey, LogHead
from sealgrid.attestation.vault_log import entry_of
from sealgrid.crypto import hpke
from sealgrid.enclave.protocol.attest import AttestedSession, EnclaveKeys, TrustedVaults
from sealgrid.enclave.protocol.release import obtain
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import to_digest
from sealgrid.vault.handlers.release_response import VaultSigner, seal_response
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.wire.log import LogInclusion, SignedHead
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer
from sealgrid.wire.relay import RelayWelcome
from sealgrid.wire.vault import ReleaseAnswer, ReleaseReply, VaultIdentity
from tests.unit.vault import vault_scene as scene

DEPOSIT = scene.DEPOSIT_KEY.public
KEYS = EnclaveKeys(signing=scene.ENCLAVE, hpke=scene.HPKE)
SESSION = AttestedSession(
    quote=QuoteAnswer(quote=b"", collateral=b"", platform=255, runtime=scene.RUNTIME),
    nonces=scene.NONCES,
    report_data=scene.report(),
    vault_set=scene.FEDERATION.vault_set,
)


WELCOME = RelayWelcome(authorization=scene.authorization(), request=RequestDocument.of(scene.ORDER))


@dataclass
class ReleasingVault:
    """A vault with its own log; ``lie`` alters the log proof that it sends, ``change`` its whole answer."""

    key: object
    log: VaultLog
    lie: object = None
    change: object = None
    keys: object = scene.STORED_KEYS

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
        index = scene.FEDERATION.vaults.index(self.key.address)
        keys = [replace(each.stored_share(), share=each.shares[index]) for each in (scene.MODEL_KEY, scene.PICTURE_KEY)]
        sealed = seal_response(
            scene.attested(),
            facts,
            keys,
            proof,
            scene.HPKE.public,
            signer=VaultSigner(self.key, scene.DOMAIN, identity),
            at=scene.NOW,
        )
        return ReleaseReply(vault=self.key.address, sealed=self.changed(sealed) if self.change else sealed)

    def changed(self, sealed):
        answer = msgspec.json.decode(scene.HPKE.open(sealed, SESSION.report_data), type=ReleaseAnswer)
        return hpke.seal(scene.HPKE.public, msgspec.json.encode(self.change(self, answer)), SESSION.report_data)

    def head(self, frontier, **changes):
        fields = {
            "vault": self.key.address,
            "size": frontier.size,
            "root": to_digest(frontier.root),
            "issued": scene.NOW,
        } | changes
        head = LogHead(**fields)
        return SignedHead(head=head, signature=head.sign(scene.DOMAIN, self.key))


@contextmanager
def open_vaults(folder: Path):
    """Yield the vaults of the federation, each with an empty log."""
    stores = [VaultDatabase(folder / f"{index}-{DATABASE}") for index in range(3)]
    yield [ReleasingVault(key, VaultLog(store)) for key, store in zip(scene.VAULTS, stores, strict=True)]
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


async def obtain_keys(vaults):
    """Obtain the keys of the scene's task from these vaults."""
    federation = TrustedVaults(scene.FEDERATION.vaults, tuple(vaults), 2, scene.DOMAIN)
    return await obtain(LAUNCH, KEYS, WELCOME, federation, SESSION)
