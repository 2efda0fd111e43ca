"""Combine the key shares that t vaults sent, and find the vaults whose shares are invalid."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealgrid.attestation.facts import BulkFact, DatasetFact, Facts
from sealgrid.crypto.shares import KeyRecord, Share, combine, mismatched_vaults
from sealgrid.crypto.signing import Domain
from sealgrid.enclave.protocol.pushed_secrets import SignedSecret, has_hash
from sealgrid.errors import CheckFailed, EvidenceRefused, HostFailed, SharesRefused
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.vault import BulkShare, ReleaseAnswer


def combine_keys(facts: Facts, answers: Sequence[ReleaseAnswer]) -> dict[Digest, bytes]:
    """Return sealed file's sha256 -> key for every secret of the facts.

    (8) The shares must fit the record that the facts name. (11) A key that its owner pushed through iExec's API must
    have the hash that the owner signed. Raises SharesRefused, or HostFailed for a secret without a share.
    """
    keys = {}
    for secret in facts.secrets:
        record, shares = _shares_of(secret.record, facts, answers)
        if record is None:
            raise HostFailed("the vaults named a secret and sent no share of it.")
        key = combine(shares, record)  # (8)
        if secret.kind == "iexec" and not has_hash(key, secret.value):  # (11)
            raise SharesRefused("11", "the dataset's key is not the one that its owner pushed; it was split wrongly.")
        keys[secret.file_sha256] = key
    return keys


def pushed_secrets(facts: Facts, answers: Sequence[ReleaseAnswer]) -> dict[Digest, SignedSecret]:
    """Return sealed file's sha256 -> owner and signatures for every secret that was pushed through iExec's API."""
    signed = {}
    for secret in facts.secrets:
        record, _ = _shares_of(secret.record, facts, answers)
        if record is not None and secret.kind == "iexec-requester" and record.owner != facts.requester:
            raise SharesRefused("12", "a secret of the requester's came under another account's record.")
        if secret.kind in {"iexec-developer", "iexec-requester"} and record is not None:
            signatures = frozenset(
                share.signature for answer in answers for share in answer.shares if share.record == record
            )
            signed[secret.file_sha256] = SignedSecret(record.owner, signatures)
    return signed


def find_lying_vaults(facts: Facts, answers: Mapping[Address, ReleaseAnswer]) -> set[Address]:
    """Return the vaults whose share of a secret is missing or does not fit its record."""
    liars = set()
    for vault, answer in answers.items():
        for secret in facts.secrets:
            record, shares = _shares_of(secret.record, facts, [answer])
            if record is None or mismatched_vaults(shares, record):
                liars.add(vault)
    return liars


def _shares_of(
    record_digest: Digest, facts: Facts, answers: Sequence[ReleaseAnswer]
) -> tuple[KeyRecord | None, list[Share]]:
    domain = Domain(chain=facts.chain, broker=facts.broker)
    record: KeyRecord | None = None
    shares = []
    for secret in (each for answer in answers for each in answer.shares):
        if to_digest(secret.record.digest(domain)) == record_digest:
            record = secret.record
            shares.append(secret.share)
    return record, shares


@dataclass(frozen=True)
class _BulkKey:
    """The key that a vault says its share is of."""

    index: int
    record: KeyRecord
    value: Digest


def combine_bulk_keys(
    facts: Facts, answers: Mapping[Address, ReleaseAnswer], threshold: int
) -> tuple[bytes | None, ...]:
    """Return the key of each dataset of the slice, in its order; None for one that this task runs without.

    A key counts when ``threshold`` vaults sent shares of it under one record about this very file, when these fit the
    record, and when (11) it has the hash that its owner signed. An owner who spoils a key excludes its own dataset
    only; the receipt lists the datasets that were used.
    """
    if not facts.bulk:
        return ()
    groups: dict[_BulkKey, list[BulkShare]] = defaultdict(list)
    for answer in answers.values():
        for index, share in {each.place: each for each in answer.bulk}.items():
            groups[_BulkKey(index, share.share.record, share.value)].append(share)
    keys: list[bytes | None] = [None] * len(facts.bulk.datasets)
    for key, shares in groups.items():
        if len(shares) < threshold:
            continue
        record, dataset = key.record, listed_dataset(facts, key.index)
        if (record.asset, record.owner, record.file_sha256) != (dataset.address, dataset.owner, dataset.checksum):
            continue
        try:
            combined = combine([each.share.share for each in shares], record)
        except CheckFailed:
            continue
        if has_hash(combined, key.value):  # (11)
            keys[key.index] = combined
    return tuple(keys)


def listed_dataset(facts: Facts, index: int) -> DatasetFact:
    """Return the dataset at an index of the task's slice; raise EvidenceRefused (9) where the facts list none."""
    datasets = facts.bulk.datasets if isinstance(facts.bulk, BulkFact) else ()
    dataset = datasets[index] if 0 <= index < len(datasets) else None
    if dataset is None:
        raise EvidenceRefused("9", "a vault gave a share of a dataset that the facts do not list.")
    return dataset
