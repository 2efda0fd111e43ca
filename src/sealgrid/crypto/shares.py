"""Shamir secret sharing of a file's 32-byte key among vaults (t of n), with commitments (docs/protocol/keys.md).

Uses PyCryptodome's Shamir over GF(2^128). Its polynomials come from PyCryptodome's own generator (the operating
system's); only blinds come from ``random``.
"""

import os
from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
from Crypto.Protocol.SecretSharing import Shamir

from sealgrid.crypto.digests import lp, sha256
from sealgrid.crypto.signing import Statement
from sealgrid.errors import InputRefused, SharesRefused
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_digest

DEK_BYTES = 32
BLIND_BYTES = 32
MAX_VAULTS = 255  #: limit of uint8; the broker accepts at most 8

_HALF = 16  # Shamir shares 16 bytes: a key is shared as two halves at the same x
_COMMITMENT = b"sealgrid/share/1"


class Share(msgspec.Struct, frozen=True):
    """One vault's share of a key; its repr hides value and blind."""

    index: int  #: 1 … n, the x of the polynomial
    value: bytes  #: 32 bytes, both halves
    blind: bytes  #: 32 random bytes that make the commitment hiding

    def __repr__(self) -> str:
        return f"Share(index={self.index})"

    def __rich_repr__(self) -> list[tuple[str, int]]:
        return [("index", self.index)]


class KeyRecord(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner's signed record of a file's key: the vault and the commitment of each share."""

    TYPES: ClassVar = (
        ("address", "hub"),
        ("address", "asset"),
        ("address", "owner"),
        ("uint64", "version"),
        ("bytes32", "fileSha256"),
        ("uint8", "n"),
        ("uint8", "t"),
        ("address[]", "vaults"),
        ("bytes32[]", "commitments"),
    )

    hub: Address
    asset: Address
    owner: Address
    version: int
    file_sha256: Digest
    n: int
    t: int
    vaults: tuple[Address, ...]
    commitments: tuple[Digest, ...]


def split(dek: bytes, n: int, t: int, random: Callable[[int], bytes] = os.urandom) -> tuple[Share, ...]:
    """Split a 32-byte key into n shares of which any t suffice; raise InputRefused for an invalid size."""
    if len(dek) != DEK_BYTES:
        raise InputRefused(f"a data key has {DEK_BYTES} bytes, not {len(dek)}.")
    if not 1 <= t <= n <= MAX_VAULTS:
        raise InputRefused(f"{t} of {n} shares is not a valid threshold; 1 ≤ t ≤ n ≤ {MAX_VAULTS}.")
    halves = zip(Shamir.split(t, n, dek[:_HALF], False), Shamir.split(t, n, dek[_HALF:], False), strict=True)
    return tuple(Share(x, left + right, random(BLIND_BYTES)) for (x, left), (_, right) in halves)


def commit(share: Share) -> Digest:
    """Return the commitment of a share; raise ValueError for an invalid share."""
    if not 1 <= share.index <= MAX_VAULTS or len(share.value) != DEK_BYTES or len(share.blind) != BLIND_BYTES:
        raise ValueError("a share has an index from 1, 32 bytes of value and 32 of blind")
    return to_digest(sha256(_COMMITMENT, lp(share.index.to_bytes(8, "big"), share.value, share.blind)))


def record_from_shares(
    *,
    hub: Address,
    asset: Address,
    owner: Address,
    version: int,
    file_sha256: Digest,
    t: int,
    vaults: Sequence[Address],
    shares: Sequence[Share],
) -> KeyRecord:
    """Return the record of these shares, the i-th for the i-th vault; raise SharesRefused if they do not match."""
    if [share.index for share in shares] != list(range(1, len(vaults) + 1)):
        raise SharesRefused("record.4", f"there are {len(shares)} shares for {len(vaults)} vaults; give one to each.")
    return record_from_commitments(
        hub=hub,
        asset=asset,
        owner=owner,
        version=version,
        file_sha256=file_sha256,
        t=t,
        vaults=vaults,
        commitments=[commit(share) for share in shares],
    )


def record_from_commitments(
    *,
    hub: Address,
    asset: Address,
    owner: Address,
    version: int,
    file_sha256: Digest,
    t: int,
    vaults: Sequence[Address],
    commitments: Sequence[Digest],
) -> KeyRecord:
    """Return the record of shares from their commitments; raise SharesRefused if it is invalid."""
    record = KeyRecord(
        hub=hub,
        asset=asset,
        owner=owner,
        version=version,
        file_sha256=file_sha256,
        n=len(vaults),
        t=t,
        vaults=tuple(vaults),
        commitments=tuple(commitments),
    )
    validate_record(record)
    return record


def validate_record(record: KeyRecord) -> None:
    """Check the numbers of a record, not its signature; raise SharesRefused.

    (record.1) The threshold is at least one. (record.2) n = 2t - 1, so two majorities always share a vault.
    (record.3) Vaults are strictly ascending and none is zero. (record.4) Vaults and commitments are n each.
    """
    if record.t < 1:  # (1)
        raise SharesRefused("record.1", f"a threshold of {record.t} protects nothing.")
    if record.n != 2 * record.t - 1 or record.n > MAX_VAULTS:  # (2)
        raise SharesRefused("record.2", f"{record.t} of {record.n} is not a federation; n must be 2t - 1.")
    if list(record.vaults) != sorted(set(record.vaults)) or ZERO_ADDRESS in record.vaults:  # (3)
        raise SharesRefused("record.3", "vaults must be strictly ascending and not zero.")
    if len(record.vaults) != record.n or len(record.commitments) != record.n:  # (4)
        raise SharesRefused("record.4", f"{record.n} shares need as many vaults and commitments.")


def combine(shares: Sequence[Share], record: KeyRecord) -> bytes:
    """Return the 32-byte key from shares that a verified record commits to.

    (1) There are at least t different shares. (2) At least t of them have an index of the record. (3) At least t of
    those match their commitment. Shares that do not match are ignored; if too few remain, the error names their
    vaults. An invalid record is refused first, with its own numbers.
    """
    validate_record(record)
    _check_count("1", {share.index for share in shares}, record, "came")
    known = [share for share in shares if 1 <= share.index <= record.n]
    _check_count("2", {share.index for share in known}, record, "have an index that the record knows")
    valid = {share.index: share for share in known if _matches(share, record)}
    mismatched = ", ".join(sorted(mismatched_vaults(shares, record)))
    _check_count("3", set(valid), record, f"match their commitments; wrong ones came from {mismatched}")
    points = [valid[index] for index in sorted(valid)[: record.t]]
    return b"".join(
        Shamir.combine([(share.index, share.value[half : half + _HALF]) for share in points], False)
        for half in (0, _HALF)
    )


def mismatched_vaults(shares: Sequence[Share], record: KeyRecord) -> frozenset[Address]:
    """Return the vaults whose share does not match its commitment."""
    return frozenset(
        record.vaults[share.index - 1]
        for share in shares
        if 1 <= share.index <= record.n and not _matches(share, record)
    )


def _matches(share: Share, record: KeyRecord) -> bool:
    try:
        return commit(share) == record.commitments[share.index - 1]
    except ValueError:
        return False


def _check_count(check: str, indexes: set[int], record: KeyRecord, which: str) -> None:
    if len(indexes) < record.t:
        raise SharesRefused(check, f"{record.t} shares are needed; only {len(indexes)} {which}.")
