"""The depositor's side of a deposit: verify the vault's identity, seal its share, verify its receipt."""

from sealgrid.attestation.statements import DepositKey, DepositReceipt
from sealgrid.crypto.shares import Share
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused
from sealgrid.units import Address, Digest, to_bytes, to_digest
from sealgrid.wire.shares import seal_share
from sealgrid.wire.vault import DepositReply, VaultIdentity


def check_identity(identity: VaultIdentity, vault: Address, domain: Domain) -> None:
    """Raise EvidenceRefused unless this vault signed the deposit key of the identity."""
    try:
        statement = DepositKey(vault=vault, key=to_digest(identity.deposit_key))
    except ValueError:
        statement = None
    is_signed = statement is not None and statement.is_signed_by(vault, domain, identity.signature)
    if identity.address != vault or not is_signed:
        raise EvidenceRefused("deposit", f"the service at the URL of vault {vault} does not have that vault's key.")


def seal_to_vault(share: Share, identity: VaultIdentity, record: Digest) -> bytes:
    """Seal a share to a vault's deposit key, with the digest of its record as context."""
    return seal_share(share, identity.deposit_key, to_bytes(record, 32))


def check_receipt(reply: DepositReply, *, record: Digest, vault: Address, index: int, domain: Domain) -> None:
    """Raise EvidenceRefused unless the vault signed the receipt of this share of this record."""
    receipt = DepositReceipt(record=record, vault=vault, index=index)
    if not receipt.is_signed_by(vault, domain, reply.signature):
        raise EvidenceRefused(
            "deposit", f"vault {vault} did not sign the receipt of its share; the asset is not usable."
        )
