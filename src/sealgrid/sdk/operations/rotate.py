"""Rotate the key of an own model: reshare it among the vaults, or reseal the file under a new key.

Resharing (proactive secret sharing: a fresh polynomial, fresh blinds, a higher version) makes copied shares worthless
and gives a changed federation its shares. It does not help once t old shares or the key have leaked: then reseal.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import Withdrawal
from sealgrid.chain.assets import Assets
from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import CardSubject, card_of, encode_card
from sealgrid.sdk.operations import publish
from sealgrid.sdk.operations.asset_names import parse_name
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.key_versions import key_versions, views_of
from sealgrid.sdk.operations.orders import count_offers, on_terms_of, sign_and_publish
from sealgrid.sdk.operations.own_names import next_name
from sealgrid.sdk.operations.own_offers import cancel, open_model_offers
from sealgrid.sdk.operations.policies import newest_policy
from sealgrid.sdk.operations.prove import check_provable, prove_new_key
from sealgrid.sdk.operations.publish import SealedFile
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.stores.model_store import ModelRecord, ModelStore
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import location
from sealgrid.wire.vault import AssetView, WithdrawRequest


@dataclass(frozen=True, slots=True)
class RotationResult:
    """The model and key version after a rotation."""

    address: Address  #: of the model that is for sale now
    version: int  #: of its key
    offers: int  #: signed again after resealing
    unreached: tuple[str, ...]  #: one sentence a step that remains to be done


async def rotate_shares(
    conn: Connection, record: ModelRecord, app: Address | None, on_progress: Progress
) -> RotationResult:
    """Reshare the key; model, offers and policy stay. ``app`` proves the new version; None skips the proof."""
    if app is not None:
        await check_provable(conn, app, on_progress)
    version = await reshare(conn, ModelKey(record.model, record.checksum, bytes.fromhex(record.dek)))
    if app is not None:
        await prove_new_key(conn, record.model, app, on_progress)
    return RotationResult(record.model, version, 0, ())


async def rotate_key(
    conn: Connection, record: ModelRecord, models: ModelStore, app: Address | None, on_progress: Progress
) -> RotationResult:
    """Reseal the model, offer it on the same terms, withdraw the old one; no failure in between loses a key.

    ``app`` proves that the new one opens before it is offered; None skips the proof.
    """
    old = ModelKey(record.model, record.checksum, bytes.fromhex(record.dek))

    def store(sealed: SealedFile) -> None:
        models.store(conn, sealed)

    if app is not None:
        await check_provable(conn, app, on_progress)
    sealed = await reseal(conn, old, name=record.name, on_progress=on_progress, store=store)
    if app is not None:
        await prove_new_key(conn, sealed.address, app, on_progress)
    on_progress(ProgressStep("offering it on the market"))
    offers = await open_model_offers(conn, record.model, record)
    for order, left in offers.orders:
        again = on_terms_of(order, dataset=sealed.address, volume=left)
        await sign_and_publish(conn, again, lambda signed: store(replace(sealed, order=signed)))
    on_progress(ProgressStep("withdrawing the old one"))
    await cancel(conn, record.model, [order for order, _ in offers.orders])
    unavailable = await withdraw(conn, record.model)
    models.set_successor(record, sealed.address)
    unreached = tuple(f"vault {vault} does not answer and still has its old share." for vault in unavailable)
    return RotationResult(
        sealed.address, 1, count_offers(order for order, _ in offers.orders), offers.unreached + unreached
    )


@dataclass(frozen=True, slots=True)
class ModelKey:
    """A model's key, from its owner's record."""

    model: Address
    checksum: Digest  #: sha256 of the sealed file
    dek: bytes


async def reshare(conn: Connection, key: ModelKey) -> int:
    """Split a key again for the network's present vaults, under the newest policy; return the new version.

    Every vault must answer. A vault that fails during the operation has an old share that no longer combines with the
    others: reshare again once it is back. Raises NotFound when no vault has a policy for the model.
    """
    views = await views_of(conn, key.model, conn.address)
    version = 1 + max((each.number for each in key_versions(views)), default=0)
    await deposit(
        conn,
        key.dek,
        asset=key.model,
        file_sha256=key.checksum,
        version=version,
        policy=_own_policy(conn, key.model, views),
    )
    return version


async def reseal(
    conn: Connection,
    key: ModelKey,
    *,
    name: str,
    on_progress: Progress = ignore_progress,
    store: Callable[[SealedFile], None] = lambda sealed: None,
) -> SealedFile:
    """Seal a model's file under a new key and register it as a new dataset; a registered checksum is immutable.

    The vaults get the new key under the old model's policy. ``store`` is called with the key before. Nothing is offered
    yet, and the old model does not change.
    """
    policy = _own_policy(conn, key.model, await views_of(conn, key.model, conn.address))
    dek, name = os.urandom(publish.DEK_BYTES), await next_name(conn, "Dataset", parse_name(name).base)
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        plain = await publish.recover(conn, key.checksum, key.dek, Path(folder) / "plain")
        subject = CardSubject(conn.address, name, conn.domain)
        card = encode_card(await card_of(conn, key.model), subject, conn.key)
        checksum, _ = await publish.seal_and_upload(conn, plain, dek, on_progress, card)
    where = location(checksum)
    model = await Assets(conn.hub).create_dataset(conn.wallet, name=name, multiaddr=where, checksum=checksum)
    sealed = SealedFile(model, name, checksum, dek)
    store(sealed)
    await deposit(
        conn, dek, asset=model, file_sha256=checksum, policy=msgspec.structs.replace(policy, asset=model, version=1)
    )
    return sealed


async def withdraw(conn: Connection, model: Address) -> tuple[Address, ...]:
    """Request all vaults to destroy their shares of a model's key; return the vaults that did not answer.

    Bought runs that have no key yet fail and are refunded.
    """
    newest = max((each.number for each in key_versions(await views_of(conn, model, conn.address))), default=0)
    withdrawal = Withdrawal(asset=model, owner=conn.address, version=newest)
    request = WithdrawRequest(withdrawal=withdrawal, signature=withdrawal.sign(conn.domain, conn.key))
    replies = await asyncio.gather(*(vault.withdraw(request) for vault in conn.vaults), return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException) and not isinstance(reply, ServiceUnavailable | NotFound):
            raise reply
    by_vault = zip(conn.vault_addresses, replies, strict=True)
    return tuple(vault for vault, reply in by_vault if isinstance(reply, ServiceUnavailable))


def _own_policy(conn: Connection, model: Address, views: Sequence[AssetView | None]) -> Policy:
    policy = newest_policy(conn, views, model, conn.address)
    if policy is None:
        raise NotFound(f"no vault has a policy of yours for {model}; no run could use it.")
    return policy
