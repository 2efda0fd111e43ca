"""Files encrypted by iExec's SDK: 16-byte IV ‖ AES-256-CBC with PKCS#7 padding (RFC 5652), not authenticated.

CBC does not detect changes, so the SHA-256 on the chain is checked before decryption. Sealgrid writes this format only
for a beneficiary with an RSA key in iExec's SMS.
"""

import hashlib
import os
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
    """Decrypt a file of iExec's SDK; ``sha256`` is its checksum on the chain.

    (iexec.1) The file has this SHA-256. (iexec.2) It is an IV and one or more blocks. (iexec.3) The last block ends
    with PKCS#7 padding. Raises ContainerRefused with the number. ``source`` is read twice: it must be a private copy.
    """
    if len(key) != KEY_BYTES:
        raise InputRefused(f"an iExec key has {KEY_BYTES} bytes, not {len(key)}.")
    source.seek(0)
    digest = hashlib.sha256()
    while block := source.read(_READ):
        digest.update(block)
    if to_digest(digest.digest()) != sha256:  # (1)
        raise ContainerRefused("iexec.1", "the file differs from its checksum on chain.")
    size = source.seek(0, os.SEEK_END)
    if size < 2 * BLOCK_BYTES or size % BLOCK_BYTES:  # (2)
        raise ContainerRefused("iexec.2", "this is not a valid file of iExec's SDK.")
    source.seek(0)
    cipher = Cipher(AES256(key), CBC(source.read(BLOCK_BYTES))).decryptor()
    padding = PKCS7(BLOCK_BYTES * 8).unpadder()
    while block := source.read(_READ):
        target.write(padding.update(cipher.update(block)))
    try:
        last = padding.update(cipher.finalize()) + padding.finalize()
    except ValueError as error:  # (3)
        raise ContainerRefused("iexec.3", "the file does not open with this key.") from error
    target.write(last)


def seal_iexec(plain: bytes, key: bytes, iv: bytes) -> bytes:
    """Encrypt for iExec's SDK with a 32-byte key; ``iv`` has 16 random bytes, used once."""
    padding, cipher = PKCS7(BLOCK_BYTES * 8).padder(), Cipher(AES256(key), CBC(iv)).encryptor()
    padded = padding.update(plain) + padding.finalize()
    return iv + cipher.update(padded) + cipher.finalize()
