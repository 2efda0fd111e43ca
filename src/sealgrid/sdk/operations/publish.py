"""Publish a model or data: encrypt and register it, split its key among the vaults, and sell its use."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from msgspec import UNSET

from sealgrid.attestation.policy import Allowance, Platform, Policy
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.chain.assets import Assets
from sealgrid.crypto import container
from sealgrid.errors import InputRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import CardSubject, ModelCard, encode_card
from sealgrid.sdk.money import format_time
from sealgrid.sdk.operations.asset_names import check_name
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.orders import offer_in_parts, pools_for
from sealgrid.sdk.operations.own_names import next_name
from sealgrid.sdk.operations.prove import check_provable, prove_new_key
from sealgrid.sdk.progress import CountedReader, Progress, ProgressStep, ignore_progress
from sealgrid.storage.atomic_file import atomic_writer
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.storage import location

DEK_BYTES = 32
OUTPUT_BYTES = 64 << 20  #: default output limit of an approved app per task
POLICY_SECONDS = 365 * 24 * 3600  #: default lifetime of a policy
USES_PER_HOUR = 1000  #: default limit for one requester


class PublishedModel(msgspec.Struct, frozen=True):
    """A published model."""

    address: Address  #: of the dataset NFT
    checksum: Digest  #: sha256 of the sealed file
    sealed_bytes: int
    policy: Policy
    orders: tuple[DatasetOrder, ...]


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A sealed and registered model with its key, for its owner's records."""

    address: Address
    name: str
    checksum: Digest  #: sha256 of the sealed file
    dek: bytes = field(repr=False)
    order: DatasetOrder | None = None  #: signed, not yet published


async def publish(
    conn: Connection,
    source: Path,
    *,
    name: str,
    apps: Sequence[Address],
    price: int = 0,
    uses: int = 1000,
    uses_per_requester_hour: int = USES_PER_HOUR,
    expiry: int | None = None,
    output_bytes: int = OUTPUT_BYTES,
    direct: bool = False,
    callback: bool = False,
    orders: int | None = None,
    any_pool: bool = False,
    card: str = "",
    signature: ModelSignature | None = None,
    proved: bool = False,
    on_progress: Progress = ignore_progress,
    store: Callable[[SealedFile], None] = lambda sealed: None,
) -> PublishedModel:
    """Seal a file, upload the ciphertext, register it, deposit its key at the vaults, and sell ``uses`` uses.

    The file is the next version of ``name`` if this account has one already. Only ``apps``, at their present code, can
    ever open it; ``price`` is nRLC a use. ``callback`` allows them to pass output to a contract, in public. The policy
    ends at ``expiry``, Unix seconds, by default after a year.
    ``card`` is public, immutable Markdown about the file, and ``signature`` its public inputs and outputs. ``orders``
    and ``any_pool`` as in ``sell``. ``on_progress`` is called with each step. With ``proved`` the owner buys one run by
    the first app before the model is offered, and the vaults refuse other accounts until then. ``store`` is called
    before the vaults get the key, and again with each signed offer before it is published. Raises InputRefused without
    an app, for a name that is not allowed, and for an expiry that has passed.
    """
    if not apps:
        raise InputRefused("name at least one app that may use the model.")
    check_expiry(conn, expiry)
    versioned = await next_name(conn, "Dataset", check_name(name))
    if proved:
        await check_provable(conn, apps[0], on_progress)
    dek = os.urandom(DEK_BYTES)
    subject = CardSubject(conn.address, versioned, conn.domain)
    public = encode_card(ModelCard(card, signature), subject, conn.key)
    checksum, size = await seal_and_upload(conn, source, dek, on_progress, public)
    on_progress(ProgressStep("registering the sealed file on the chain"))
    assets = Assets(conn.hub)
    address = await assets.create_dataset(conn.wallet, name=versioned, multiaddr=location(checksum), checksum=checksum)
    sealed = SealedFile(address, versioned, checksum, dek)
    store(sealed)
    allowed = await allowances(conn, assets, apps, output_bytes, callback=callback)
    policy = first_policy(conn, address, allowed, uses_per_requester_hour, expiry=expiry, direct=direct, proved=proved)
    on_progress(ProgressStep("depositing the key at the vaults"))
    await deposit(conn, dek, asset=address, file_sha256=checksum, policy=policy)
    if proved:
        await prove_new_key(conn, address, apps[0], on_progress)
    on_progress(ProgressStep("offering it on the market"))
    only = apps[0] if len(apps) == 1 else ZERO_ADDRESS
    signed = await sell(
        conn,
        address,
        price=price,
        uses=uses,
        app=only,
        orders=orders,
        any_pool=any_pool,
        store=lambda signed: store(replace(sealed, order=signed)),
    )
    return PublishedModel(address=address, checksum=checksum, sealed_bytes=size, policy=policy, orders=signed)


