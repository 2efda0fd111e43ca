"""A key becomes one sealed share for each vault; after this nobody but the vaults can put it together."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sealgrid.crypto.shares import record_from_shares, split
from sealgrid.crypto.signing import Domain
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.deposits import sealed_part
from sealgrid.wire.vault import IexecDeposit, VaultIdentity

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class SplitTarget:
    """The federation that keys are split for."""

    domain: Domain
    hub: Address
    vaults: tuple[Address, ...]  #: ascending
    threshold: int


@dataclass(frozen=True, slots=True)
class SecretAsset:
    """A dataset or an app at a confirmed block, or what a requester's secret is kept under."""

    address: Address
    owner: Address
    checksum: Digest  #: of a dataset's sealed file, or of an app's manifest; zero for a requester's secret


def deposits_of(
    key: bytes,
    asset: SecretAsset,
    *,
    file_sha256: Digest,
    value_hash: Digest,
    signature: bytes,
    name: str = "",
    place: SplitTarget,
    identities: Sequence[VaultIdentity],
    random: Random = os.urandom,
) -> tuple[IexecDeposit, ...]:
    """Split the 32-byte key of a sealed file; return each vault's deposit, sealed to it.

    ``identities`` are checked, in vault order; ``name`` is the secret's under iExec's route.
    """
    shares = split(key, len(place.vaults), place.threshold, random)
    record = record_from_shares(
        hub=place.hub,
        asset=asset.address,
        owner=asset.owner,
        version=1,
        file_sha256=file_sha256,
        t=place.threshold,
        vaults=place.vaults,
        shares=shares,
    )
    digest = to_digest(record.digest(place.domain))
    return tuple(
        IexecDeposit(
            record=record,
            value_hash=value_hash,
            signature=signature,
            index=share.index,
            name=name,
            sealed=sealed_part(share, identity, digest),
        )
        for share, identity in zip(shares, identities, strict=True)
    )
