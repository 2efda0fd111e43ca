"""Begin again from a copy of the database without bringing anything back that was undone since it was made.

(1) The copy is sound, belongs to this vault on this chain, and the vault's key opens every share in it.
(2) All nonces are void, and a task of a deal that was made before the restoration gets none (nonce check 1.7).
(3) A release that has no Settle in the copy may have got one since; it is forgotten, so that it gets no second.
(4) A share is kept when t other vaults hold a share of the very same version now; it may have been destroyed since.
    What a vault shows with the owner's signature under a higher version is remembered, so that no older one is taken.
(5) A policy is kept when t other vaults have the same one; it may have been narrowed since.
(6) Evaluation numbers rise to the t-th highest that the other vaults have seen.
(7) A key that t other vaults say did not open its file is refused here too (7.22).
(8) A key that t other vaults say opened its file needs no proof here either (7.23).

What is dropped comes back when its owner shares the key anew. With t = 1 nobody can tell, and everything is dropped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from sealgrid.crypto.shares import commit
from sealgrid.errors import InputRefused
from sealgrid.units import Address, Digest, TaskId
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.checks.signatures import digest_of
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import VaultDatabase, nonces, releases, settles
from sealgrid.vault.stores.key_notes import KeyNotes
from sealgrid.vault.stores.opened_keys import OpenedKeys
from sealgrid.vault.stores.share_store import ShareStore, StoredPolicy, StoredVersion
from sealgrid.vault.stores.unopened_keys import UnopenedKeys
from sealgrid.wire.vault import AssetView

Named = tuple[Address, Address]  #: asset and owner of a key


@dataclass(frozen=True, slots=True)
class PeerState:
    """What another vault of the federation told."""

    views: Mapping[Named, AssetView]  #: of the keys that it knows
    evaluation: Mapping[Digest, int]  #: highest evaluation number of each series


@dataclass(frozen=True, slots=True)
class RestorationResult:
    """What came back, and what its owners must share anew."""

    kept: int  #: shares
    dropped: tuple[Named, ...]


def renew(
    store: VaultDatabase, at_rest: ShareEncryption, federation: VaultFederation, peers: Sequence[PeerState], *, at: int
) -> RestorationResult:
    """Apply all but the first half of (1) to a copy; ``peers`` are the other vaults that answered."""
    custody, needed = ShareStore(store, at_rest, federation), federation.threshold
    held = {named: _opened(custody, named) for named in custody.shared()}  # (1)
    with store.transaction() as connection:
        connection.execute(delete(nonces))  # (2)
        same = (settles.c.task == releases.c.task) & (settles.c.enclave == releases.c.enclave)
        connection.execute(delete(releases).where(~select(settles.c.task).where(same).exists()))  # (3)
    store.note_restoration(at)  # (2)
    dropped = tuple(named for named, share in held.items() if _holders(named, share, peers) < needed)
    for named in dropped:
        custody.destroy(*named, at=at)  # (4)
    for view in (view for peer in peers for view in peer.views.values() if _is_owners(view, federation)):
        custody.outdate(_version(view, federation, at))  # (4)
    for named in custody.policed():
        if _agreeing(named, custody.policy(*named), peers) < needed:
            custody.forget_policy(*named)  # (5)
    for series, number in _evaluations(peers, needed).items():
        store.raise_evaluation(series, number)  # (6)
    for named in custody.shared():
        share, views = held[named], [peer.views[named] for peer in peers if named in peer.views]
        alike = [view for view in views if view.record == share.record]
        _note(UnopenedKeys(store), share, [view.unopened for view in alike if view.unopened], needed, at)  # (7)
        _note(OpenedKeys(store), share, [view.opened for view in alike if view.opened], needed, at)  # (8)
    store.commit()
    return RestorationResult(len(held) - len(dropped), dropped)


def _opened(custody: ShareStore, named: Named) -> StoredShare:
    held = custody.share(*named)
    if held is None or commit(held.share) != held.record.commitments[held.share.index - 1]:
        raise InputRefused("a share in this copy is not the one that its owner committed to.", money="")
    return held


def _holders(named: Named, share: StoredShare, peers: Sequence[PeerState]) -> int:
    views = [peer.views[named] for peer in peers if named in peer.views]
    return sum(view.held and view.record == share.record for view in views)


def _note(notes: KeyNotes, share: StoredShare, told: list[TaskId], needed: int, at: int) -> None:
    if len(told) >= needed:
        notes.note(share.record_digest, told[0], at)


def _agreeing(named: Named, signed: StoredPolicy | None, peers: Sequence[PeerState]) -> int:
    told = [peer.views[named].policy for peer in peers if named in peer.views]
    return 0 if signed is None else told.count(signed.policy)


def _is_owners(view: AssetView, federation: VaultFederation) -> bool:
    return view.record.is_signed_by(view.record.owner, federation.domain, view.signature)


def _version(view: AssetView, federation: VaultFederation, at: int) -> StoredVersion:
    return StoredVersion(
        view.record, digest_of(view.record, federation.domain), view.signature, received=at, destroyed=at
    )


def _evaluations(peers: Sequence[PeerState], needed: int) -> dict[Digest, int]:
    seen = Counter(series for peer in peers for series in peer.evaluation)
    told = {series: sorted((peer.evaluation.get(series, 0) for peer in peers), reverse=True) for series in seen}
    return {series: numbers[needed - 1] for series, numbers in told.items() if len(numbers) >= needed}
