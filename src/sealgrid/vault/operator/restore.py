"""Restore a vault from a copy of its database: ask the other vaults what still holds, then apply ``restoration.py``."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.statements import DepositKey
from sealgrid.attestation.vault_log import check_head
from sealgrid.errors import EvidenceRefused, NotFound, SealgridError, ServiceUnavailable
from sealgrid.units import Address, to_digest
from sealgrid.vault.checks.signatures import signer
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import keys_from
from sealgrid.vault.operator.backup import place_copy
from sealgrid.vault.operator.restoration import Named, PeerState, renew
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.vault import AssetView, VaultClient


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What came back, what its owners must share anew, and what is lost for good."""

    kept: int  #: shares
    dropped: tuple[Named, ...]
    lost_entries: int  #: of the log, that other vaults saw a signed head over: they will name this vault for it


@dataclass(frozen=True, slots=True)
class _RestoreSource:
    address: Address
    vault: VaultClient
    log: LogClient


async def restore(
    config: VaultConfig, source: Path, *, clock: Callable[[], int] = lambda: int(time.time())
) -> RestoreReport:
    """Put a copy in place of a lost database; raise InputRefused for one that is damaged or another vault's.

    The other vaults are those that the settings name; one that does not answer counts as one that knows nothing.
    Raises EvidenceRefused when something else answers for one. Nothing serves before everything is decided.
    """
    keys = keys_from(config.key_source)
    federation = VaultFederation.of(config.network, keys.address)
    placed = place_copy(source, config.folder)
    with closing(VaultDatabase(placed)) as store:
        store.claim(federation.belonging(config.network.genesis))
        async with AsyncExitStack() as stack:
            peers = [await _reached(stack, *each) for each in config.peers if each[0] != federation.us]
            custody = ShareStore(store, keys.at_rest, federation)
            named = sorted({*custody.shared(), *custody.policed()})
            told = await asyncio.gather(*(_ask(peer, named, federation) for peer in peers))
        words = [word for word, _ in told if word is not None]
        done = renew(store, keys.at_rest, federation, words, at=clock())
        seen = max((size for _, size in told), default=0)
        lost = max(0, seen - VaultLog(store).frontier.size)
        await store.scrubbed()
    placed.rename(config.folder / DATABASE)
    return RestoreReport(done.kept, done.dropped, lost)


async def _reached(stack: AsyncExitStack, address: Address, url: str) -> _RestoreSource:
    transport = await stack.enter_async_context(HttpTransport(url, name=f"vault {address}"))
    return _RestoreSource(address, VaultClient(transport), LogClient(transport))


async def _ask(
    peer: _RestoreSource, named: Sequence[Named], federation: VaultFederation
) -> tuple[PeerState | None, int]:
    try:
        await _expect_itself(peer, federation)
        views = await asyncio.gather(*(_view(peer.vault, *each) for each in named))
        known = {each: view for each, view in zip(named, views, strict=True) if view is not None}
        return PeerState(known, (await peer.vault.evaluations()).numbers), await _seen_of_us(peer, federation)
    except ServiceUnavailable:
        return None, 0


async def _expect_itself(peer: _RestoreSource, federation: VaultFederation) -> None:
    identity = await peer.vault.identity()
    statement = DepositKey(vault=peer.address, key=to_digest(identity.deposit_key))
    if signer(statement, federation.domain, identity.signature) != peer.address:
        raise EvidenceRefused(
            "peer", f"what answers for vault {peer.address} does not hold that vault's key.", money=""
        )


async def _view(client: VaultClient, asset: Address, owner: Address) -> AssetView | None:
    try:
        return await client.asset(asset, owner)
    except NotFound:
        return None


async def _seen_of_us(peer: _RestoreSource, federation: VaultFederation) -> int:
    sizes = [0]
    for each in (await peer.log.witnesses()).heads:
        try:
            check_head(each.head.head, each.head.signature, vault=federation.us, domain=federation.domain)
        except SealgridError:
            continue
        sizes.append(each.head.head.size)
    return max(sizes)
