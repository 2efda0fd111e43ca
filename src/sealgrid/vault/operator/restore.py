"""Restores a vault from a backup of its database, without reviving anything that was destroyed since the backup.

(1) The backup is intact, belongs to this vault on this chain, and the vault's key decrypts every share in it.
(2) All nonces are deleted, and tasks of deals made before the restoration get none (nonce check 1.7).
(3) A release without a Settle in the backup may have got one since; it is deleted, so it gets no second one.
(4) A share is kept if t other vaults have a share of the same version now; otherwise it may have been destroyed since.
    Higher versions that the other vaults show with the owner's signature are recorded, so no older one is accepted.
(5) A policy is kept if t other vaults have the same one; otherwise it may have been narrowed since.
(6) Evaluation numbers rise to the t-th highest that the other vaults have seen.
(7) A key that t other vaults report not to open its file is refused here too (7.22).
(8) A key that t other vaults report to open its file needs no further proof here (7.23).

What is dropped comes back when its owner deposits the key again. With t = 1 no other vault can confirm anything, and
everything is dropped.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import delete, select

from sealgrid.attestation.statements import DepositKey
from sealgrid.attestation.vault_log import check_head
from sealgrid.crypto.shares import commit
from sealgrid.errors import EvidenceRefused, InputRefused, SealgridError, ServiceUnavailable
from sealgrid.units import Address, Digest, TaskId, to_digest
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.checks.signatures import checked_digest
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import ShareEncryption, load_keys
from sealgrid.vault.operator.backup import place_backup
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.key_notes import KeyNotes, OpenedKeys, UnopenedKeys
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.schema import nonces, releases, settles
from sealgrid.vault.stores.share_store import ShareStore, StoredVersion
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.vault import AssetView, VaultClient

AssetKey = tuple[Address, Address]  #: asset and owner of a key


@dataclass(frozen=True, slots=True)
class PeerState:
    """The state that another vault of the federation reported."""

    views: Mapping[AssetKey, AssetView]  #: of the keys that it knows
    evaluations: Mapping[Digest, int]  #: highest evaluation number of each series


@dataclass(frozen=True, slots=True)
class RestorationResult:
    """What was restored, and what its owners must deposit again."""

    restored: int  #: number of shares
    dropped: tuple[AssetKey, ...]


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored, what its owners must deposit again, and what is lost."""

    restored: int  #: number of shares
    dropped: tuple[AssetKey, ...]
    lost_entries: int  #: of the log, under heads that other vaults have witnessed; they will raise an alarm


@dataclass(frozen=True, slots=True)
class _Peer:
    address: Address
    vault: VaultClient
    log: LogClient


async def restore(
    config: VaultConfig,
    source: Path,
    *,
    clock: Callable[[], int] = lambda: int(time.time()),
    http: httpx.AsyncBaseTransport | None = None,
) -> RestoreReport:
    """Restore a lost database from a backup; raise InputRefused for one that is damaged or another vault's.

    Queries the other vaults of the settings; an unreachable one counts as one that knows nothing. Raises
    EvidenceRefused if another service responds in place of a vault. The database gets its final name last.
    ``http`` sends the requests (see ``HttpTransport``).
    """
    keys = load_keys(config.key_source)
    federation = VaultFederation.of(config.network, keys.address)
    placed = place_backup(source, config.folder)
    with closing(VaultDatabase(placed)) as database:
        database.claim(federation.database_identity(config.network.genesis))
        async with AsyncExitStack() as stack:
            peers = []
            for address, url in config.peers:
                if address != federation.own_address:
                    transport = await stack.enter_async_context(HttpTransport(url, name=f"vault {address}", http=http))
                    peers.append(_Peer(address, VaultClient(transport), LogClient(transport)))
            share_store = ShareStore(database, keys.at_rest, federation)
            asset_keys = sorted({*share_store.share_keys(), *share_store.policy_keys()})
            replies = await asyncio.gather(*(_query(peer, asset_keys, federation) for peer in peers))
        states = [state for state, _ in replies if state is not None]
        result = apply_backup(database, keys.at_rest, federation, states, at=clock())
        witnessed = max((size for _, size in replies), default=0)
        lost = max(0, witnessed - VaultLog(database).frontier.size)
        await database.scrub()
    placed.rename(config.folder / DATABASE)
    return RestoreReport(result.restored, result.dropped, lost)


