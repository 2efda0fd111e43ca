"""Hashes, the length-prefixed encoding that feeds them, canonical JSON, and content addresses."""

import base64
import hashlib
from typing import Any

import msgspec
import rfc8785
from Crypto.Hash import keccak

from sealgrid.errors import InputRefused
from sealgrid.units import Digest, to_bytes, to_digest

_CID_PREFIX = b"\x01\x55\x12\x20"  # CIDv1, raw codec, sha2-256 of 32 bytes (multiformats)


def sha256(*parts: bytes) -> bytes:
    """Return SHA-256 of the concatenated parts (FIPS 180-4)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def sha512(*parts: bytes) -> bytes:
    """Return SHA-512 of the concatenated parts (FIPS 180-4)."""
    digest = hashlib.sha512()
    for part in parts:
        digest.update(part)
    return digest.digest()


def keccak256(*parts: bytes) -> bytes:
    """Return Ethereum's Keccak-256 of the concatenated parts."""
    digest = keccak.new(digest_bits=256)
    for part in parts:
        digest.update(part)
    return digest.digest()


def lp(*parts: bytes) -> bytes:
    """Return each part behind its length (u32, big-endian), so that no two lists of parts look alike."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def canonical(document: msgspec.Struct | dict[str, Any]) -> bytes:
    """Return a document's one JSON form (RFC 8785); raise InputRefused for what has none, as integers above 2^53.

    Digests and addresses in it are hex text already; ``bytes`` would become base64.
    """
    try:
        return rfc8785.dumps(msgspec.to_builtins(document))
    except rfc8785.CanonicalizationError as error:
        raise InputRefused(f"this document has no canonical JSON form: {error}.") from error


def cid_of(sha256_digest: Digest) -> str:
    """Return the content address of a file: CIDv1, raw codec, base32."""
    return "b" + base64.b32encode(_CID_PREFIX + to_bytes(sha256_digest, 32)).decode().lower().rstrip("=")


def digest_of_cid(cid: str) -> Digest:
    """Return the SHA-256 that a content address names; raise InputRefused for any other kind of address."""
    padded = cid[1:].upper() + "=" * (-len(cid[1:]) % 8)
    try:
        raw = base64.b32decode(padded)
    except ValueError as error:
        raise InputRefused(f"{cid[:80]!r} is no base32 content address.") from error
    digest = to_digest(raw[4:]) if raw[:4] == _CID_PREFIX and len(raw) == 36 else None
    if digest is None or cid_of(digest) != cid:
        raise InputRefused(f"{cid[:80]!r} is no address of raw content by SHA-256 (CIDv1, bafkrei…).")
    return digest
