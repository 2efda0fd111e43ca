"""A depositor seals a share only to the vault's own key, and keeps only the vault's own receipt."""

import pytest

from sealgrid.attestation.statements import DepositKey, DepositReceipt
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import Share
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_address, to_bytes, to_digest
from sealgrid.wire.deposits import check_identity, check_receipt, seal_to_vault
from sealgrid.wire.shares import open_share
from sealgrid.wire.vault import DepositReply, VaultIdentity

VAULT, OTHER = SigningKey.from_bytes(b"\x01" * 32), SigningKey.from_bytes(b"\x02" * 32)
DOMAIN, RECORD = Domain(1, to_address(b"\x0b" * 20)), to_digest(b"\x0d" * 32)
KEY = HpkeKey.generate()


def identity(key: SigningKey = VAULT, *, named: SigningKey = VAULT, public: bytes = KEY.public) -> VaultIdentity:
    signature = DepositKey(vault=named.address, key=to_digest(KEY.public)).sign(DOMAIN, key)
    return VaultIdentity(
        address=named.address,
        deposit_key=public,
        signature=signature,
        chain=1,
        hub=named.address,
        broker=DOMAIN.broker,
        simulated=True,
    )


def test_a_share_sealed_to_a_checked_identity_opens_with_the_vaults_key():
    check_identity(identity(), VAULT.address, DOMAIN)
    share = Share(1, b"\x07" * 32, b"\x08" * 32)
    assert open_share(seal_to_vault(share, identity(), RECORD), 1, KEY, to_bytes(RECORD, 32)) == share


@pytest.mark.parametrize(
    "wrong",
    [identity(OTHER), identity(OTHER, named=OTHER), identity(public=bytes(32)), identity(public=b"short")],
    ids=["signer", "vault", "key", "no key"],
)
def test_another_identity_is_refused(wrong: VaultIdentity):
    with pytest.raises(EvidenceRefused, match="does not have that vault's key"):
        check_identity(wrong, VAULT.address, DOMAIN)


@pytest.mark.parametrize(("signer", "index"), [(OTHER, 1), (VAULT, 2)])
def test_a_receipt_of_another_vault_or_share_is_refused(signer: SigningKey, index: int):
    def receipt(key: SigningKey, number: int) -> DepositReply:
        statement = DepositReceipt(record=RECORD, vault=VAULT.address, index=number)
        return DepositReply(vault=VAULT.address, signature=statement.sign(DOMAIN, key))

    check_receipt(receipt(VAULT, 1), record=RECORD, vault=VAULT.address, index=1, domain=DOMAIN)
    with pytest.raises(EvidenceRefused, match="did not sign the receipt"):
        check_receipt(receipt(signer, index), record=RECORD, vault=VAULT.address, index=1, domain=DOMAIN)