def check_expiry(conn: Connection, expiry: int | None) -> None:
    """Raise InputRefused for a policy that would have ended before the sale begins."""
    if expiry is not None and expiry <= conn.clock():
        raise InputRefused(f"the sale would end at {format_time(expiry)}, which has passed; give a later end.")


def first_policy(
    conn: Connection,
    model: Address,
    allowed: tuple[Allowance, ...],
    per_hour: int = USES_PER_HOUR,
    *,
    expiry: int | None = None,
    direct: bool,
    proved: bool,
) -> Policy:
    """Return version 1 of the policy of a model of this account; it ends after a year unless ``expiry`` is given."""
    return Policy(
        asset=model,
        owner=conn.address,
        version=1,
        expiry=int(conn.clock()) + POLICY_SECONDS if expiry is None else expiry,
        allowed=allowed,
        uses_per_requester_hour=per_hour,
        release=1 if direct else 0,
        proved=proved or UNSET,
    )


async def sell(
    conn: Connection,
    model: Address,
    *,
    price: int,
    uses: int,
    app: Address,
    requester: Address = ZERO_ADDRESS,
    orders: int | None = None,
    any_pool: bool = False,
    presign: bool = False,
    store: Callable[[DatasetOrder], None] = lambda signed: None,
) -> tuple[DatasetOrder, ...]:
    """Offer uses of a model to ``app``; the zero address offers it to every app that the policy allows.

    ``requester`` is the only account that may buy, or an AccessPolicy. ``orders`` as in ``offer_in_parts``.
    ``any_pool`` sells to runs at pools outside the network's group as well: then a buyer's own pool, which runs
    nothing, can consume volume and be refunded. ``presign`` signs by a transaction. ``store`` is called with each
    signed order before it is published.
    """
    order = DatasetOrder(
        dataset=model,
        datasetprice=price,
        volume=uses,
        tag=TEE_TAG,
        apprestrict=app,
        requesterrestrict=requester,
        workerpoolrestrict=pools_for(conn, any_pool=any_pool),
    )
    return await offer_in_parts(conn, order, orders=orders, presign=presign, store=store)


async def recover(conn: Connection, checksum: Digest, dek: bytes, target: Path) -> Path:
    """Decrypt a sealed file from the network's storage to ``target``, atomically.

    Raises InputRefused when the target exists or cannot be written.
    """
    if target.exists():
        raise InputRefused(f"{target} exists already; nothing was overwritten.", money="")
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        sealed = Path(folder) / "sealed"
        await conn.storage.get_file(checksum, sealed)
        await asyncio.to_thread(_open, sealed, target, dek)
    return target


def _open(sealed: Path, target: Path, dek: bytes) -> None:
    try:
        with sealed.open("rb") as source, atomic_writer(target) as plain:
            container.open_sealed(source, plain, dek)
    except OSError as error:
        raise InputRefused(f"{target} cannot be written ({error.strerror}).", money="") from error


async def seal_and_upload(
    conn: Connection, source: Path, dek: bytes, on_progress: Progress, card: bytes = b""
) -> tuple[Digest, int]:
    """Seal a file with its card in the header, and store it; return the sealed file's SHA-256 and size."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        sealed = Path(folder) / "sealed"
        checksum = await asyncio.to_thread(_seal, source, sealed, dek, on_progress, card)
        size = sealed.stat().st_size
        await conn.storage.put_file(sealed, lambda sent: on_progress(ProgressStep("uploading", sent, size)))
        return checksum, size


def _seal(source: Path, target: Path, dek: bytes, on_progress: Progress, card: bytes) -> Digest:
    try:
        size = source.stat().st_size
        with source.open("rb") as plain, target.open("wb") as sealed:
            counted = cast("BinaryIO", CountedReader(plain, "sealing", size, on_progress))
            return container.seal(counted, sealed, dek=dek, size=size, key_id=os.urandom(16), metadata=card)
    except OSError as error:
        raise InputRefused(
            f"{source} cannot be sealed into {target.parent} ({error.strerror}); make room there, or set TMPDIR."
        ) from error


async def allowances(
    conn: Connection, assets: Assets, apps: Sequence[Address], output_bytes: int, *, callback: bool
) -> tuple[Allowance, ...]:
    """Return the policy's allowances for apps, at their present code, on each runtime of the network."""
    digests = [await assets.checksum("App", app) for app in apps]
    return tuple(
        Allowance(
            app=digest,
            runtime=runtime,
            platform=Platform(conn.network.platform),
            output_bytes=output_bytes,
            callback=callback,
        )
        for digest in digests
        for runtime in conn.network.runtimes
    )
