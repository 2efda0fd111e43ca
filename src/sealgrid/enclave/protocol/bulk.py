"""The keys of a bulk's datasets, as far as t vaults gave them alike and their owners pushed them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealgrid.attestation.facts import BulkFact, DatasetFact, Facts
from sealgrid.crypto.shares import KeyRecord, combine
from sealgrid.enclave.protocol.pushed_secrets import is_value
from sealgrid.errors import CheckFailed, EvidenceRefused
from sealgrid.units import Address, Digest
from sealgrid.wire.vault import BulkShare, ReleaseAnswer


@dataclass(frozen=True)
class _Key:
    """Which key a vault says that its share is of."""

    place: int
    record: KeyRecord
    value: Digest


def keys_of(facts: Facts, answers: Mapping[Address, ReleaseAnswer], threshold: int) -> tuple[bytes | None, ...]:
    """Return the key of each dataset of the slice, in its order; None for one that this task goes without.

    A key counts when ``threshold`` vaults gave shares of it under one record about this very file, when these fit the
    record, and when (11) it has the hash that its owner signed. An owner who sees to it that one does not leaves out
    its own dataset only; the receipt says which ones were used.
    """
    if not facts.bulk:
        return ()
    groups: dict[_Key, list[BulkShare]] = defaultdict(list)
    for answer in answers.values():
        for place, given in {each.place: each for each in answer.bulk}.items():
            groups[_Key(place, given.share.record, given.value)].append(given)
    keys: list[bytes | None] = [None] * len(facts.bulk.datasets)
    for of, shares in groups.items():
        if len(shares) >= threshold and _is_about(of.record, listed_dataset(facts, of.place)):
            keys[of.place] = _combined(of, shares)
    return tuple(keys)


def listed_dataset(facts: Facts, place: int) -> DatasetFact:
    """Return the dataset that facts list at a place of the slice; raise EvidenceRefused (9) where they list none."""
    listed = facts.bulk.datasets if isinstance(facts.bulk, BulkFact) else ()
    found = listed[place] if 0 <= place < len(listed) else None
    if found is None:
        raise EvidenceRefused("9", "a vault gave a share of a dataset that the facts do not list.")
    return found


def _is_about(record: KeyRecord, dataset: DatasetFact) -> bool:
    return (record.asset, record.owner, record.file_sha256) == (dataset.address, dataset.owner, dataset.checksum)


def _combined(of: _Key, given: Sequence[BulkShare]) -> bytes | None:
    try:
        key = combine([each.share.share for each in given], of.record)
    except CheckFailed:
        return None
    return key if is_value(key, of.value) else None  # (11)
