"""What came by iExec's route, held against its owner's signature: whoever split it may have split something else."""

import base64
from dataclasses import dataclass

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.signing import recover
from sealgrid.errors import SharesRefused
from sealgrid.units import Address, Digest, to_digest


@dataclass(frozen=True)
class SignedSecret:
    """Whose secret came by iExec's route, and what the vaults show as the owner's signature over its value."""

    owner: Address
    signatures: frozenset[bytes]


def is_value(key: bytes, value: Digest | None) -> bool:
    """Tell whether (11) a dataset's key has the hash that its owner signed: that of its base64 text."""
    return to_digest(keccak256(base64.b64encode(key))) == value


def check_signed(secret: bytes, address: Address, name: str, pushed: SignedSecret) -> None:
    """Raise SharesRefused unless (12) a secret with a name is what its owner signed, for an app or for the owner.

    Facts name no hash of it, which would tell a short secret to whoever guesses; the signature is held against it.
    """
    digest = named_secret_digest(address, name, to_digest(keccak256(secret)))
    if not any(is_by(pushed.owner, digest, signature) for signature in pushed.signatures):
        raise SharesRefused("12", f"the secret {name!r} is not the one that its owner pushed; it was split wrongly.")


def is_by(owner: Address, digest: bytes, signature: bytes) -> bool:
    """Tell whether this account signed 32 bytes."""
    try:
        return recover(digest, signature) == owner
    except ValueError:
        return False
