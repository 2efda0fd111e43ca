"""Models: publish your own, see which are offered, say who may use one and at what price."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Machines, Policy
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, NotFound, OrderRefused, ServiceUnavailable
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk import shipped_apps, simulated_warning
from sealgrid.sdk.amounts import Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import card_of
from sealgrid.sdk.operations import publish
from sealgrid.sdk.operations.access_grants import GrantResult, RevokeResult, grant, revoke
from sealgrid.sdk.operations.input_checks import check_fits
from sealgrid.sdk.operations.policies import PolicyUpdate, policy_of, set_policy
from sealgrid.sdk.operations.prove import Proof, expect_provable, expect_proved, prove
from sealgrid.sdk.operations.reprice import RepriceResult, reprice
from sealgrid.sdk.operations.resolve import find_app, find_model, find_person, is_shipped
from sealgrid.sdk.operations.rotate import RotationResult, rotate_key, rotate_shares
from sealgrid.sdk.operations.unlist import UnlistResult, still_open, unlist, until_market_follows
from sealgrid.sdk.operations.usage import UsageReport
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.sdk.progress import Progress, silent
from sealgrid.sdk.resources.apps import AsyncApps
from sealgrid.sdk.resources.offers import Listing, Named, Offer, PublishedListing, listing_of, open_offers
from sealgrid.sdk.stores.model_store import ModelRecord, ModelStore
from sealgrid.units import ZERO_ADDRESS, Address


class AsyncModels:
    """The models of a network, as the connected account sees them."""

    def __init__(self, conn: Connection, kept: ModelStore) -> None:
        self._conn, self._kept = conn, kept

    async def publish(
        self,
        file: str | Path,
        *,
        app: Named | None = None,
        price: Price,
        name: str | None = None,
        uses: int = 1000,
        any_file: bool = False,
        callback: bool = False,
        orders: int | None = None,
        any_pool: bool = False,
        card: str = "",
        unproved: bool = False,
        told: Progress = silent,
    ) -> PublishedListing:
        """Seal a file, give its key to the vaults for ``app`` alone, and sell ``uses`` uses at ``price`` each.

        Without ``app`` a .csv file is sold to csv-statistics, any other to onnx-runner; both refuse files that they
        could not read, unless ``any_file``. A shipped app that nobody offers yet is offered by this account, free of
        charge. ``callback`` allows runs whose result goes to a contract, in public. ``card`` is Markdown that says what
        the file is, for everybody to read and for ever.
        The uses are signed as ``orders`` equal orders, 10 by default: one deal takes uses of one of them, and PoCo
        gives none back, also where it refunds. They are for runs at pools of the network's group, unless
        ``any_pool``: then a buyer's own pool, which runs nothing, can take uses for nothing.
        Before it is offered, this account buys one run of the app on it, restricted to itself and at 0 for the model:
        until an enclave opened the file, the vaults give its key to nobody else, and each new version of the key needs
        such a run. ``told`` hears beforehand what app and computing cost. ``unproved`` leaves it out: then buyers are
        the first to find out whether the file opens.
        ``told`` hears every step, perhaps on another thread. Raises InputRefused for a file that cannot be used, or
        while the escrow does not hold the price of that run; OrderRefused where nobody offers it.
        The model's key and the signed offer are in a private file of the data folder before anybody else has them.
        Warns with SimulatedPlatformWarning where the enclaves are simulated: never publish a real secret there.
        """
        path, wanted = Path(file), amount(price)
        _check_readable(path)
        runs = shipped_apps.app_for(path) if app is None else app
        if not any_file:
            await check_fits(self._conn, path, runs)
        address = await self._offered(runs)
        warning = simulated_warning.warn(self._conn.network)
        model = await publish.publish(
            self._conn,
            path,
            name=name or path.stem,
            apps=[address],
            price=int(wanted),
            uses=uses,
            callback=callback,
            orders=orders,
            any_pool=any_pool,
            card=card,
            proved=not unproved,
            progress=told,
            keep=lambda sealed: self._kept.keep(self._conn, sealed),
        )
        made = await listing_of(self._conn, "Dataset", model.address)
        return PublishedListing(
            address=made.address,
            name=made.name,
            owner=made.owner,
            digest=made.digest,
            location=made.location,
            offers=made.offers,
            warning=warning,
        )

    async def list(self, *, mine: bool = False) -> tuple[Offer, ...]:
        """Return the models that are offered now, the cheapest first; ``mine`` leaves out other owners'."""
        offers = await open_offers(self._conn, "Dataset")
        return tuple(offer for offer in offers if not mine or offer.owner == self._conn.address)

    async def show(self, model: Named) -> Listing:
        """Return what the chain and the market know of a model."""
        return await listing_of(self._conn, "Dataset", await find_model(self._conn, model))

    async def card(self, model: Named) -> str:
        """Return what a model's owner says of it, Markdown of a stranger's; empty for nothing."""
        address = await find_model(self._conn, model)
        return await card_of(self._conn.storage, await Assets(self._conn.hub).checksum("Dataset", address))

    async def unlist(self, model: Named) -> UnlistResult:
        """Cancel on the chain, for ever, every open offer of an own model on the market and in the data folder.

        Runs that were bought before go on. What it could not look for, the answer says. Raises NotFound when this
        account offers no such model.
        """
        address = await self._own(model)
        return await unlist(self._conn, address, await still_open(self._conn, address, self._find_kept(address)))

    async def reprice(self, model: Named, price: Price) -> RepriceResult:
        """Sell what is left of every open offer of an own model at another price, to the same buyers.

        The old offers are cancelled on the chain, for ever; deals that were made stay. Raises NotFound when nothing
        is for sale.
        """
        wanted, address = int(amount(price)), await self._own(model)
        kept = self._find_kept(address)
        found = await still_open(self._conn, address, kept)
        return await reprice(self._conn, address, wanted, found, self._keeping(kept))

    async def offer(
        self,
        model: Named,
        *,
        price: Price,
        uses: int = 1000,
        orders: int | None = None,
        any_pool: bool = False,
        presign: bool = False,
    ) -> Listing:
        """Sell more uses of an own model, on the terms of the last offer that was signed with this data folder.

        Without one they are for any app that its policy allows, and for everybody. ``orders`` and ``any_pool`` as in
        ``publish``.
        ``presign`` signs the offer by a transaction, which everybody sees, instead of with a signature. Raises
        OrderRefused for a model whose policy asks for a proof that it opens, and that was not proved yet.
        """
        wanted, address = int(amount(price)), await self._own(model)
        await expect_proved(self._conn, address)
        kept = self._find_kept(address)
        before = kept.offers() if kept else ()
        last = before[-1] if before else DatasetOrder(dataset=address)
        await publish.sell(
            self._conn,
            address,
            price=wanted,
            uses=uses,
            app=last.apprestrict,
            requester=last.requesterrestrict,
            orders=orders,
            any_pool=any_pool,
            presign=presign,
            keep=self._keeping(kept),
        )
        return await listing_of(self._conn, "Dataset", address)

    async def recover(self, model: Named, target: str | Path) -> Path:
        """Write an own model's plain file again, from the network's sealed file and the key in the data folder.

        Raises NotFound without that key, InputRefused when the target is there already or cannot be written.
        """
        kept = self._kept_or_raise(model)
        return await publish.recover(self._conn, kept.checksum, bytes.fromhex(kept.dek), Path(target))

    async def prove(self, model: Named, *, app: Named | None = None, told: Progress = silent) -> Proof:
        """Buy one run of an app on an own model, restricted to this account and at 0 for the model, to prove its key.

        Where its policy asks for that, the vaults give the newest version of the key to nobody else before. Publishing
        and rotating end with it by themselves. Without ``app`` it is the one of the last offer. Raises AppFailed where
        the file does not open, and for a run that cannot be bought as ``publish``.
        """
        address = await self._own(model)
        chosen = await self._proving_app(self._find_kept(address), app)
        await expect_provable(self._conn, chosen, told)
        return await prove(self._conn, address, chosen, told)

    async def rotate(
        self,
        model: Named,
        *,
        reseal: bool = False,
        app: Named | None = None,
        unproved: bool = False,
        told: Progress = silent,
    ) -> RotationResult:
        """Share an own model's key anew among the vaults, which destroy the shares that they held.

        Do so after the vaults of the network changed, or when a vault's data may have been copied. With ``reseal`` the
        file itself is sealed under a new key, as a new model on the same terms; the old one's offers are cancelled and
        its shares destroyed, so runs of it that got no key yet are refunded. Raises NotFound without the model's key.
        Where its policy asks for proof, the new version is proved as ``prove`` does, by ``app``; buyers are refused
        until then. ``unproved`` leaves that for later.
        """
        kept = self._kept_or_raise(model)
        waits = not unproved and (await policy_of(self._conn, kept.model)).proved is True
        chosen = await self._proving_app(kept, app) if waits else None
        if reseal:
            return await rotate_key(self._conn, kept, self._kept, chosen, told)
        return await rotate_shares(self._conn, kept, chosen, told)

    async def grant(
        self, model: Named, person: str, *, until: int | None = None, app: Named | None = None
    ) -> GrantResult:
        """Let an account buy uses of an own model until a Unix time; from the first grant on, nobody else may.

        Offers to everybody are signed anew for those who are granted, then cancelled. ``app`` grants that app's offers
        alone, and lets it use the model. Raises NotFound when nothing is for sale.
        """
        address, account = await self._own(model), find_person(self._conn, person)
        kept = self._find_kept(address)
        found = await still_open(self._conn, address, kept)
        done = await grant(
            self._conn,
            address,
            account,
            list(found.orders),
            until=until,
            app=None if app is None else await self._offered(app),
            keep=self._keeping(kept),
        )
        await until_market_follows(self._conn, "Dataset", address)
        return done

    async def revoke(self, model: Named, person: str, *, running: bool = False) -> RevokeResult:
        """Let an account buy no more uses of an own model, from the block on that says so.

        What it bought before may get the key for ``worst_delay`` seconds more; with ``running`` the vaults refuse that
        too, and it is refunded. Raises InputRefused where nothing would be refused.
        """
        address, account = await self._own(model), find_person(self._conn, person)
        found = await still_open(self._conn, address, self._find_kept(address))
        return await revoke(self._conn, address, account, list(found.orders), running=running)

    async def policy(self, model: Named) -> Policy:
        """Return the newest policy that the model's owner signed, as the vaults hold it."""
        return await policy_of(self._conn, await find_model(self._conn, model))

    async def set_policy(
        self,
        model: Named,
        *,
        expiry: int | None = None,
        machines: Machines | None = None,
        uses_per_requester_hour: int | None = None,
        uses_total: int | None = None,
        quorum: int | None = None,
        direct: bool | None = None,
        proved: bool | None = None,
    ) -> PolicyUpdate:
        """Sign a policy that differs from the newest in what is given, and give it to every vault.

        ``uses_total`` is exact: every vault must release each use, so one vault that is down stops new uses.
        ``uses_per_requester_hour`` is counted by each vault; a worker that chooses which t of the n vaults see a task
        can get up to n/t times as many, until the vaults have read each other's logs. A use that nobody can pay any
        more is given back, unless its result was readable unpaid (a callback, or ``direct``). ``proved`` gives a
        key to nobody else before an enclave opened the file with it (``prove``).
        The next release is judged by it, also of earlier deals. Raises ServiceUnavailable when too few vaults took it.
        """
        before = await policy_of(self._conn, await self._own(model))
        wanted = {
            "expiry": expiry,
            "machines": machines,
            "uses_per_requester_hour": uses_per_requester_hour,
            "uses_total": uses_total,
            "quorum": quorum,
            "release": None if direct is None else int(direct),
            "proved": proved,
        }
        changes = {name: value for name, value in wanted.items() if value is not None}
        return await set_policy(self._conn, msgspec.structs.replace(before, **changes))

    async def usage(self, model: Named) -> UsageReport:
        """Return every release of a model from the vaults' logs, proved, compared with each other and with the chain.

        ``findings`` name whoever's words do not fit; ``ok`` says whether somebody was found to lie.
        """
        return await usage_of(self._conn, await find_model(self._conn, model))

    def _keeping(self, kept: ModelRecord | None) -> Callable[[DatasetOrder], None]:
        if kept is None:
            return lambda signed: None
        sealed = publish.SealedFile(kept.model, kept.name, kept.checksum, bytes.fromhex(kept.dek))
        return lambda signed: self._kept.keep(self._conn, replace(sealed, order=signed))

    async def _own(self, model: Named) -> Address:
        try:
            return await find_model(self._conn, model, own=True)
        except (OrderRefused, ServiceUnavailable):
            if (kept := self._find_kept(model)) is None:
                raise
            return kept.model

    def _kept_or_raise(self, model: Named) -> ModelRecord:
        if (kept := self._find_kept(model)) is None:
            raise NotFound(
                f"{self._kept.folder} has no key of a model {_word(model)!r}; restore your backup.", money=""
            )
        return kept

    def _find_kept(self, model: Named) -> ModelRecord | None:
        named = _word(model)
        ours = self._kept.of(self._conn)
        found = [each for each in ours if named == each.model or (named == each.name and not each.successor)]
        if len(found) > 1:
            addresses = ", ".join(each.model for each in found)
            raise InputRefused(f"{len(found)} models of yours are called {named!r}; give an address: {addresses}.")
        return found[0] if found else None

    async def _proving_app(self, kept: ModelRecord | None, app: Named | None) -> Address:
        if app is not None:
            return await find_app(self._conn, app)
        named = [order.apprestrict for order in (kept.offers() if kept else ()) if order.apprestrict != ZERO_ADDRESS]
        if not named:
            raise InputRefused("no offer of yours names an app that opens this model; name one that its policy allows.")
        return named[-1]

    async def _offered(self, app: Named) -> Address:
        try:
            return await find_app(self._conn, app, own=True)
        except OrderRefused:
            if not is_shipped(app):
                raise
            return (await AsyncApps(self._conn).deploy(str(app))).address


def _word(model: Named) -> str:
    return model if isinstance(model, str) else model.address


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            empty = path.stat().st_size == 0
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error
    if empty:
        raise InputRefused(f"{path} is empty.")
