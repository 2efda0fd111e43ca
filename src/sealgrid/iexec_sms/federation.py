"""The vaults behind the face: what they hold of a key, who they are, and how each gets its share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.iexec_sms.key_splitter import SplitTarget
from sealgrid.units import Address, to_digest
from sealgrid.wire.deposits import check_identity, check_receipt
from sealgrid.wire.quorum import call_all
from sealgrid.wire.vault import AssetView, IexecDeposit, VaultClient, VaultIdentity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VaultMembers:
    """The federation, spoken to: ``clients`` in the order of the place's vaults."""

    place: SplitTarget
    clients: tuple[VaultClient, ...]

    async def holders(self, asset: Address, owner: Address) -> tuple[int, int]:
        """Return how many vaults hold a share of one and the same key, and how many do not answer."""
        views = await call_all([_view(client, asset, owner) for client in self.clients], enough=len(self.clients))
        silent = sum(isinstance(view, BaseException) for view in views)
        held = Counter(view.history[-1].record for view in views if isinstance(view, AssetView) and view.has_share)
        return max(held.values(), default=0), silent

    async def ready(self, asset: Address, owner: Address) -> tuple[bool, tuple[VaultIdentity, ...]]:
        """Return whether no vault ever had this key, and who they are; raise ServiceUnavailable unless all answer."""
        views = all_of(await call_all([_view(client, asset, owner) for client in self.clients], enough=self.number))
        identities = all_of(await call_all([client.identity() for client in self.clients], enough=self.number))
        for identity, vault in zip(identities, self.place.vaults, strict=True):
            check_identity(identity, vault, self.place.domain)
        return all(view is None for view in views), tuple(identities)

    async def give(self, deposits: Sequence[IexecDeposit]) -> list[BaseException | None]:
        """Hand every vault its share; return what went wrong with each, None where the vault signed for it."""
        pairs = zip(self.clients, deposits, strict=True)
        return await call_all([self._give(client, deposit) for client, deposit in pairs], enough=self.number)

    @property
    def number(self) -> int:
        """Return how many vaults there are."""
        return len(self.clients)

    async def _give(self, client: VaultClient, deposit: IexecDeposit) -> None:
        reply = await client.deposit_iexec(deposit)
        record, vault = to_digest(deposit.record.digest(self.place.domain)), self.place.vaults[deposit.index - 1]
        check_receipt(reply, record=record, vault=vault, index=deposit.index, domain=self.place.domain)


def all_of(answers: Sequence[T | BaseException]) -> list[T]:
    """Return every vault's answer; raise ServiceUnavailable when one is missing: nothing was given to anybody."""
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    if failed:
        raise ServiceUnavailable(
            f"{len(failed)} of {len(answers)} vaults do not answer, and a new key goes to all of them; try again later."
        )
    return [answer for answer in answers if not isinstance(answer, BaseException)]


async def _view(client: VaultClient, asset: Address, owner: Address) -> AssetView | None:
    try:
        return await client.asset(asset, owner)
    except NotFound:
        return None
