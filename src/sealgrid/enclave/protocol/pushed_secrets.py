"""Verify secrets that were pushed through iExec's API against their owner's signature.

The adapter that split such a secret is not trusted: it could have split another one.
"""

import base64
from dataclasses import dataclass

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.signing import find_signer
from sealgrid.errors import SharesRefused
from sealgrid.units import Address, Digest, to_digest


@dataclass(frozen=True)
class SignedSecret:
    """Owner of a pushed secret, and what the vaults present as the owner's signature over its value."""

    owner: Address
    signatures: frozenset[bytes]


def has_hash(key: bytes, value: Digest | None) -> bool:
    """Return whether (11) keccak256 of a dataset key's base64 text is the hash that its owner signed."""
    return to_digest(keccak256(base64.b64encode(key))) == value


def check_signed(secret: bytes, address: Address, name: str, pushed: SignedSecret) -> None:
    """Raise SharesRefused unless (12) the owner signed this secret under this name, for an app or for itself.

    Facts hold no hash of it, from which a short secret could be guessed; only the signature proves the value.
    """
    digest = named_secret_digest(address, name, to_digest(keccak256(secret)))
    if pushed.owner not in (find_signer(digest, signature) for signature in pushed.signatures):
        raise SharesRefused("12", f"the secret {name!r} is not the one that its owner pushed; it was split wrongly.")
