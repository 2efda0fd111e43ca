"""HPKE messages open for their reader in their context, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto import hpke
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import ContainerRefused

READER = HpkeKey.from_bytes(b"\x42" * 32)
P = 2**255 - 19
LOW_ORDER = {
    "zero": 0,
    "one": 1,
    "order-8": int.from_bytes(
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), "little"
    ),
    "order-8-twin": int.from_bytes(
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"), "little"
    ),
    "p-1": P - 1,
    "p": P,
    "p+1": P + 1,
    "zero-with-the-ignored-bit": 1 << 255,
}


@given(st.binary(max_size=200), st.binary(max_size=64))
def test_a_message_opens_with_its_key_in_its_context(plaintext, info):
    assert READER.open(hpke.seal(READER.public, plaintext, info), info) == plaintext


def test_a_message_does_not_open_in_another_context():
    with pytest.raises(ContainerRefused) as refused:
        READER.open(hpke.seal(READER.public, b"share", b"record 1"), b"record 2")
    assert refused.value.check == "hpke"


def test_a_message_does_not_open_with_another_key():
    with pytest.raises(ContainerRefused):
        HpkeKey.generate().open(hpke.seal(READER.public, b"share", b""), b"")


def test_no_flipped_byte_and_no_cut_opens():
    sealed = hpke.seal(READER.public, b"share", b"i")
    flipped = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    for bad in [*flipped, *(sealed[:i] for i in range(len(sealed))), sealed + b"\0"]:
        with pytest.raises(ContainerRefused):
            READER.open(bad, b"i")


@pytest.mark.parametrize("point", LOW_ORDER.values(), ids=LOW_ORDER.keys())
def test_a_key_of_low_order_is_refused_before_anything_is_sealed_to_it(point):
    public = point.to_bytes(32, "little")
    for use in (hpke.check_public, lambda key: hpke.seal(key, b"share", b"")):
        with pytest.raises(ContainerRefused, match="low order"):
            use(public)


@pytest.mark.parametrize("point", LOW_ORDER.values(), ids=LOW_ORDER.keys())
def test_a_message_from_a_sender_key_of_low_order_does_not_open(point):
    with pytest.raises(ContainerRefused):
        READER.open(point.to_bytes(32, "little") + bytes(32), b"")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size):
    with pytest.raises(ContainerRefused, match="32 bytes"):
        hpke.seal(b"\x09" * size, b"share", b"")


def test_a_stored_key_opens_what_was_sealed_before():
    key = HpkeKey.generate()
    assert HpkeKey.from_bytes(key.secret).open(hpke.seal(key.public, b"share", b""), b"") == b"share"


def test_a_key_does_not_show_its_secret():
    assert READER.secret.hex() not in repr(READER)
    assert READER.public.hex() in repr(READER)
