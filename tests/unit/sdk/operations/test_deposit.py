"""A key is deposited when enough vaults signed for their shares; each share is sealed to its own vault."""

import os
from types import SimpleNamespace

import pytest

from sealgrid.attestation.statements import DepositKey, DepositReceipt
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import combine
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import EvidenceRefused, InputRefused, ServiceUnavailable, SharesRefused
from sealgrid.sdk.operations.deposit import deposit, deposit_sealed_shares
from sealgrid.units import to_address, to_digest
from sealgrid.wire.shares import open_share
from sealgrid.wire.vault import DepositReply, DepositRequest, VaultIdentity

DOMAIN = Domain(chain=31337, broker=to_address(b"\xcc" * 20))
HUB, ASSET = to_address(b"\xa1" * 20), to_address(b"\xaa" * 20)
FILE = to_digest(b"\x0f" * 32)


class Vault:
    """A vault that signs for each share, or fails."""

    def __init__(self, *, error=None, signer=None) -> None:
        self.key, self.sealing, self.error = SigningKey.generate(), HpkeKey.generate(), error
        self.signer, self.request = signer or self.key, None

    async def identity(self):
        statement = DepositKey(vault=self.key.address, key=to_digest(self.sealing.public))
        return VaultIdentity(
            address=self.key.address,
            deposit_key=self.sealing.public,
            signature=statement.sign(DOMAIN, self.signer),
            chain=31337,
            hub=HUB,
            broker=DOMAIN.broker,
            simulated=True,
        )

    async def deposit(self, request: DepositRequest):
        if self.error is not None:
            raise self.error
        self.request = request
        record = to_digest(request.record.digest(DOMAIN))
        receipt = DepositReceipt(record=record, vault=self.key.address, index=request.index)
        return DepositReply(vault=self.key.address, signature=receipt.sign(DOMAIN, self.key))

    def share(self):
        context = self.request.record.digest(DOMAIN)
        return open_share(self.request.sealed, self.request.index, self.sealing, context)


def connection(*vaults):
    ordered = sorted(vaults, key=lambda vault: vault.key.address)
    owner = SigningKey.generate()
    return SimpleNamespace(
        vaults=ordered,
        vault_addresses=tuple(vault.key.address for vault in ordered),
        network=SimpleNamespace(vaults=ordered, threshold=2, hub=HUB),
        domain=DOMAIN,
        key=owner,
        address=owner.address,
    )


async def test_any_two_of_three_shares_give_the_key():
    conn, dek = connection(Vault(), Vault(), Vault()), os.urandom(32)
    record = await deposit(conn, dek, asset=ASSET, file_sha256=FILE)
    assert record.is_signed_by(conn.address, DOMAIN, conn.vaults[0].request.signature)
    shares = [vault.share() for vault in conn.vaults]
    for pair in (shares[:2], shares[1:], shares[::2]):
        assert combine(pair, record) == dek


@pytest.mark.parametrize(
    ("bad", "at_least", "raised"),
    [
        (Vault(error=ServiceUnavailable("away.")), None, ServiceUnavailable),
        (Vault(error=SharesRefused("deposit.4", "another owner's.")), None, SharesRefused),
        (Vault(signer=SigningKey.generate()), None, EvidenceRefused),
        (Vault(error=ServiceUnavailable("away.")), 2, None),
    ],
    ids=["away", "refuses", "another's sealing key", "away, and two are enough"],
)
async def test_all_vaults_must_sign_unless_fewer_are_enough(bad, at_least, raised):
    depositing = deposit(
        connection(Vault(), Vault(), bad), os.urandom(32), asset=ASSET, file_sha256=FILE, at_least=at_least
    )
    if raised is None:
        await depositing
    else:
        with pytest.raises(raised):
            await depositing


async def test_shares_that_a_browser_sealed_to_other_vaults_are_refused():
    conn = connection(Vault(), Vault(), Vault())
    record = await deposit(conn, os.urandom(32), asset=ASSET, file_sha256=FILE)
    common = DepositRequest(record=record, signature=b"", index=0, sealed=b"")
    for where, sealed in ((conn, [b"1", b"2"]), (connection(Vault(), Vault(), Vault()), [b"1", b"2", b"3"])):
        with pytest.raises(InputRefused, match="this key is for other vaults"):
            await deposit_sealed_shares(where, common, sealed, 2)
    await deposit_sealed_shares(conn, common, [b"1", b"2", b"3"], 3)
    assert [(vault.request.index, vault.request.sealed) for vault in conn.vaults] == [(1, b"1"), (2, b"2"), (3, b"3")]
