"""Challenges that owners sign when iExec's SDK pushes a secret (EIP-191, over names and the hash of the value).

The challenge of iExec's SMS is keccak256(keccak256("IEXEC_SMS_DOMAIN") ‖ address ‖ [keccak256(name) ‖] keccak256(value
as UTF-8)); the key of a dataset has no name. It contains neither chain id nor hub, so a signature is valid on every
chain where the address has the same owner.
"""

import re
from typing import Final

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import personal_digest
from sealgrid.units import Address, Digest, to_address, to_bytes

DEVELOPER_SECRET_NAME = "1"  # noqa: S105  #: name of an app developer's secret, formerly an index

NAME_PATTERN: Final = r"[A-Za-z0-9_-]{1,64}"  #: names that iExec accepts for a requester's secret
NUMBER_PATTERN: Final = r"[1-9][0-9]{0,3}"  #: number by which an app reads a requester's secret

_DOMAIN = keccak256(b"IEXEC_SMS_DOMAIN")


def asset_secret_digest(asset: Address, value_hash: Digest) -> bytes:
    """Return the digest that the owner of a dataset or app signs for its secret."""
    return personal_digest(keccak256(_DOMAIN, to_bytes(asset, 20), to_bytes(value_hash, 32)))


def named_secret_digest(address: Address, name: str, value_hash: Digest) -> bytes:
    """Return the digest that an account, or the owner of an app, signs for a named secret of an address."""
    named = keccak256(name.encode())
    return personal_digest(keccak256(_DOMAIN, to_bytes(address, 20), named, to_bytes(value_hash, 32)))


def is_secret_name(name: str) -> bool:
    """Return whether iExec accepts this name for a requester's secret."""
    return re.fullmatch(NAME_PATTERN, name) is not None


def requester_secret_address(requester: Address, name: str) -> Address:
    """Return the asset address under which vaults store a requester's secret; raise ValueError for an invalid name."""
    if not is_secret_name(name):
        raise ValueError("a secret's name has 1 to 64 letters, digits, - or _")
    return to_address(keccak256(b"sealgrid/requester-secret/1", to_bytes(requester, 20), name.encode())[:20])
