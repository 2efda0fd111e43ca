"""Deploy an app: a measured bundle, registered under its digest, its use for sale."""

import asyncio
import io
import os
from pathlib import Path

import msgspec

from sealgrid.chain.assets import Assets
from sealgrid.crypto import container
from sealgrid.crypto.shares import KeyRecord
from sealgrid.errors import InputRefused, NotFound
from sealgrid.poco.orders import AppOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import built
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.orders import offer_in_parts, pools_for
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import location
from sealgrid.wire.vault import VaultClient

MOST_SECRET_BYTES = 64 << 10


class DeployedApp(msgspec.Struct, frozen=True):
    """A deployed app."""

    address: Address
    digest: Digest  #: sha256 of its manifest; what enclaves lock and owners approve
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
) -> DeployedApp:
    """Build a folder with an ``app.toml`` into a bundle, register it and sell its use at ``price`` nRLC.

    It is built for the network's Python. What its runs need beside the bundle is stored with it: its wheels, or the
    environment made of them. Deploying the same bundle again returns the same app. Raises InputRefused for a wheel
    that is not there, InterpreterMismatch for an app.toml that demands another Python and for a wheel of another,
    SetupMissing where this machine cannot compile for that Python, BundleRefused for a folder that makes no valid
    bundle.
    """
    made = await asyncio.to_thread(built, folder, conn.network.python)
    bundle = made.bundle
    for file in made.beside:
        await conn.storage.put_file(file)
    stored = await conn.storage.put_bytes(bundle.archive)
    assets = Assets(conn.hub)
    address = await assets.create_app(
        conn.wallet, name=bundle.manifest.name, multiaddr=location(stored), checksum=bundle.app_digest
    )
    signed = await sell(conn, address, price=price, uses=uses, orders=orders, any_pool=any_pool)
    return DeployedApp(
        address=address, digest=bundle.app_digest, name=bundle.manifest.name, bundle=stored, orders=signed
    )


async def sell(
    conn: Connection,
    app: Address,
    *,
    price: int,
    uses: int,
    orders: int | None = None,
    any_pool: bool = False,
    presign: bool = False,
) -> tuple[AppOrder, ...]:
    """Offer uses of an app at ``price`` nRLC for each run, to everybody; ``presign`` signs by a transaction.

    ``orders`` as in ``offer_in_parts``; ``any_pool`` offers it to runs at pools outside the network's group as well.
    """
    pools = pools_for(conn, any_pool=any_pool)
    order = AppOrder(app=app, appprice=price, volume=uses, tag=TEE_TAG, workerpoolrestrict=pools)
    return await offer_in_parts(conn, order, orders=orders, presign=presign)


async def set_secret(conn: Connection, app: Address, secret: str) -> KeyRecord:
    """Give an app its developer's secret: every later task of the app finds it as IEXEC_APP_DEVELOPER_SECRET.

    It is sealed, and its key goes to the vaults, who give it to this app alone and only while this account owns it.
    Setting it again replaces it. Raises InputRefused for what no environment variable can hold, SharesRefused
    ("deposit.4") for an app of somebody else.
    """
    content = secret.encode()
    if not content or b"\0" in content or len(content) > MOST_SECRET_BYTES:
        raise InputRefused(f"a secret is a text of 1 to {MOST_SECRET_BYTES} bytes without a zero byte.", money="")
    dek, sealed = os.urandom(32), io.BytesIO()
    sha256 = container.seal(io.BytesIO(content), sealed, dek=dek, size=len(content), key_id=os.urandom(16))
    await conn.storage.put_bytes(sealed.getvalue())
    known = await asyncio.gather(*(_version_at(vault, app, conn.address) for vault in conn.vaults))
    return await deposit(conn, dek, asset=app, file_sha256=sha256, version=max(known) + 1)


async def _version_at(vault: VaultClient, app: Address, owner: Address) -> int:
    try:
        return (await vault.asset(app, owner)).record.version
    except NotFound:
        return 0
