"""Named development accounts (BIP-39, BIP-32, BIP-44) from the public test mnemonic of anvil, which funds them.

Their keys are public: use them on local chains only. The derivation is ours because eth-account takes most of a second
to import; a test compares both.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Final

import coincurve

from sealgrid.crypto.signing import ORDER, SigningKey

TEST_MNEMONIC: Final = " ".join(["test"] * 11 + ["junk"])  #: default of anvil and hardhat

NAMES: Final = (
    "admin",
    "owner",
    "developer",
    "requester",
    "pool",
    "worker",
    "thief",
    "stranger",
    "worker2",
    "worker3",
    "vault1",
    "vault2",
    "vault3",
    "requester2",
    "beneficiary",
    "publisher",
)  #: in the order of derivation

_HARDENED: Final = 1 << 31


@lru_cache
def development_key(name: str) -> SigningKey:
    """Return the key of a named account (m/44'/60'/0'/0/i); raise ValueError for an unknown name."""
    seed = hashlib.pbkdf2_hmac("sha512", TEST_MNEMONIC.encode(), b"mnemonic", 2048)
    node = hmac.digest(b"Bitcoin seed", seed, "sha512")
    for index in (44 + _HARDENED, 60 + _HARDENED, _HARDENED, 0, NAMES.index(name)):
        # BIP-32, CKDpriv; a node is 32 bytes of key and 32 bytes of chain code.
        key, chain_code = node[:32], node[32:]
        parent = b"\0" + key if index >= _HARDENED else coincurve.PrivateKey(key).public_key.format()
        derived = hmac.digest(chain_code, parent + index.to_bytes(4, "big"), "sha512")
        child = (int.from_bytes(derived[:32], "big") + int.from_bytes(key, "big")) % ORDER
        node = child.to_bytes(32, "big") + derived[32:]
    return SigningKey.from_bytes(node[:32])
