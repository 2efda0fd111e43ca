"""A vault's three secrets: what it signs with, what deposits are sealed to, what its shares are encrypted under.

Each is a file of 32 bytes, readable by its owner alone, in a folder apart from the database: whoever copies the
database has no share.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.units import Address

KEYS_FOLDER = "keys"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class AtRest:
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
    at_rest: AtRest = field(repr=False)

    @property
    def address(self) -> Address:
        """Return the address that the broker lists."""
        return self.signing.address


def open_keys(folder: Path, random: Callable[[int], bytes] = os.urandom) -> VaultKeys:
    """Read the keys of a vault's folder, making those that are missing; raise InputRefused for a readable key file."""
    keys = folder / KEYS_FOLDER
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    return VaultKeys(
        signing=SigningKey.from_bytes(_secret(keys / "signing.key", random)),
        deposit=HpkeKey.from_bytes(_secret(keys / "deposit.key", random)),
        at_rest=AtRest(_secret(keys / "at-rest.key", random), random),
    )


def _secret(path: Path, random: Callable[[int], bytes]) -> bytes:
    if not path.exists():
        _write(path, random(_KEY_BYTES))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InputRefused(f"others may read {path.name}; a vault's key files need mode 600.")
    secret = path.read_bytes()
    if len(secret) != _KEY_BYTES:
        raise InputRefused(f"{path.name} is no vault key; it needs {_KEY_BYTES} bytes.")
    return secret


def _write(path: Path, secret: bytes) -> None:
    # Complete or absent: a crash must not leave half a key under the name that the next start reads.
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(secret)
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)
