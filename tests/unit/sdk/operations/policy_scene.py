"""Policies of one model, signed by its owner or a stranger, as vaults show them."""

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.units import Address, to_address
from sealgrid.wire.vault import AssetView, KeyVersion

OWNER, STRANGER = SigningKey.from_bytes(b"\x11" * 32), SigningKey.from_bytes(b"\x22" * 32)
MODEL, OTHER = to_address(b"\xaa" * 20), to_address(b"\xbb" * 20)
DOMAIN = Domain(chain=31337, broker=to_address(b"\xcc" * 20))
FIRST = Policy(asset=MODEL, owner=OWNER.address, version=1, expiry=9, allowed=(), uses_per_requester_hour=1)


def vault_view(
    version: int = 1,
    *,
    signer: SigningKey = OWNER,
    asset: Address = MODEL,
    history: tuple[KeyVersion, ...] = (),
) -> AssetView:
    """Return a vault's view with a signed policy."""
    policy = msgspec.structs.replace(FIRST, version=version, asset=asset)
    signature = policy.sign(DOMAIN, signer)
    return AssetView(record=None, signature=b"", policy=policy, policy_signature=signature, history=history)
