"""Hashes, canonical JSON and content addresses."""

import contextlib
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.digests import canonical, cid_of, digest_of_cid, keccak256, lp, sha256, sha512
from sealgrid.errors import InputRefused
from sealgrid.units import to_digest

digests = st.binary(min_size=32, max_size=32).map(to_digest)


def test_keccak_is_ethereums_and_not_sha3():
    assert keccak256().hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.lists(st.binary()))
def test_hashing_parts_equals_hashing_them_joined(parts):
    assert sha256(*parts) == hashlib.sha256(b"".join(parts)).digest()
    assert sha512(*parts) == hashlib.sha512(b"".join(parts)).digest()
    assert keccak256(*parts) == keccak256(b"".join(parts))


@given(st.lists(st.binary(max_size=5), max_size=4), st.lists(st.binary(max_size=5), max_size=4))
def test_two_lists_of_parts_share_an_encoding_only_when_equal(left, right):
    assert (lp(*left) == lp(*right)) == (left == right)


def test_the_length_prefix_is_four_bytes_big_endian():
    assert lp(b"ab", b"") == b"\0\0\0\2ab\0\0\0\0"


def test_canonical_json_sorts_keys_and_drops_spaces():
    class Pair(msgspec.Struct):
        b: int
        a: str

    assert canonical(Pair(b=1, a="é")) == '{"a":"é","b":1}'.encode()
    assert canonical({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}'


def test_a_number_that_json_readers_would_round_has_no_canonical_form():
    with pytest.raises(InputRefused, match="no canonical JSON form"):
        canonical({"amount": 2**53})


def test_the_address_of_a_known_file_is_what_ipfs_prints():
    # `echo hello | ipfs add --cid-version=1 --raw-leaves`
    assert cid_of(to_digest(sha256(b"hello\n"))) == "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"


@given(digests)
def test_a_content_address_leads_back_to_its_digest(digest):
    assert digest_of_cid(cid_of(digest)) == digest


@pytest.mark.parametrize(
    "cid",
    [
        "",
        "b",
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPd",
        "bafybeicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am",
        "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6an",
        "BAFKREICYSG23KIWV34EG2D7QWEIPXWOSDO2PY4LDV42NBAUGULUEN5V6AM",
        "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am====",
        "zafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am",
        "bäfkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am",
    ],
    ids=[
        "empty",
        "prefix-only",
        "version-0",
        "dag-pb",
        "stray-last-bits",
        "upper-case",
        "padded",
        "other-base",
        "umlaut",
    ],
)
def test_any_other_kind_or_spelling_of_an_address_is_refused(cid):
    with pytest.raises(InputRefused):
        digest_of_cid(cid)


@given(st.text(max_size=70))
def test_no_text_makes_the_address_parser_fail_otherwise(text):
    with contextlib.suppress(InputRefused):
        assert cid_of(digest_of_cid(text)) == text
