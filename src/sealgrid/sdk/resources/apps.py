"""Apps: deploy, list, show, offer, reprice, unlist and verify them, read their usage."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from sealgrid.bundle.input_schema import input_schema
from sealgrid.bundle.input_spec import InputSpec
from sealgrid.sdk import shipped_apps, simulated_warning
from sealgrid.sdk.amounts import Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import deploy
from sealgrid.sdk.operations.app_usage import AppUsage, usage_of_app
from sealgrid.sdk.operations.changelog import changelog_of
from sealgrid.sdk.operations.latest_runs import LATEST_TASKS, LatestRuns, latest_runs
from sealgrid.sdk.operations.manifests import manifest_of
from sealgrid.sdk.operations.newer_versions import newer_version
from sealgrid.sdk.operations.own_offers import RepriceResult, UnlistResult, open_app_offers, reprice, unlist
from sealgrid.sdk.operations.rebuild import RebuildResult, rebuild
from sealgrid.sdk.operations.resolve import find_app
from sealgrid.sdk.progress import Progress, ignore_progress
from sealgrid.sdk.resources.offers import (
    AssetRef,
    Listing,
    Offer,
    listing_of,
    open_offers,
    with_latest_runs,
    with_release_marks,
)


class AsyncApps:
    """The apps of a network, as the connected account sees them."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def deploy(
        self,
        app: str | Path,
        *,
        price: Price = "0",
        uses: int = 1_000_000,
        orders: int | None = None,
        any_pool: bool = False,
        on_progress: Progress = ignore_progress,
    ) -> Listing:
        """Register an app and sell its use at ``price`` a run; ``orders`` and ``any_pool`` as in ``models.publish``.

        ``app`` is a folder with an app.toml, or the name of a shipped app ("onnx-runner"). The wheels that the app.toml
        names are in the folder's ``wheels``. The app is built for the network's Python (``network.python``). Deploying
        the same code again returns the same app with one more offer. Other code under the same name is the app's next
        version (``word-count@2``); a lasting step of ``on_progress`` warns if it has no CHANGELOG.md.

        Raises InputRefused for a missing wheel,
        InterpreterMismatch for an app.toml or a wheel that requires another Python, SetupMissing when this machine
        cannot compile for that Python, BundleRefused for a folder that is not a valid app.
        """
        folder = shipped_apps.source_folder(app)
        per_run = int(amount(price))
        deployed = await deploy.deploy(
            self._conn,
            folder,
            price=per_run,
            uses=uses,
            orders=orders,
            any_pool=any_pool,
            on_progress=on_progress,
        )
        return await listing_of(self._conn, "App", deployed.address)

    async def list(self, *, mine: bool = False, runs: bool = False) -> tuple[Offer, ...]:
        """Return the apps that are offered now, cheapest first; ``mine`` selects this account's.

        ``release`` tells which are built from this release, and which only have the name of a shipped app. With
        ``runs`` each has the share of answers, the failures and the median durations of its latest 20 runs; their
        receipts are fetched and verified.
        """
        offers = await open_offers(self._conn, "App")
        chosen = [offer for offer in offers if not mine or offer.owner == self._conn.address]
        marked = await with_release_marks(self._conn, chosen)
        return await with_latest_runs(self._conn, "App", marked) if runs else marked

    async def show(self, app: AssetRef) -> Listing:
        """Return an app's data from the chain, with its open offers, its changelog, and an offer of a newer version."""
        address = await find_app(self._conn, app)
        listing, changelog, newer = await asyncio.gather(
            listing_of(self._conn, "App", address),
            changelog_of(self._conn, address),
            newer_version(self._conn, "App", address),
        )
        return replace(listing, changelog=changelog, newer=newer)

    async def inputs(self, app: AssetRef) -> InputSpec | None:
        """Return what a run of an app needs and takes, from its verified manifest; None for an app that takes anything.

        ``Client.run`` checks a run's inputs against it before any deal. Raises InputRefused for an app without a
        bundle, NotFound when the storage lacks it.
        """
        spec = (await manifest_of(self._conn, await find_app(self._conn, app))).inputs
        return spec if isinstance(spec, InputSpec) else None

    async def input_schema(self, app: AssetRef) -> dict[str, Any]:
        """Return the JSON Schema (draft 2020-12) of an app's inputs; raises as ``inputs`` does."""
        return input_schema(await manifest_of(self._conn, await find_app(self._conn, app)))

    async def offer(
        self,
        app: AssetRef,
        *,
        price: Price,
        uses: int = 1_000_000,
        orders: int | None = None,
        any_pool: bool = False,
        presign: bool = False,
        tee: bool = True,
    ) -> Listing:
        """Sell uses of an own app that is registered already, at ``price`` a run.

        With ``tee=False`` these are runs without a TEE: their input and result are public, and several workers must
        compute the same result, so the app must be deterministic (``sealgrid app test --determinism``).
        ``presign`` signs the offer by a public transaction instead of a signature.
        """
        per_run, address = int(amount(price)), await find_app(self._conn, app, own=True)
        await deploy.sell(
            self._conn, address, price=per_run, uses=uses, orders=orders, any_pool=any_pool, presign=presign, tee=tee
        )
        return await listing_of(self._conn, "App", address)

    async def reprice(self, app: AssetRef, price: Price) -> RepriceResult:
        """Sell the remaining uses of every open offer of an own app at another price; cancel the old offers.

        Cancelling is permanent. Raises NotFound when nothing is for sale.
        """
        per_run, address = int(amount(price)), await find_app(self._conn, app, own=True)
        return await reprice(self._conn, address, per_run, await open_app_offers(self._conn, address))

    async def unlist(self, app: AssetRef) -> UnlistResult:
        """Cancel on the chain, permanently, every open offer of an own app; runs that were bought before continue.

        Raises NotFound when this account offers no such app.
        """
        address = await find_app(self._conn, app, own=True)
        return await unlist(self._conn, address, await open_app_offers(self._conn, address))

    async def latest_runs(self, app: AssetRef, most: int = LATEST_TASKS) -> LatestRuns:
        """Return how the latest ``most`` tasks of an app ended, and how long its answers took, by verified receipts."""
        return await latest_runs(self._conn, "app", await find_app(self._conn, app), most)

    async def usage(self, app: AssetRef) -> AppUsage:
        """Return the latest thousand tasks of an app, how each ended, its buyers and its revenue.

        All of it is public: deals and payments on the chain, the ends of runs in their receipts.
        """
        return await usage_of_app(self._conn, await find_app(self._conn, app, own=True))

    async def verify(self, app: AssetRef) -> RebuildResult:
        """Fetch an app's bundle, verify its digest, and rebuild its environment from its wheels.

        The wheels are those that ``make setup`` fetched for the shipped apps. Raises BundleRefused with the number of
        the failed check, SetupMissing when a wheel is missing on this machine.
        """
        listing = await self.show(app)
        return await rebuild(self._conn, listing.location, listing.digest)

    async def set_secret(self, app: AssetRef, secret: str) -> None:
        """Set the developer secret of an own app; only later runs of the app get it, as IEXEC_APP_DEVELOPER_SECRET.

        Setting it again replaces it. Raises SharesRefused for another owner's app, InputRefused for a text that is not
        a valid environment variable. Warns like ``models.publish`` where the enclaves are simulated.
        """
        address = await find_app(self._conn, app, own=True)
        simulated_warning.warn(self._conn.network)
        await deploy.set_secret(self._conn, address, secret)
