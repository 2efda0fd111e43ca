"""The depositor's half of a deposit: is this the vault, its share sealed to it, its word that it has it."""

from sealgrid.attestation.statements import DepositKey, DepositReceipt
from sealgrid.crypto import hpke
from sealgrid.crypto.shares import Share
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused
from sealgrid.units import Address, Digest, to_bytes, to_digest
from sealgrid.wire.message import encode
from sealgrid.wire.vault import DepositReply, SharePart, VaultIdentity


def check_identity(identity: VaultIdentity, vault: Address, domain: Domain) -> None:
    """Raise EvidenceRefused unless this vault signed the deposit key that was shown."""
    try:
        statement = DepositKey(vault=vault, key=to_digest(identity.deposit_key))
        signer = statement.signer(domain, identity.signature)
    except ValueError:
        signer = None
    if not identity.address == signer == vault:
        raise EvidenceRefused("deposit", f"what answers for vault {vault} does not hold that vault's key.")


def sealed_part(share: Share, identity: VaultIdentity, record: Digest) -> bytes:
    """Return a share that this vault alone can open, under the digest of its record."""
    part = SharePart(value=share.value, blind=share.blind)
    return hpke.seal(identity.deposit_key, encode(part), to_bytes(record, 32))


def check_receipt(reply: DepositReply, *, record: Digest, vault: Address, index: int, domain: Domain) -> None:
    """Raise EvidenceRefused unless the vault signed that it holds this share of this record."""
    receipt = DepositReceipt(record=record, vault=vault, index=index)
    try:
        signer = receipt.signer(domain, reply.signature)
    except ValueError:
        signer = None
    if signer != vault:
        raise EvidenceRefused("deposit", f"vault {vault} did not sign for its share; the asset is not usable.")
