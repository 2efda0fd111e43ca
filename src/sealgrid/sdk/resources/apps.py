"""Apps: deploy one, see which are offered, sell your own at another price or no more."""

from pathlib import Path

from sealgrid.errors import InputRefused
from sealgrid.sdk import shipped_apps, simulated_warning
from sealgrid.sdk.amounts import Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import deploy
from sealgrid.sdk.operations.rebuild import RebuildResult, rebuild
from sealgrid.sdk.operations.reprice import RepriceResult, reprice
from sealgrid.sdk.operations.resolve import find_app
from sealgrid.sdk.operations.unlist import UnlistResult, still_open_of_app, unlist
from sealgrid.sdk.resources.offers import Listing, Named, Offer, listing_of, open_offers


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
    ) -> Listing:
        """Register an app and sell its use at ``price`` for each run; ``orders``, ``any_pool`` as ``models.publish``.

        ``app`` is a folder with an app.toml, or the name of a shipped app ("onnx-runner"). The wheels that an app.toml
        names lie in the folder's own ``wheels``. It is built for the network's Python (``network.python``). Deploying
        the same code again gives the same app, and one more offer of it. Raises InputRefused for a wheel that is not
        there, InterpreterMismatch for an app.toml that demands another Python or a wheel of another, SetupMissing
        where this machine cannot compile for that Python, BundleRefused for a folder that makes no valid app.
        """
        folder = _folder(app)
        wanted = amount(price)
        deployed = await deploy.deploy(
            self._conn, folder, price=int(wanted), uses=uses, orders=orders, any_pool=any_pool
        )
        return await listing_of(self._conn, "App", deployed.address)

    async def list(self, *, mine: bool = False) -> tuple[Offer, ...]:
        """Return the apps that are offered now, the cheapest first; ``mine`` leaves out other owners'."""
        offers = await open_offers(self._conn, "App")
        return tuple(offer for offer in offers if not mine or offer.owner == self._conn.address)

    async def show(self, app: Named) -> Listing:
        """Return what the chain and the market know of an app."""
        return await listing_of(self._conn, "App", await find_app(self._conn, app))

    async def offer(
        self,
        app: Named,
        *,
        price: Price,
        uses: int = 1_000_000,
        orders: int | None = None,
        any_pool: bool = False,
        presign: bool = False,
    ) -> Listing:
        """Sell uses of an own app that stands on the chain already, at ``price`` for each run.

        ``presign`` signs the offer by a transaction, which everybody sees, instead of with a signature.
        """
        wanted, address = int(amount(price)), await find_app(self._conn, app, own=True)
        await deploy.sell(
            self._conn, address, price=wanted, uses=uses, orders=orders, any_pool=any_pool, presign=presign
        )
        return await listing_of(self._conn, "App", address)

    async def reprice(self, app: Named, price: Price) -> RepriceResult:
        """Sell what is left of every open offer of an own app at another price; the old ones are cancelled, for ever.

        Raises NotFound when nothing is for sale.
        """
        wanted, address = int(amount(price)), await find_app(self._conn, app, own=True)
        return await reprice(self._conn, address, wanted, await still_open_of_app(self._conn, address))

    async def unlist(self, app: Named) -> UnlistResult:
        """Cancel on the chain, for ever, every open offer of an own app; runs that were bought before go on.

        Raises NotFound when this account offers no such app.
        """
        address = await find_app(self._conn, app, own=True)
        return await unlist(self._conn, address, await still_open_of_app(self._conn, address))

    async def verify(self, app: Named) -> RebuildResult:
        """Fetch an app's bundle, hold it against its digest, and build its environment again from its wheels.

        The wheels are looked for where ``make setup`` put those of the shipped apps. Raises BundleRefused with the
        number of the check for a bundle that is not the app's, SetupMissing when a wheel is not here.
        """
        found = await self.show(app)
        return await rebuild(self._conn, found.location, found.digest)

    async def set_secret(self, app: Named, secret: str) -> None:
        """Give an own app its developer's secret: each later run finds it as IEXEC_APP_DEVELOPER_SECRET, nobody else.

        Setting it again replaces it. Raises SharesRefused for an app of somebody else, InputRefused for a text that
        no environment variable can hold. Warns as ``models.publish`` does where the enclaves are simulated.
        """
        address = await find_app(self._conn, app, own=True)
        simulated_warning.warn(self._conn.network)
        await deploy.set_secret(self._conn, address, secret)


def _folder(app: str | Path) -> Path:
    if isinstance(app, str) and "/" not in app and (folder := shipped_apps.app_folder(app)) is not None:
        return folder
    if not Path(app).is_dir():
        raise InputRefused(f"{str(app)!r} is neither a folder with an app.toml nor a shipped app.")
    return Path(app)
