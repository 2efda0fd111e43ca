"""A vault's three secrets: its signing key, its HPKE deposit key and the key that encrypts shares at rest.

They are stored outside the database, so a copy of the database discloses no share: in private files, or behind a
command that reads them from an HSM or a key management service.
"""

import os
import stat
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Address

KEYS_FOLDER = "keys"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_COMMAND_SECONDS = 60


class ShareEncryption:
    """Encrypts shares for the database with AES-256-GCM: a fresh nonce each, the row's id as associated data."""

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._cipher, self._random = AESGCM(key), random

    def encrypt(self, plaintext: bytes, row: bytes) -> bytes:
        """Return nonce and ciphertext."""
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, row)

    def decrypt(self, stored: bytes, row: bytes) -> bytes:
        """Return the plaintext; raise InputRefused for another row, key or content."""
        try:
            return self._cipher.decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], row)
        except (InvalidTag, ValueError):
            raise InputRefused(
                "a stored share cannot be decrypted: the database and the key file do not belong together."
            ) from None


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """The keys of one vault. Their repr shows nothing of them."""

    signing: SigningKey = field(repr=False)
    deposit: HpkeKey = field(repr=False)
    at_rest: ShareEncryption = field(repr=False)

    @property
    def address(self) -> Address:
        """Return the address that the broker lists."""
        return self.signing.address


class KeySource(Protocol):
    """Where a vault's secrets come from."""

    def read_secret(self, name: str) -> bytes:
        """Return a secret of 32 bytes; raise InputRefused if it is not available."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A folder with one private file (mode 600) per secret; missing files are created."""

    folder: Path
    random: Callable[[int], bytes] = os.urandom

    def read_secret(self, name: str) -> bytes:
        """Return a file's content; raise InputRefused if other users may read it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{name}.key"
        if not path.exists():
            write_file(path, self.random(_KEY_BYTES))
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InputRefused(f"other users may read {path.name}; a vault's key files need mode 600.")
        if stat.S_IMODE(self.folder.stat().st_mode) & 0o022:
            raise InputRefused(f"other users may write to {self.folder.name}; a vault's key folder needs mode 700.")
        return path.read_bytes()


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """A program that gets a secret's name as its last argument and prints the secret as 64 hex digits."""

    program: Sequence[str]

    def read_secret(self, name: str) -> bytes:
        """Return the secret that the program prints; raise InputRefused if it fails."""
        try:
            # The command comes from the operator's own configuration file.
            done = subprocess.run([*self.program, name], capture_output=True, check=True, timeout=_COMMAND_SECONDS)  # noqa: S603
            return bytes.fromhex(done.stdout.decode())
        except (OSError, subprocess.SubprocessError, ValueError):
            # Without the cause: it may contain the program's output.
            raise InputRefused(f"{self.program[0]} did not print the vault's key {name!r} as 64 hex digits.") from None


def load_key_files(folder: Path, random: Callable[[int], bytes] = os.urandom) -> VaultKeys:
    """Return the keys of a vault whose key files are in its own folder."""
    return load_keys(KeyFiles(folder / KEYS_FOLDER, random), random)


def load_keys(source: KeySource, random: Callable[[int], bytes] = os.urandom) -> VaultKeys:
    """Return a vault's keys; raise InputRefused for a secret that is invalid or that other users may read."""
    return VaultKeys(
        signing=SigningKey.from_bytes(_read_secret(source, "signing")),
        deposit=HpkeKey.from_bytes(_read_secret(source, "deposit")),
        at_rest=ShareEncryption(_read_secret(source, "at-rest"), random),
    )


def _read_secret(source: KeySource, name: str) -> bytes:
    secret = source.read_secret(name)
    if len(secret) != _KEY_BYTES:
        raise InputRefused(f"{name}.key is not a valid vault key; it needs {_KEY_BYTES} bytes.")
    return secret
