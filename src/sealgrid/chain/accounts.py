"""Named development accounts, derived from the public test mnemonic of anvil, which funds them at its start.

Their keys are public: use them on local chains only.
"""

from functools import lru_cache
from typing import Any, Final

from eth_account import Account

from sealgrid.crypto.signing import SigningKey

TEST_MNEMONIC: Final = " ".join(["test"] * 11 + ["junk"])  #: default of anvil and hardhat

NAMES: Final = (
    "admin", "owner", "developer", "requester", "pool", "worker", "thief", "stranger", "worker2", "worker3",
    "vault1", "vault2", "vault3", "requester2", "beneficiary", "publisher",
)  # fmt: skip  #: in the order of derivation


@lru_cache
def development_key(name: str) -> SigningKey:
    """Return the key of a named account (BIP-44, m/44'/60'/0'/0/i); raise ValueError if the name is unknown."""
    account: Any = Account
    account.enable_unaudited_hdwallet_features()
    path = f"m/44'/60'/0'/0/{NAMES.index(name)}"
    return SigningKey.from_bytes(bytes(account.from_mnemonic(TEST_MNEMONIC, account_path=path).key))
