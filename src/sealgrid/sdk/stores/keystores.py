"""Accounts as Web3 Secret Storage keystores (version 3, as geth and wallets write them) in a private folder."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealgrid.chain.accounts import NAMES
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, NotFound
from sealgrid.sdk.stores.keystore_format import check_password, decrypt_keystore
from sealgrid.sdk.stores.plain_keys import read_key_file
from sealgrid.sdk.stores.private_files import write_private
from sealgrid.units import Address, to_address

SCRYPT_N = 1 << 18  #: as geth's standard: about a second and 256 MiB for each guess
MIN_PASSWORD = 8  #: characters

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Keystore:
    """An account whose key is encrypted with a password."""

    name: str
    address: Address
    path: Path


class KeystoreFolder:
    """The folder of these files, ``NAME.json`` each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return the path of an account's keystore; raise InputRefused for an invalid name."""
        if not _NAME.fullmatch(name):
            raise InputRefused(
                f"{name[:40]!r} is not a valid account name; use up to 40 of a-z, 0-9, - and _.", money=""
            )
        return self.folder / f"{name}.json"

    def has(self, name: str) -> bool:
        """Return whether an account of this name exists."""
        return _NAME.fullmatch(name) is not None and self.path(name).exists()

    def check_free(self, name: str) -> None:
        """Raise InputRefused for an invalid name or one that is in use."""
        if name in NAMES:
            raise InputRefused(
                f"{name!r} is a development account, whose key is public; choose another name.", money=""
            )
        if self.path(name).exists():
            raise InputRefused(f"account {name!r} exists already; nothing was overwritten.", money="")

    def add(self, name: str, key: SigningKey, password: str) -> Keystore:
        """Store a key under a name and a password; raise InputRefused for a name in use or a short password."""
        self.check_free(name)
        path = self.path(name)
        check_password(password)
        if len(password) < MIN_PASSWORD:
            raise InputRefused(f"a password has at least {MIN_PASSWORD} characters.", money="")
        locked = _eth_account().encrypt(key.secret, password, kdf="scrypt", iterations=SCRYPT_N)
        try:
            write_private(path, json.dumps(locked).encode(), replace=False)
        except OSError as error:
            raise InputRefused(
                f"{path} cannot be written ({error.strerror}); no account was made.", money=""
            ) from error
        return Keystore(name, key.address, path)

    def find(self, name: str) -> Keystore:
        """Return an account by name; raise NotFound."""
        path = self.path(name)
        if not path.exists():
            raise NotFound(f"account {name!r} does not exist in {self.folder}.", money="")
        return Keystore(name, _address(_read(path), path), path)

    def open(self, name: str, password: str) -> SigningKey:
        """Return an account's key; raise InputRefused for a wrong password."""
        return open_keystore(self.find(name).path, password)

    def all(self) -> tuple[Keystore, ...]:
        """Return all accounts by name; raise InputRefused for a file that cannot be read."""
        paths = self.folder.glob("[a-z]*.json") if self.folder.is_dir() else ()
        return tuple(self.find(path.stem) for path in sorted(paths))


def open_keystore(path: Path, password: str) -> SigningKey:
    """Return the key of any wallet's keystore; raise InputRefused for a wrong password or an invalid keystore."""
    return decrypt_keystore(_read(path), password, f"{path.stem!r} ({path})")


def _eth_account() -> Any:
    # It takes most of a second to import, and raises Python's recursion limit a hundredfold, at which deeply nested
    # JSON overruns the C stack of a parser instead of raising an exception.
    limit = sys.getrecursionlimit()
    from eth_account import Account  # noqa: PLC0415

    sys.setrecursionlimit(limit)
    return Account


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_key_file(path))
    except (ValueError, RecursionError) as error:
        raise InputRefused(f"{path} is not a valid keystore; restore it from your backup.", money="") from error
    if not isinstance(content, dict):
        raise InputRefused(f"{path} is not a valid keystore; restore it from your backup.", money="")
    return content


def _address(content: dict[str, Any], path: Path) -> Address:
    try:
        return to_address("0x" + str(content["address"]).lower().removeprefix("0x"))
    except (KeyError, ValueError) as error:
        raise InputRefused(f"{path} is a keystore without an address; restore it from your backup.") from error
