"""Published shares and HPKE messages, checked by arithmetic that is written out here from docs/protocol/keys.md."""

import hashlib
import hmac
import itertools
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import Share, combine, commit, record_from_shares
from sealgrid.units import ZERO_DIGEST, to_address

VECTORS = json.loads(Path(__file__).with_name("keys.json").read_text())
SPLIT, MESSAGE = VECTORS["shares"], VECTORS["hpke"]
DEK = bytes.fromhex(SPLIT["dek"])
SHARES = [
    Share(index=one["index"], value=bytes.fromhex(one["value"]), blind=bytes.fromhex(one["blind"]))
    for one in SPLIT["shares"]
]
POLYNOMIAL = (1 << 128) + 0b10000111  # x^128 + x^7 + x^2 + x + 1


def times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = a << 1, b >> 1
        if a >> 128:
            a ^= POLYNOMIAL
    return product


def inverse(a):
    result = 1  # a^(2^128 - 2)
    for _ in range(127):
        a = times(a, a)
        result = times(result, a)
    return result


def at_zero(points):
    total = 0
    for x, y in points:
        term = y
        for other, _ in points:
            if other != x:
                term = times(term, times(other, inverse(other ^ x)))
        total ^= term
    return total.to_bytes(16, "big")


def test_any_two_published_shares_interpolate_to_the_key():
    for pair in itertools.combinations(SHARES, SPLIT["t"]):
        halves = [[(s.index, int.from_bytes(s.value[at : at + 16], "big")) for s in pair] for at in (0, 16)]
        assert b"".join(at_zero(half) for half in halves) == DEK


def test_published_shares_match_their_published_commitments():
    for share, published in zip(SHARES, SPLIT["shares"], strict=True):
        parts = (share.index.to_bytes(8, "big"), share.value, share.blind)
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        assert published["commitment"] == "0x" + hashlib.sha256(b"sealgrid/share/1" + framed).hexdigest()
        assert commit(share) == published["commitment"]


def test_published_shares_combine_here():
    someone = to_address(b"\xa1" * 20)
    record = record_from_shares(
        hub=someone,
        asset=someone,
        owner=someone,
        version=1,
        file_sha256=ZERO_DIGEST,
        t=SPLIT["t"],
        vaults=[to_address(bytes([n]) * 20) for n in (1, 2, 3)],
        shares=SHARES,
    )
    assert combine(SHARES[1:], record) == DEK


def extract(suite, salt, label, secret):
    return hmac.digest(salt, b"HPKE-v1" + suite + label + secret, "sha256")


def expand(suite, key, label, info, size):
    block = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, block + b"\x01", "sha256")[:size]


def open_by_rfc_9180(secret, sealed, info):
    private = X25519PrivateKey.from_private_bytes(secret)
    shared = private.exchange(X25519PublicKey.from_public_bytes(sealed[:32]))
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    both = sealed[:32] + private.public_key().public_bytes_raw()
    secret = expand(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", both, 32)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    scheduled = extract(suite, secret, b"secret", b"")
    key, nonce = (expand(suite, scheduled, label, context, size) for label, size in ((b"key", 32), (b"base_nonce", 12)))
    return AESGCM(key).decrypt(nonce, sealed[32:], b"")


def test_the_published_message_opens_here_and_by_rfc_9180():
    secret, sealed, info, plaintext = (bytes.fromhex(MESSAGE[n]) for n in ("secret", "sealed", "info", "plaintext"))
    assert HpkeKey.from_bytes(secret).public.hex() == MESSAGE["public"]
    assert HpkeKey.from_bytes(secret).open(sealed, info) == plaintext
    assert open_by_rfc_9180(secret, sealed, info) == plaintext
