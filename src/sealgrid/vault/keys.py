"""A vault's three secrets: what it signs with, what deposits are sealed to, what its shares are encrypted under.

They come from outside the database, so that whoever copies it has no share: from private files, or from a command that
asks whatever keeps the operator's keys, an HSM or a key management service.
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
    """Encrypts shares for the database: AES-256-GCM, a fresh nonce each, bound to the row that it stands in."""

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._cipher, self._random = AESGCM(key), random

    def shut(self, plaintext: bytes, row: bytes) -> bytes:
        """Return nonce and ciphertext."""
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, row)

    def open(self, stored: bytes, row: bytes) -> bytes:
        """Return the plaintext; raise InputRefused when row, key or content are others."""
        try:
            return self._cipher.decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], row)
        except (InvalidTag, ValueError):
            raise InputRefused("a stored share does not open: the database and the key file do not fit.") from None


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """The keys of one vault. Their representation shows nothing of them."""

    signing: SigningKey = field(repr=False)
    deposit: HpkeKey = field(repr=False)
    at_rest: ShareEncryption = field(repr=False)

    @property
    def address(self) -> Address:
        """Return the address that the broker lists."""
        return self.signing.address


class KeySource(Protocol):
    """Where a vault's secrets come from."""

    def secret(self, name: str) -> bytes:
        """Return 32 bytes; raise InputRefused when there are none."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A folder with a file for each secret, readable by nobody else; a missing one is made."""

    folder: Path
    random: Callable[[int], bytes] = os.urandom

    def secret(self, name: str) -> bytes:
        """Return a file's content; raise InputRefused for one that others may read."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{name}.key"
        if not path.exists():
            write_file(path, self.random(_KEY_BYTES))
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InputRefused(f"others may read {path.name}; a vault's key files need mode 600.")
        if stat.S_IMODE(self.folder.stat().st_mode) & 0o022:
            raise InputRefused(f"others may put keys into {self.folder.name}; a vault's folder of keys needs mode 700.")
        return path.read_bytes()


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """A program that is given a secret's name as its last argument and writes the secret as 64 hex digits."""

    program: Sequence[str]

    def secret(self, name: str) -> bytes:
        """Return what the program writes; raise InputRefused when it fails."""
        try:
            # Whom it asks, and how, is the operator's own word in the operator's own file.
            told = subprocess.run([*self.program, name], capture_output=True, check=True, timeout=_COMMAND_SECONDS)  # noqa: S603
            return bytes.fromhex(told.stdout.decode())
        except (OSError, subprocess.SubprocessError, ValueError):
            # Without the cause: it may carry what the program wrote.
            raise InputRefused(f"{self.program[0]} did not give the vault's key {name!r}.") from None


def open_keys(folder: Path, random: Callable[[int], bytes] = os.urandom) -> VaultKeys:
    """Return the keys of a vault whose key files lie in its own folder."""
    return keys_from(KeyFiles(folder / KEYS_FOLDER, random), random)


def keys_from(source: KeySource, random: Callable[[int], bytes] = os.urandom) -> VaultKeys:
    """Return a vault's keys; raise InputRefused for a secret that is none, or that others may read."""
    return VaultKeys(
        signing=SigningKey.from_bytes(_checked(source, "signing")),
        deposit=HpkeKey.from_bytes(_checked(source, "deposit")),
        at_rest=ShareEncryption(_checked(source, "at-rest"), random),
    )


def _checked(source: KeySource, name: str) -> bytes:
    secret = source.secret(name)
    if len(secret) != _KEY_BYTES:
        raise InputRefused(f"{name}.key is no vault key; it needs {_KEY_BYTES} bytes.")
    return secret
