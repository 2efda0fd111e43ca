"""Hashes, length-prefixed encoding, canonical JSON (RFC 8785), content addresses (CIDv1)."""

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
    """Return Keccak-256, as Ethereum uses it, of the concatenated parts."""
    # In one piece: a call into the library costs as much as a block.
    return keccak.new(data=b"".join(parts), digest_bits=256).digest()


def lp(*parts: bytes) -> bytes:
    """Return each part after its length (u32, big-endian): an injective encoding of the list."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def canonical(document: msgspec.Struct | dict[str, Any]) -> bytes:
    """Return the canonical JSON of a document (RFC 8785); raise InputRefused if it has none.

    Digests and addresses are hex text in it; ``bytes`` would become base64.
    """
    try:
        return rfc8785.dumps(msgspec.to_builtins(document))
    except rfc8785.CanonicalizationError as error:
        raise InputRefused(f"this document has no canonical JSON form: {error}.") from error


def cid_of(sha256_digest: Digest) -> str:
    """Return the CID of a file: CIDv1, raw codec, base32."""
    return "b" + base64.b32encode(_CID_PREFIX + to_bytes(sha256_digest, 32)).decode().lower().rstrip("=")


def digest_of_cid(cid: str) -> Digest:
    """Return the SHA-256 in a CIDv1 of raw content; raise InputRefused for another address."""
    padded = cid[1:].upper() + "=" * (-len(cid[1:]) % 8)
    try:
        raw = base64.b32decode(padded)
    except ValueError as error:
        raise InputRefused(f"{cid[:80]!r} is not a valid base32 content address.") from error
    digest = to_digest(raw[4:]) if raw[:4] == _CID_PREFIX and len(raw) == 36 else None
    if digest is None or cid_of(digest) != cid:
        raise InputRefused(f"{cid[:80]!r} is not the address of raw content by SHA-256 (CIDv1, bafkrei…).")
    return digest
