"""Report data and identities: the formula of docs/protocol/evidence.md, and that each part counts."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation import binding
from sealgrid.attestation.policy import Platform
from sealgrid.units import to_address, to_digest

addresses = st.binary(min_size=20, max_size=20).map(to_address)
digests = st.binary(min_size=32, max_size=32).map(to_digest)
PARTS = {
    "chain": 31337,
    "hub": to_address(b"\1" * 20),
    "task": to_digest(b"\2" * 32),
    "worker": to_address(b"\3" * 20),
    "app_digest": to_digest(b"\4" * 32),
    "enclave": to_address(b"\5" * 20),
    "hpke_public": b"\6" * 32,
    "vault_set": to_digest(b"\7" * 32),
    "nonces": (b"\x08" * 32, b"\x09" * 32, b"\x0a" * 32),
}
OTHER = {
    "chain": 1,
    "hub": to_address(b"\xff" * 20),
    "task": to_digest(b"\xff" * 32),
    "worker": to_address(b"\xff" * 20),
    "app_digest": to_digest(b"\xff" * 32),
    "enclave": to_address(b"\xff" * 20),
    "hpke_public": b"\xff" * 32,
    "vault_set": to_digest(b"\xff" * 32),
    "nonces": (b"\x09" * 32, b"\x08" * 32, b"\x0a" * 32),
}
SET = {
    "chain": 31337,
    "hub": to_address(b"\1" * 20),
    "broker": to_address(b"\2" * 20),
    "t": 2,
    "vaults": tuple(to_address(bytes([n]) * 20) for n in (3, 4, 5)),
}
OTHER_SET = {
    "chain": 1,
    "hub": to_address(b"\2" * 20),
    "broker": to_address(b"\1" * 20),
    "t": 1,
    "vaults": SET["vaults"][:2],
}


def lp(*parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def raw(text):
    return bytes.fromhex(text[2:])


def test_report_data_is_the_published_formula():
    listed = (
        (31337).to_bytes(8, "big"),
        b"\1" * 20,
        b"\2" * 32,
        b"\3" * 20,
        b"\4" * 32,
        b"\5" * 20,
        b"\6" * 32,
        b"\7" * 32,
        b"\x08" * 32 + b"\x09" * 32 + b"\x0a" * 32,
    )
    expected = hashlib.sha512(b"sealgrid/attest/1" + lp(*listed)).digest()
    assert binding.report_data(**PARTS) == expected
    assert binding.session(expected) == "0x" + hashlib.sha256(expected).hexdigest()


@pytest.mark.parametrize("part", PARTS)
def test_each_part_changes_the_report_data(part):
    assert binding.report_data(**{**PARTS, part: OTHER[part]}) != binding.report_data(**PARTS)


@pytest.mark.parametrize(("part", "value"), [("hpke_public", b"\6" * 31), ("nonces", (b"\x08" * 64, b"\x09" * 32))])
def test_a_part_of_the_wrong_size_is_refused(part, value):
    with pytest.raises(ValueError, match="bytes"):
        binding.report_data(**{**PARTS, part: value})


def test_the_vault_set_is_the_published_formula():
    listed = ((31337).to_bytes(8, "big"), b"\1" * 20, b"\2" * 20, (2).to_bytes(8, "big"), *map(raw, SET["vaults"]))
    expected = hashlib.sha256(b"sealgrid/vaults/1" + lp(*listed)).hexdigest()
    assert binding.vault_set(**SET) == "0x" + expected


@pytest.mark.parametrize("part", SET)
def test_each_part_changes_the_vault_set(part):
    assert binding.vault_set(**{**SET, part: OTHER_SET[part]}) != binding.vault_set(**SET)


@given(st.sampled_from(Platform), st.lists(st.binary(min_size=48, max_size=48), min_size=1, max_size=4))
def test_the_runtime_identity_is_the_published_formula(platform, measurements):
    expected = hashlib.sha256(b"sealgrid/runtime/1" + lp(bytes([platform]), *measurements)).hexdigest()
    assert binding.runtime_identity(platform, measurements) == "0x" + expected


@given(digests.filter(lambda digest: int(digest, 16) != 0))
def test_a_locked_app_is_read_back(digest):
    config = binding.locked_config(digest)
    assert (len(config), binding.locked_app(config)) == (48, digest)


@given(digests, st.binary(min_size=16, max_size=16).filter(any))
def test_a_config_with_anything_behind_the_digest_locks_nothing(digest, tail):
    assert binding.locked_app(raw(digest) + tail) is None


def test_an_empty_or_short_config_locks_nothing():
    assert binding.locked_app(bytes(48)) is None
    assert binding.locked_app(b"\1" * 32) is None
