"""Only a working RSA key of a usual size encrypts a result."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealgrid.crypto.iexec_result_key import parse_rsa_key
from sealgrid.errors import InputRefused


def value(public) -> bytes:
    return base64.b64encode(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def numbers(bits: int, offset: int = 1) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + offset).public_key()


def test_a_key_of_2048_bits_is_read():
    key = rsa.generate_private_key(65537, 2048).public_key()
    assert parse_rsa_key(value(key)) == key


@pytest.mark.parametrize("content", [b"", b"not base64!", base64.b64encode(b"no PEM")])
def test_what_is_no_key_is_refused(content: bytes):
    with pytest.raises(InputRefused, match="not a valid public key"):
        parse_rsa_key(content)


@pytest.mark.parametrize(
    "public",
    [ec.generate_private_key(ec.SECP256R1()).public_key(), numbers(1024), numbers(8200)],
    ids=["EC", "small", "large"],
)
def test_a_key_of_another_kind_or_size_is_refused(public):
    with pytest.raises(InputRefused, match="2048 to 8192 bits"):
        parse_rsa_key(value(public))


def test_a_key_that_does_not_encrypt_is_refused():
    with pytest.raises(InputRefused, match="trial encryption"):
        parse_rsa_key(value(numbers(2048, offset=2)))
