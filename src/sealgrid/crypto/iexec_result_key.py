"""RSA public key that a beneficiary registers in iExec's SMS for the encryption of results."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sealgrid.crypto.iexec_format import KEY_BYTES
from sealgrid.errors import InputRefused

RESULT_KEY_NAME = "iexec-result-encryption-public-key"
MIN_BITS = 2048
MAX_BITS = 8192  #: bounds the time of an encryption


def parse_rsa_key(value: bytes) -> RSAPublicKey:
    """Parse a value of iExec's SDK: base64 of a PEM (SPKI); raise InputRefused if it is invalid.

    A trial encryption finds invalid numbers, such as an even modulus, which load without an error.
    """
    try:
        key = load_pem_public_key(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise InputRefused("this is not a valid public key: give the base64 text of its PEM.") from error
    if not isinstance(key, RSAPublicKey) or not MIN_BITS <= key.key_size <= MAX_BITS:
        raise InputRefused(f"a result key must be an RSA key of {MIN_BITS} to {MAX_BITS} bits.")
    try:
        key.encrypt(bytes(KEY_BYTES), PKCS1v15())
    except ValueError as error:
        raise InputRefused("this RSA key is not valid: a trial encryption failed.") from error
    return key
