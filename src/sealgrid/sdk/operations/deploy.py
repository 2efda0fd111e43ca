"""Deploy an app: build and register its measured bundle, sell its use, set its developer secret."""

import asyncio
import os
from pathlib import Path

import msgspec

from sealgrid.chain.assets import Assets
from sealgrid.crypto import container
from sealgrid.crypto.shares import KeyRecord
from sealgrid.errors import InputRefused
from sealgrid.poco.orders import AppOrder
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.asset_names import check_name, parse_name
from sealgrid.sdk.operations.build import build_app
from sealgrid.sdk.operations.changelog import check_changelog, without_changelog
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.orders import offer_in_parts, pools_for
from sealgrid.sdk.operations.own_names import next_name
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import location

MAX_SECRET_BYTES = 64 << 10


class DeployedApp(msgspec.Struct, frozen=True):
    """A deployed app."""

    address: Address
    digest: Digest  #: sha256 of its manifest, which owners approve and enclaves enforce
    name: str
    bundle: Digest  #: sha256 of the bundle's zip
    orders: tuple[AppOrder, ...]


async def deploy(
    conn: Connection,
    folder: Path,
    *,
    price: int = 0,
    uses: int = 1_000_000,
    orders: int | None = None,
    any_pool: bool = False,
    on_progress: Progress = ignore_progress,
) -> DeployedApp:
    """Build a folder with an ``app.toml`` into a bundle, register it and sell its use at ``price`` nRLC.

    It is built for the network's Python. Its wheels, or the environment compiled from them, are stored beside the
    bundle. Deploying the same bundle again returns the same app; other code under the same name is the next version of
    it, and ``on_progress`` gets a lasting warning if its changelog is missing. Raises InputRefused for a missing wheel
    and for a name that is not allowed, InterpreterMismatch for an app.toml or a wheel that requires another Python,
    SetupMissing when this machine cannot compile for that Python, BundleRefused for an invalid bundle.
    """
    app = await asyncio.to_thread(build_app, folder, conn.network.python)
    bundle = app.bundle
    has_changelog = check_changelog(bundle.manifest)
    name = await next_name(conn, "App", check_name(bundle.manifest.name), checksum=bundle.app_digest)
    if parse_name(name).version > 1 and not has_changelog:
        on_progress(ProgressStep(without_changelog(name), lasting=True))
    for file in app.dependencies:
        await conn.storage.put_file(file)
    stored = await conn.storage.put_bytes(bundle.archive)
    address = await Assets(conn.hub).create_app(
        conn.wallet, name=name, multiaddr=location(stored), checksum=bundle.app_digest
    )
    signed = await sell(conn, address, price=price, uses=uses, orders=orders, any_pool=any_pool)
    return DeployedApp(address=address, digest=bundle.app_digest, name=name, bundle=stored, orders=signed)


async def sell(
    conn: Connection,
    app: Address,
    *,
    price: int,
    uses: int,
    orders: int | None = None,
    any_pool: bool = False,
    presign: bool = False,
    tee: bool = True,
) -> tuple[AppOrder, ...]:
    """Offer uses of an app at ``price`` nRLC a run to everybody; ``presign`` signs by a transaction.

    Without ``tee`` they are runs without a TEE, whose input and result are public; PoCo keeps both kinds apart.
    ``orders`` as in ``offer_in_parts``; ``any_pool`` includes runs at pools outside the network's group.
    """
    pools = pools_for(conn, any_pool=any_pool)
    order = AppOrder(app=app, appprice=price, volume=uses, tag=TEE_TAG if tee else NO_TAG, workerpoolrestrict=pools)
    return await offer_in_parts(conn, order, orders=orders, presign=presign)


async def set_secret(conn: Connection, app: Address, secret: str) -> KeyRecord:
    """Set an app's developer secret: later tasks of the app get it as IEXEC_APP_DEVELOPER_SECRET.

    The secret is sealed; the vaults release its key to this app alone, and only while this account owns the app.
    Setting it again replaces it. Raises InputRefused for a text that is not a valid environment variable,
    SharesRefused ("deposit.4") for another owner's app.
    """
    content = secret.encode()
    if not content or b"\0" in content or len(content) > MAX_SECRET_BYTES:
        raise InputRefused(f"a secret is a text of 1 to {MAX_SECRET_BYTES} bytes without a zero byte.", money="")
    dek = os.urandom(32)
    stored = await conn.storage.put_bytes(container.seal_bytes(content, dek=dek, key_id=os.urandom(16)))
    views = await asyncio.gather(*(vault.find_asset(app, conn.address) for vault in conn.vaults))
    newest = max((view.record.version for view in views if view is not None), default=0)
    return await deposit(conn, dek, asset=app, file_sha256=stored, version=newest + 1)