def apply_backup(
    database: VaultDatabase,
    at_rest: ShareEncryption,
    federation: VaultFederation,
    peers: Sequence[PeerState],
    *,
    at: int,
) -> RestorationResult:
    """Apply (2) to (8) and the last part of (1) to a backup; ``peers`` are the other vaults that responded."""
    share_store, needed = ShareStore(database, at_rest, federation), federation.threshold
    shares = {key: _read_share(share_store, key) for key in share_store.share_keys()}  # (1)
    with database.transaction() as connection:
        connection.execute(delete(nonces))  # (2)
        same = (settles.c.task == releases.c.task) & (settles.c.enclave == releases.c.enclave)
        connection.execute(delete(releases).where(~select(settles.c.task).where(same).exists()))  # (3)
    database.note_restoration(at)  # (2)
    dropped = []
    for key, share in shares.items():
        views = _views(key, peers)
        if sum(view.has_share and view.record == share.record for view in views) < needed:
            share_store.destroy(*key, at=at)  # (4)
            dropped.append(key)
    for view in (view for peer in peers for view in peer.views.values()):
        if view.record.is_signed_by(view.record.owner, federation.domain, view.signature):
            digest = checked_digest(view.record, federation.domain)
            share_store.note_version(StoredVersion(view.record, digest, view.signature, at, destroyed=at))  # (4)
    for key in share_store.policy_keys():
        stored = share_store.policy(*key)
        if stored is None or [view.policy for view in _views(key, peers)].count(stored.policy) < needed:
            share_store.delete_policy(*key)  # (5)
    for series, number in _evaluations(peers, needed).items():
        database.raise_evaluation(series, number)  # (6)
    for key in share_store.share_keys():
        share = shares[key]
        views = [view for view in _views(key, peers) if view.record == share.record]
        _note(UnopenedKeys(database), share, [view.unopened for view in views if view.unopened], needed, at)  # (7)
        _note(OpenedKeys(database), share, [view.opened for view in views if view.opened], needed, at)  # (8)
    database.commit()
    return RestorationResult(len(shares) - len(dropped), tuple(dropped))


def _read_share(share_store: ShareStore, key: AssetKey) -> StoredShare:
    share = share_store.find(*key)
    if share is None or commit(share.share) != share.record.commitments[share.share.index - 1]:
        raise InputRefused("a share in this backup does not fit the commitment of its owner.", money="")
    return share


def _views(key: AssetKey, peers: Sequence[PeerState]) -> list[AssetView]:
    return [peer.views[key] for peer in peers if key in peer.views]


def _note(notes: KeyNotes, share: StoredShare, tasks: Sequence[TaskId], needed: int, at: int) -> None:
    if len(tasks) >= needed:
        notes.note(share.record_digest, tasks[0], at)


def _evaluations(peers: Sequence[PeerState], needed: int) -> dict[Digest, int]:
    """Return the ``needed``-th highest evaluation number of each series; nothing from fewer peers."""
    if len(peers) < needed:
        return {}
    numbers = {}
    for series in {series for peer in peers for series in peer.evaluations}:
        numbers[series] = sorted((peer.evaluations.get(series, 0) for peer in peers), reverse=True)[needed - 1]
    return numbers


async def _query(peer: _Peer, keys: Sequence[AssetKey], federation: VaultFederation) -> tuple[PeerState | None, int]:
    """Return a peer's state and the size of the newest head of this vault's log that it witnessed."""
    try:
        identity = await peer.vault.identity()
        statement = DepositKey(vault=peer.address, key=to_digest(identity.deposit_key))
        if not statement.is_signed_by(peer.address, federation.domain, identity.signature):
            raise EvidenceRefused(
                "peer", f"the service at the URL of vault {peer.address} does not have that vault's key.", money=""
            )
        views = await asyncio.gather(*(peer.vault.find_asset(*key) for key in keys))
        known = {key: view for key, view in zip(keys, views, strict=True) if view is not None}
        evaluations = (await peer.vault.evaluations()).numbers
        witnessed = [each.head for each in (await peer.log.witnesses()).heads]
    except ServiceUnavailable:
        return None, 0
    sizes = [0]
    for head in witnessed:
        with suppress(SealgridError):
            check_head(head.head, head.signature, vault=federation.own_address, domain=federation.domain)
            sizes.append(head.head.size)
    return PeerState(known, evaluations), max(sizes)
