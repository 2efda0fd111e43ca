"""A result as iExec's SDK decrypts it: encrypted for the RSA key that the deal's beneficiary registered.

The form is iExec's own. It hides the result, and does not tell an altered one: whoever opens it compares the file's
SHA-256 with the receipt's before.
"""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from sealgrid.bundle.archive import pack
from sealgrid.crypto.iexec_format import BLOCK_BYTES, KEY_BYTES, seal_iexec
from sealgrid.crypto.iexec_result_key import parse_rsa_key


def seal_for_rsa(archive: bytes, value: bytes, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return the zip of ``iexec_out.zip.aes`` and ``aes-key.rsa``; ``value`` is the key as it was registered."""
    key = random(KEY_BYTES)
    sealed = seal_iexec(archive, key, random(BLOCK_BYTES))
    return pack({"aes-key.rsa": parse_rsa_key(value).encrypt(key, PKCS1v15()), "iexec_out.zip.aes": sealed})
