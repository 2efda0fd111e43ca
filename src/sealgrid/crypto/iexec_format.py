"""Files sealed by iExec's SDK: AES-256-CBC with PKCS#7 padding, the 16-byte IV first, no tag.

CBC cannot tell an altered file, so the file's SHA-256, which stands on chain, is checked before anything is
decrypted. Sealgrid writes this format only for a beneficiary who registered an RSA key by iExec's route.
"""

import hashlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from sealgrid.errors import ContainerRefused, InputRefused
from sealgrid.units import Digest, to_digest

KEY_BYTES = 32
BLOCK_BYTES = 16

_READ = 1024 * 1024


def open_iexec(source: BinaryIO, target: BinaryIO, key: bytes, *, sha256: Digest) -> None:
    """Decrypt a file of iExec's from its start; ``sha256`` is its checksum on chain.

    (iexec.1) The whole file has this SHA-256. (iexec.2) It is an IV and one or more blocks. (iexec.3) Its last block
    ends in PKCS#7 padding. Raises ContainerRefused with the number. ``source`` is read twice: it must be the reader's
    own copy, which nobody else can change in between.
    """
    if len(key) != KEY_BYTES:
        raise InputRefused(f"a key of iExec's has {KEY_BYTES} bytes, not {len(key)}.")
    if _checksum(source) != sha256:  # (1)
        raise ContainerRefused("iexec.1", "the file differs from its checksum on chain.")
    size = source.seek(0, os.SEEK_END)
    if size < 2 * BLOCK_BYTES or size % BLOCK_BYTES:  # (2)
        raise ContainerRefused("iexec.2", "this is no file that iExec's SDK encrypted.")
    source.seek(0)
    target.writelines(_plain(source, key))


def seal_iexec(plain: bytes, key: bytes, iv: bytes) -> bytes:
    """Return what iExec's SDK opens with this 32-byte key; ``iv`` has 16 random bytes, used once."""
    padding, cipher = PKCS7(BLOCK_BYTES * 8).padder(), Cipher(AES256(key), CBC(iv)).encryptor()
    padded = padding.update(plain) + padding.finalize()
    return iv + cipher.update(padded) + cipher.finalize()


def _checksum(source: BinaryIO) -> Digest:
    source.seek(0)
    digest = hashlib.sha256()
    while block := source.read(_READ):
        digest.update(block)
    return to_digest(digest.digest())


def _plain(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    cipher = Cipher(AES256(key), CBC(source.read(BLOCK_BYTES))).decryptor()
    padding = PKCS7(BLOCK_BYTES * 8).unpadder()
    while block := source.read(_READ):
        yield padding.update(cipher.update(block))
    try:
        yield padding.update(cipher.finalize()) + padding.finalize()
    except ValueError as error:  # (3)
        raise ContainerRefused("iexec.3", "the file does not open with this key.") from error
