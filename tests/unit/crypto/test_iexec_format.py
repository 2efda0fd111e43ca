"""Files that iExec's SDK encrypted are read, after their checksum."""

import hashlib
import io
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.errors import ContainerRefused, InputRefused
from sealgrid.units import to_digest

KEY = b"\x0c" * 32


def encrypt(plaintext, iv=b"\x01" * 16):
    padder, cipher = PKCS7(128).padder(), Cipher(AES256(KEY), CBC(iv)).encryptor()
    return iv + cipher.update(padder.update(plaintext) + padder.finalize()) + cipher.finalize()


def opened(sealed, key=KEY):
    target = io.BytesIO()
    digest = to_digest(hashlib.sha256(sealed).digest())
    open_iexec(io.BytesIO(sealed), target, key, sha256=digest)
    return target.getvalue()


def refusal(sealed, key=KEY):
    with pytest.raises(ContainerRefused) as refused:
        opened(sealed, key=key)
    return refused.value.check


@given(st.binary(max_size=100))
def test_an_iexec_file_opens(plaintext):
    assert opened(encrypt(plaintext)) == plaintext


def test_an_iexec_file_larger_than_one_read_opens():
    plaintext = os.urandom((2 << 20) + 5)
    assert opened(encrypt(plaintext)) == plaintext


def test_a_file_that_openssl_made_opens():
    # printf 'sealed by openssl' | openssl enc -aes-256-cbc -K 0c… (32 times) -iv 01… (16 times), the IV put before it
    sealed = bytes.fromhex("01" * 16 + "5b244feb4b42f3ecc85b754ff8a9fde89ad4942aec99e6dfae772b6a1a3955b3")
    assert opened(sealed) == b"sealed by openssl"


def test_an_altered_file_is_refused_by_its_checksum_before_anything_is_written():
    sealed = bytearray(encrypt(b"x" * 40))
    sealed[20] ^= 1
    target = io.BytesIO()
    with pytest.raises(ContainerRefused) as refused:
        open_iexec(io.BytesIO(sealed), target, KEY, sha256=to_digest(hashlib.sha256(encrypt(b"x" * 40)).digest()))
    assert (refused.value.check, target.getvalue()) == ("iexec.1", b"")


@pytest.mark.parametrize("size", [0, 15, 16, 31, 33])
def test_a_file_of_an_impossible_length_is_refused(size):
    assert refusal(bytes(size)) == "iexec.2"


def test_a_key_that_gives_no_padding_is_refused():
    # AES under an all-zero key happens to give no valid padding for this file.
    assert refusal(encrypt(b"x" * 40), key=bytes(32)) == "iexec.3"


def test_a_key_of_another_length_is_refused():
    with pytest.raises(InputRefused):
        opened(encrypt(b"x"), key=KEY[:16])
