"""What an owner signs when iExec's SDK pushes a secret: EIP-191 over names and the value's hash, never the value.

The challenge of iExec's SMS is keccak256(keccak256("IEXEC_SMS_DOMAIN") ‖ address ‖ [keccak256(name) ‖] keccak256(value
as UTF-8)); a dataset's key has no name. It names no chain and no hub, so a signature holds on every chain where the
address means the same.
"""

import re
from typing import Final

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import personal_digest
from sealgrid.units import Address, Digest, to_address, to_bytes

DEVELOPER_SECRET_NAME = "1"  # noqa: S105  #: the name of an app developer's secret; it once was an index

NAME_PATTERN: Final = r"[A-Za-z0-9_-]{1,64}"  #: what iExec lets a requester call a secret
NUMBER_PATTERN: Final = r"[1-9][0-9]{0,3}"  #: of a requester's secret, by which its app finds it

_DOMAIN = keccak256(b"IEXEC_SMS_DOMAIN")


def asset_secret_digest(asset: Address, value_hash: Digest) -> bytes:
    """Return the 32 bytes that the owner of a dataset or app signs for its secret."""
    return personal_digest(keccak256(_DOMAIN, to_bytes(asset, 20), to_bytes(value_hash, 32)))


def named_secret_digest(address: Address, name: str, value_hash: Digest) -> bytes:
    """Return the 32 bytes that an account, or an app's owner, signs for the secret that has a name under an address."""
    named = keccak256(name.encode())
    return personal_digest(keccak256(_DOMAIN, to_bytes(address, 20), named, to_bytes(value_hash, 32)))


def is_secret_name(name: str) -> bool:
    """Tell whether iExec lets a requester call a secret so."""
    return re.fullmatch(NAME_PATTERN, name) is not None


def requester_secret_address(requester: Address, name: str) -> Address:
    """Return the asset under which vaults keep a requester's secret of this name; raise ValueError for no name."""
    if not is_secret_name(name):
        raise ValueError("a secret's name has 1 to 64 letters, digits, - or _")
    return to_address(keccak256(b"sealgrid/requester-secret/1", to_bytes(requester, 20), name.encode())[:20])
