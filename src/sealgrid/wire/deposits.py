"""The depositor's half of a deposit: is this the vault, its share sealed to it, its word that it has it."""

from sealgrid.attestation.statements import DepositKey, DepositReceipt
from sealgrid.crypto.shares import Share
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused
from sealgrid.units import Address, Digest, to_bytes, to_digest
from sealgrid.wire.shares import seal_share
from sealgrid.wire.vault import DepositReply, VaultIdentity


def check_identity(identity: VaultIdentity, vault: Address, domain: Domain) -> None:
    """Raise EvidenceRefused unless this vault signed the deposit key that was shown."""
    try:
        statement = DepositKey(vault=vault, key=to_digest(identity.deposit_key))
    except ValueError:
        statement = None
    is_signed = statement is not None and statement.is_signed_by(vault, domain, identity.signature)
    if identity.address != vault or not is_signed:
        raise EvidenceRefused("deposit", f"what answers for vault {vault} does not hold that vault's key.")


def seal_to_vault(share: Share, identity: VaultIdentity, record: Digest) -> bytes:
    """Return a share that this vault alone can open, under the digest of its record."""
    return seal_share(share, identity.deposit_key, to_bytes(record, 32))


def check_receipt(reply: DepositReply, *, record: Digest, vault: Address, index: int, domain: Domain) -> None:
    """Raise EvidenceRefused unless the vault signed that it holds this share of this record."""
    receipt = DepositReceipt(record=record, vault=vault, index=index)
    if not receipt.is_signed_by(vault, domain, reply.signature):
        raise EvidenceRefused("deposit", f"vault {vault} did not sign for its share; the asset is not usable.")
