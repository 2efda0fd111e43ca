"""Publish an AI model or any data: encrypted, registered, its key split among the vaults, its use for sale."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Allowance, Platform, Policy
from sealgrid.chain.assets import Assets
from sealgrid.crypto import container
from sealgrid.errors import InputRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.deposits import deposit
from sealgrid.sdk.orders import fresh_salt, sign_and_publish
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.storage import location

DEK_BYTES = 32
OUTPUT_BYTES = 64 << 20  #: what an approved app may give out per task, unless the owner says otherwise
POLICY_SECONDS = 365 * 24 * 3600


class Model(msgspec.Struct, frozen=True):
    """A published model."""

    address: Address  #: the dataset NFT
    checksum: Digest  #: sha256 of the sealed file
    sealed_bytes: int
    policy: Policy
    order: DatasetOrder | None


async def publish(
    conn: Connection,
    source: Path,
    *,
    name: str,
    apps: Sequence[Address],
    price: int = 0,
    uses: int = 1000,
    uses_per_requester_hour: int = 1000,
    output_bytes: int = OUTPUT_BYTES,
    direct: bool = False,
) -> Model:
    """Seal a file, upload the ciphertext, register it, give its key to the vaults, and sell ``uses`` uses.

    ``apps`` are the only apps that will ever see it, at the code that they have now; ``price`` is nRLC per use.
    Raises InputRefused for an empty list of apps: nobody could use the model.
    """
    if not apps:
        raise InputRefused("name at least one app that may use the model; without one nobody could.")
    dek = os.urandom(DEK_BYTES)
    checksum, size = await _seal_and_upload(conn, source, dek)
    assets = Assets(conn.hub)
    address = await assets.create_dataset(conn.wallet, name=name, multiaddr=location(checksum), checksum=checksum)
    policy = Policy(
        asset=address,
        owner=conn.address,
        version=1,
        expiry=int(conn.clock()) + POLICY_SECONDS,
        allowed=await _allowances(conn, assets, apps, output_bytes),
        uses_per_requester_hour=uses_per_requester_hour,
        release=1 if direct else 0,
    )
    await deposit(conn, dek, asset=address, file_sha256=checksum, policy=policy)
    order = await sell(conn, address, price=price, uses=uses, app=apps[0] if len(apps) == 1 else ZERO_ADDRESS)
    return Model(address=address, checksum=checksum, sealed_bytes=size, policy=policy, order=order)


async def sell(conn: Connection, model: Address, *, price: int, uses: int, app: Address) -> DatasetOrder:
    """Offer uses of a model; ``app`` zero offers it to every app, though the vaults still ask the owner's policy."""
    order = DatasetOrder(
        dataset=model, datasetprice=price, volume=uses, tag=TEE_TAG, apprestrict=app, salt=fresh_salt()
    )
    return await sign_and_publish(conn, order)


async def _seal_and_upload(conn: Connection, source: Path, dek: bytes) -> tuple[Digest, int]:
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        sealed = Path(folder) / "sealed"
        checksum = await asyncio.to_thread(_seal, source, sealed, dek)
        await conn.storage.put_file(sealed)
        return checksum, sealed.stat().st_size


def _seal(source: Path, target: Path, dek: bytes) -> Digest:
    with source.open("rb") as plain, target.open("wb") as sealed:
        return container.seal(plain, sealed, dek=dek, size=source.stat().st_size, key_id=os.urandom(16))


async def _allowances(
    conn: Connection, assets: Assets, apps: Sequence[Address], output_bytes: int
) -> tuple[Allowance, ...]:
    digests = [await assets.checksum("App", app) for app in apps]
    return tuple(
        Allowance(
            app=digest,
            runtime=runtime,
            platform=Platform(conn.network.platform),
            output_bytes=output_bytes,
            callback=False,
        )
        for digest in digests
        for runtime in conn.network.runtimes
    )
