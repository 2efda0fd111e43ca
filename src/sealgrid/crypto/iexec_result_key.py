"""The RSA key that a beneficiary registers by iExec's route, so that results are encrypted for it: public, signed."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sealgrid.crypto.iexec_format import KEY_BYTES
from sealgrid.errors import InputRefused

RESULT_KEY_NAME = "iexec-result-encryption-public-key"
LEAST_BITS = 2048
MOST_BITS = 8192  #: encrypting under a larger one would take long


def parse_rsa_key(value: bytes) -> RSAPublicKey:
    """Return the key in a value as iExec's SDK pushes it: base64 of a PEM (SPKI); raise InputRefused otherwise.

    It encrypts: numbers that are no RSA key, as an even modulus, load as one and fail only then.
    """
    try:
        key = load_pem_public_key(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise InputRefused("this is no public key: give the base64 text of its PEM.") from error
    if not isinstance(key, RSAPublicKey) or not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise InputRefused(f"results are encrypted for RSA keys of {LEAST_BITS} to {MOST_BITS} bits.")
    try:
        key.encrypt(bytes(KEY_BYTES), PKCS1v15())
    except ValueError as error:
        raise InputRefused("this RSA key encrypts nothing; its numbers are no key's.") from error
    return key
