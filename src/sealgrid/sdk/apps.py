"""Deploy an app: a measured bundle, registered under its digest, its use for sale."""

from pathlib import Path

import msgspec

from sealgrid.bundle.build import build, read_app
from sealgrid.bundle.lock import lock
from sealgrid.chain.assets import Assets
from sealgrid.poco.orders import AppOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.orders import fresh_salt, sign_and_publish
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import location


class App(msgspec.Struct, frozen=True):
    """A deployed app."""

    address: Address
    digest: Digest  #: sha256 of its manifest; what enclaves lock and owners approve
    name: str
    bundle: Digest  #: sha256 of the bundle's zip
    order: AppOrder


async def deploy(
    conn: Connection, folder: Path, *, wheels: Path | None = None, price: int = 0, uses: int = 1_000_000
) -> App:
    """Build a folder with an ``app.toml`` into a bundle, register it and sell its use at ``price`` nRLC.

    ``wheels`` is a folder with the wheel files that the app names; without it the app's wheels.lock says which they
    are. Deploying the same bundle again returns the same app. Raises BundleRefused for a folder that makes no valid
    bundle.
    """
    bundle = build(folder, lock(read_app(folder).wheels, wheels) if wheels else None)
    stored = await conn.storage.put_bytes(bundle.archive)
    assets = Assets(conn.hub)
    address = await assets.create_app(
        conn.wallet, name=bundle.manifest.name, multiaddr=location(stored), checksum=bundle.app_digest
    )
    order = AppOrder(app=address, appprice=price, volume=uses, tag=TEE_TAG, salt=fresh_salt())
    signed = await sign_and_publish(conn, order)
    return App(address=address, digest=bundle.app_digest, name=bundle.manifest.name, bundle=stored, order=signed)
