"""The pool owner's key, from a file that only its owner may read."""

import stat
from pathlib import Path

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused


def read_key(path: Path) -> SigningKey:
    """Return the key in a file of 32 bytes or 64 hex digits; raise InputRefused, never showing what it holds."""
    try:
        mode, content = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except OSError as error:
        raise InputRefused(f"the pool's key file {path.name} cannot be read ({error.strerror}).") from None
    if mode & 0o077:
        raise InputRefused(f"others may read {path.name}; a key file needs mode 600.")
    try:
        secret = content if len(content) == 32 else bytes.fromhex(content.decode().strip().removeprefix("0x"))
        return SigningKey.from_bytes(secret)
    except ValueError:
        raise InputRefused(f"{path.name} holds no key: 32 bytes or 64 hex digits.") from None
