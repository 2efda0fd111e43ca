"""Splits a key into one sealed share for each vault, delivers the shares, and reads which vaults store one."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sealgrid.crypto.shares import record_from_shares, split
from sealgrid.crypto.signing import Domain
from sealgrid.errors import ServiceUnavailable
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.deposits import check_identity, check_receipt, seal_to_vault
from sealgrid.wire.quorum import call_all
from sealgrid.wire.vault import AssetView, IexecDeposit, VaultClient, VaultIdentity

T = TypeVar("T")
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class SplitTarget:
    """The federation that a key is split for."""

    domain: Domain
    hub: Address
    vaults: tuple[Address, ...]  #: ascending
    threshold: int


@dataclass(frozen=True, slots=True)
class SecretAsset:
    """A dataset or app at a confirmed block, or the derived asset of a requester's secret."""

    address: Address
    owner: Address
    checksum: Digest  #: of a dataset's sealed file or an app's manifest; zero for a requester's secret


@dataclass(frozen=True, slots=True)
class VaultMembers:
    """Clients of the vaults, in the order of ``target.vaults``."""

    target: SplitTarget
    clients: tuple[VaultClient, ...]

    async def count_shares(self, asset: Address, owner: Address) -> tuple[int, int]:
        """Return how many vaults store a share of the same key, and how many do not answer."""
        views = await call_all([client.find_asset(asset, owner) for client in self.clients], enough=len(self.clients))
        silent = sum(isinstance(view, BaseException) for view in views)
        stored = Counter(view.history[-1].record for view in views if isinstance(view, AssetView) and view.has_share)
        return max(stored.values(), default=0), silent

    async def prepare(self, asset: Address, owner: Address) -> tuple[bool, tuple[VaultIdentity, ...]]:
        """Return whether the key is new to every vault, and the vaults' verified identities.

        Raises ServiceUnavailable unless all vaults answer.
        """
        views = _require_all(
            await call_all([client.find_asset(asset, owner) for client in self.clients], enough=self.number)
        )
        identities = _require_all(await call_all([client.identity() for client in self.clients], enough=self.number))
        for identity, vault in zip(identities, self.target.vaults, strict=True):
            check_identity(identity, vault, self.target.domain)
        return all(view is None for view in views), tuple(identities)

    async def deliver(self, deposits: Sequence[IexecDeposit]) -> list[BaseException | None]:
        """Send each vault its share; return the error of each, None for a vault that signed a receipt."""
        pairs = zip(self.clients, deposits, strict=True)
        return await call_all([self._deliver(client, deposit) for client, deposit in pairs], enough=self.number)

    @property
    def number(self) -> int:
        """Return the number of vaults."""
        return len(self.clients)

    async def _deliver(self, client: VaultClient, deposit: IexecDeposit) -> None:
        reply = await client.deposit_iexec(deposit)
        record, vault = to_digest(deposit.record.digest(self.target.domain)), self.target.vaults[deposit.index - 1]
        check_receipt(reply, record=record, vault=vault, index=deposit.index, domain=self.target.domain)


def _require_all(replies: Sequence[T | BaseException]) -> list[T]:
    """Return the reply of every vault; raise ServiceUnavailable if one is missing."""
    failed = [reply for reply in replies if isinstance(reply, BaseException)]
    if failed:
        raise ServiceUnavailable(
            f"{len(failed)} of {len(replies)} vaults do not answer, and a new key must reach all of them. "
            "No share was sent; try again later."
        )
    return [reply for reply in replies if not isinstance(reply, BaseException)]


def split_key(
    key: bytes,
    asset: SecretAsset,
    *,
    file_sha256: Digest,
    value_hash: Digest,
    signature: bytes,
    name: str = "",
    target: SplitTarget,
    identities: Sequence[VaultIdentity],
    random: Random = os.urandom,
) -> tuple[IexecDeposit, ...]:
    """Split the 32-byte key of a sealed file; return the deposit of each vault, with the share sealed to it.

    ``identities`` are verified, in vault order. ``name`` is the name of a requester's secret.
    """
    shares = split(key, len(target.vaults), target.threshold, random)
    record = record_from_shares(
        hub=target.hub,
        asset=asset.address,
        owner=asset.owner,
        version=1,
        file_sha256=file_sha256,
        t=target.threshold,
        vaults=target.vaults,
        shares=shares,
    )
    digest = to_digest(record.digest(target.domain))
    return tuple(
        IexecDeposit(
            record=record,
            value_hash=value_hash,
            signature=signature,
            index=share.index,
            name=name,
            sealed=seal_to_vault(share, identity, digest),
        )
        for share, identity in zip(shares, identities, strict=True)
    )
