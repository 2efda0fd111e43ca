"""Models: publish and sell own models, list and show offered ones, set who may use a model and at what price."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Machines, Policy
from sealgrid.errors import InputRefused, NotFound, OrderRefused, ServiceUnavailable
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk import file_names, shipped_apps, simulated_warning
from sealgrid.sdk.amounts import Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import card_of, signature_of
from sealgrid.sdk.operations import publish
from sealgrid.sdk.operations.access_grants import GrantResult, RevokeResult, grant, revoke
from sealgrid.sdk.operations.asset_names import parse_name, parse_reference
from sealgrid.sdk.operations.file_checks import PreparedFile, prepare_file
from sealgrid.sdk.operations.latest_runs import LATEST_TASKS, LatestRuns, latest_runs
from sealgrid.sdk.operations.newer_versions import newer_version
from sealgrid.sdk.operations.own_offers import (
    RepriceResult,
    UnlistResult,
    open_model_offers,
    reprice,
    unlist,
    until_market_follows,
)
from sealgrid.sdk.operations.policies import PolicyUpdate, policy_of, set_policy
from sealgrid.sdk.operations.prove import Proof, check_provable, check_proved, prove
from sealgrid.sdk.operations.remove_file import unlist_and_remove
from sealgrid.sdk.operations.resolve import find_account, find_app, find_model, is_shipped
from sealgrid.sdk.operations.rotate import RotationResult, rotate_key, rotate_shares
from sealgrid.sdk.operations.run_inputs import check_stored
from sealgrid.sdk.operations.usage import UsageReport
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.resources.apps import AsyncApps
from sealgrid.sdk.resources.offers import (
    AssetRef,
    Listing,
    Offer,
    PublishedListing,
    listing_of,
    open_offers,
    with_latest_runs,
)
from sealgrid.sdk.stores.model_store import ModelRecord, ModelStore
from sealgrid.storage.file_store import NO_LIMIT
from sealgrid.units import ZERO_ADDRESS, Address


class AsyncModels:
    """The models of a network, as the connected account sees them."""

    def __init__(self, conn: Connection, store: ModelStore) -> None:
        self._conn, self._store = conn, store

    async def publish(
        self,
        file: str | Path,
        *,
        app: AssetRef | None = None,
        price: Price,
        name: str | None = None,
        uses: int = 1000,
        check_file: bool = True,
        callback: bool = False,
        orders: int | None = None,
        any_pool: bool = False,
        card: str = "",
        withhold_signature: bool = False,
        try_input: str | Path | None = None,
        unproved: bool = False,
        expiry: int | None = None,
        uses_per_requester_hour: int = publish.USES_PER_HOUR,
        on_progress: Progress = ignore_progress,
    ) -> PublishedListing:
        """Seal a file, deposit its key at the vaults for ``app`` alone, and sell ``uses`` uses at ``price`` each.

        ``name`` is the file's name without its suffix by default. If this account has a model of this name, the file is
        its next version (``iris@2``); older versions stay for sale until ``unlist``.
        Without ``app`` a table, by its name as .csv, .tsv or .csv.gz, is sold to csv-statistics, any other file to
        onnx-runner. With ``check_file`` a file that this app cannot read is refused: onnx-runner itself opens a model
        and runs it once, in its sandbox, on ``try_input`` or on generated inputs. Lasting steps of ``on_progress`` tell
        what the app would leave out of a table or read in another way than written.
        A shipped app that nobody offers yet is offered by this account, free of charge. ``callback`` allows runs whose
        result goes to a contract, in public. ``card`` is Markdown that describes the file, public and permanent.
        So is the signature of an ONNX model: names, types and shapes of its inputs and outputs, against which buyers'
        inputs are checked; ``withhold_signature`` leaves it out.
        The uses are signed as ``orders`` equal orders, 10 by default: a deal consumes uses of one order, and PoCo does
        not return them, even after a refund. They are valid at pools of the network's group, unless ``any_pool``: then
        a buyer's own pool, which runs nothing, can consume uses for nothing.
        Before the offer, this account buys one run of the app on the model, restricted to itself and at price 0 for the
        model, which proves that the file opens. Until then the vaults release the key to no other account; each new
        version of the key needs such a run. ``on_progress`` is called with its price first. ``unproved`` skips this
        run, so the first buyer finds out whether the file opens.
        The policy ends at ``expiry``, Unix seconds, by default after a year: the vaults then release the key to nobody,
        granted accounts included. Each account may use the model ``uses_per_requester_hour`` times an hour.
        ``set_policy`` changes both later.
        ``on_progress`` is called with each step, possibly from another thread. Raises InputRefused for a file that
        cannot be used and while the escrow does not cover the price of that run; OrderRefused when nobody offers it.
        The model's key and the signed offers are in a private file of the data folder before any other party has them.
        Warns with SimulatedPlatformWarning where the enclaves are simulated: never publish a real secret there.
        """
        path, per_use = Path(file), int(amount(price))
        _check_not_empty(path)
        if not file_names.is_utf8(name or path.stem):
            raise InputRefused(f"the name of {str(path)!a} is not UTF-8; give the model another one (--name).")
        allowed_app = shipped_apps.app_for(path) if app is None else app
        async with AsyncExitStack() as stack:
            prepared = PreparedFile(path)
            if check_file:
                prepared = await stack.enter_async_context(
                    prepare_file(
                        self._conn,
                        path,
                        allowed_app,
                        try_input=None if try_input is None else Path(try_input),
                        on_progress=on_progress,
                    )
                )
            for notice in prepared.notices:
                on_progress(ProgressStep(notice, lasting=True))
            address = await self._offered(allowed_app)
            warning = simulated_warning.warn(self._conn.network)
            model = await publish.publish(
                self._conn,
                prepared.path,
                name=name or path.stem,
                apps=[address],
                price=per_use,
                uses=uses,
                callback=callback,
                orders=orders,
                any_pool=any_pool,
                card=card,
                signature=None if withhold_signature else prepared.signature,
                proved=not unproved,
                expiry=expiry,
                uses_per_requester_hour=uses_per_requester_hour,
                on_progress=on_progress,
                store=lambda sealed: self._store.store(self._conn, sealed),
            )
        listing = await listing_of(self._conn, "Dataset", model.address)
        return PublishedListing(
            address=listing.address,
            name=listing.name,
            owner=listing.owner,
            digest=listing.digest,
            location=listing.location,
            offers=listing.offers,
            signature=None if withhold_signature else prepared.signature,
            warning=warning,
            expiry=model.policy.expiry,
            uses_per_requester_hour=model.policy.uses_per_requester_hour,
            notices=prepared.notices,
        )

    async def list(self, *, mine: bool = False, runs: bool = False) -> tuple[Offer, ...]:
        """Return the models that are offered now, cheapest first; ``mine`` and ``runs`` as in ``apps.list``."""
        offers = await open_offers(self._conn, "Dataset")
        chosen = tuple(offer for offer in offers if not mine or offer.owner == self._conn.address)
        return await with_latest_runs(self._conn, "Dataset", chosen) if runs else chosen

    async def show(self, model: AssetRef) -> Listing:
        """Return a model's data from chain and vaults, with its open offers and the signature its owner published.

        ``newer`` is an offer of a newer version by the same owner.
        """
        address = await find_model(self._conn, model)
        listing, signature, newer = await asyncio.gather(
            listing_of(self._conn, "Dataset", address),
            signature_of(self._conn, address),
            newer_version(self._conn, "Dataset", address),
        )
        return replace(listing, signature=signature, newer=newer)

    async def card(self, model: AssetRef, *, limit: int | None = None) -> str:
        """Return the owner's description of a model, untrusted Markdown; empty without one.

        A card that the owner did not sign is verified by the whole sealed file. Raises InputRefused for one of more
        than ``limit`` bytes.
        """
        address = await find_model(self._conn, model)
        return (await card_of(self._conn, address, NO_LIMIT if limit is None else limit)).text

    async def unlist(self, model: AssetRef, *, delete_file: bool = False) -> UnlistResult:
        """Cancel on the chain, permanently, every open offer of an own model on the market and in the data folder.

        Runs that were bought before continue. The result names sources that could not be searched. Raises NotFound
        when this account offers no such model.
        With ``delete_file`` every storage node is asked to remove the sealed file as well, also of a model that is off
        the market; ``nodes`` says which removed it. ``recover`` is impossible afterwards, and copies of the ciphertext
        that others made stay where they are. Raises InputRefused, before an offer is cancelled, while a run of the
        model has not ended or another model of this account has the same file.
        """
        address = await self._own(model)
        record = self._find_record(address)
        if delete_file:
            return await unlist_and_remove(self._conn, address, record)
        return await unlist(self._conn, address, await open_model_offers(self._conn, address, record))

    async def reprice(self, model: AssetRef, price: Price) -> RepriceResult:
        """Sell the remaining uses of every open offer of an own model at another price, to the same buyers.

        The old offers are cancelled on the chain, permanently; existing deals are not affected. Raises NotFound when
        nothing is for sale.
        """
        per_use, address = int(amount(price)), await self._own(model)
        record = self._find_record(address)
        offers = await open_model_offers(self._conn, address, record)
        return await reprice(self._conn, address, per_use, offers, self._order_store(record))

    async def offer(
        self,
        model: AssetRef,
        *,
        price: Price,
        uses: int = 1000,
        orders: int | None = None,
        any_pool: bool = False,
        presign: bool = False,
    ) -> Listing:
        """Sell more uses of an own model, on the terms of the last offer that was signed with this data folder.

        Without such an offer the uses are for any app that the policy allows and for any buyer. ``orders`` and
        ``any_pool`` as in ``publish``. ``presign`` signs the offer by a public transaction instead of a signature.
        Raises OrderRefused for a model whose policy requires a proof that it opens and that has none yet, NotFound for
        one whose sealed file was removed.
        """
        per_use, address = int(amount(price)), await self._own(model)
        await asyncio.gather(check_proved(self._conn, address), check_stored(self._conn, address))
        record = self._find_record(address)
        earlier = record.offers() if record else ()
        last = earlier[-1] if earlier else DatasetOrder(dataset=address)
        await publish.sell(
            self._conn,
            address,
            price=per_use,
            uses=uses,
            app=last.apprestrict,
            requester=last.requesterrestrict,
            orders=orders,
            any_pool=any_pool,
            presign=presign,
            store=self._order_store(record),
        )
        return await listing_of(self._conn, "Dataset", address)

    async def recover(self, model: AssetRef, target: str | Path) -> Path:
        """Write an own model's plain file, from the network's sealed file and the key in the data folder.

        Raises NotFound without that key, InputRefused when the target exists or cannot be written.
        """
        record = self._read_record(model)
        return await publish.recover(self._conn, record.checksum, bytes.fromhex(record.dek), Path(target))

    async def prove(
        self, model: AssetRef, *, app: AssetRef | None = None, on_progress: Progress = ignore_progress
    ) -> Proof:
        """Prove that the newest key of an own model opens its file: buy one run, at price 0 for the model.

        If the policy requires the proof, the vaults release this key to no other account before. ``publish`` and
        ``rotate`` include the proof. ``app`` is that of the last offer by default. Raises AppFailed when the file does
        not open, and like ``publish`` when the run cannot be bought.
        """
        address = await self._own(model)
        chosen = await self._app_for_proof(self._find_record(address), app)
        await check_provable(self._conn, chosen, on_progress)
        return await prove(self._conn, address, chosen, on_progress)

    async def rotate(
        self,
        model: AssetRef,
        *,
        reseal: bool = False,
        app: AssetRef | None = None,
        unproved: bool = False,
        on_progress: Progress = ignore_progress,
    ) -> RotationResult:
        """Split an own model's key into new shares for the vaults, which destroy the old ones.

        Use it after the vaults of the network changed, or when a vault's data may have been copied. With ``reseal`` the
        file is sealed under a new key, as a new model on the same terms; the old model's offers are cancelled and its
        shares destroyed, so runs of it that have no key yet are refunded. Raises NotFound without the model's key.
        If the policy requires a proof, the new version is proved as by ``prove``, with ``app``; the vaults refuse
        buyers until then. ``unproved`` skips the proof.
        """
        record = self._read_record(model)
        needs_proof = not unproved and (await policy_of(self._conn, record.model)).proved is True
        proof_app = await self._app_for_proof(record, app) if needs_proof else None
        if reseal:
            return await rotate_key(self._conn, record, self._store, proof_app, on_progress)
        return await rotate_shares(self._conn, record, proof_app, on_progress)

    async def grant(
        self, model: AssetRef, account: str, *, until: int | None = None, app: AssetRef | None = None
    ) -> GrantResult:
        """Allow an account to buy uses of an own model until a Unix time; the first grant excludes other accounts.

        Offers to everybody are signed again for granted accounts, then cancelled. ``app`` restricts the grant to that
        app's offers and allows the app to use the model. Raises NotFound when nothing is for sale.
        """
        address, buyer = await self._own(model), find_account(self._conn, account)
        record = self._find_record(address)
        found = await open_model_offers(self._conn, address, record)
        granted = await grant(
            self._conn,
            address,
            buyer,
            list(found.orders),
            until=until,
            app=None if app is None else await self._offered(app),
            store=self._order_store(record),
        )
        await until_market_follows(self._conn, "Dataset", address)
        return granted

    async def revoke(self, model: AssetRef, account: str, *, running: bool = False) -> RevokeResult:
        """Stop an account from buying uses of an own model, from the block of this transaction.

        Earlier deals may get the key for ``worst_delay`` seconds more; with ``running`` the vaults refuse those too,
        and they are refunded. Raises InputRefused when nothing would be refused.
        """
        address, buyer = await self._own(model), find_account(self._conn, account)
        found = await open_model_offers(self._conn, address, self._find_record(address))
        return await revoke(self._conn, address, buyer, list(found.orders), running=running)

    async def policy(self, model: AssetRef) -> Policy:
        """Return the newest policy that the model's owner signed, from the vaults."""
        return await policy_of(self._conn, await find_model(self._conn, model))

    async def set_policy(
        self,
        model: AssetRef,
        *,
        expiry: int | None = None,
        machines: Machines | None = None,
        uses_per_requester_hour: int | None = None,
        uses_total: int | None = None,
        quorum: int | None = None,
        direct: bool | None = None,
        proved: bool | None = None,
    ) -> PolicyUpdate:
        """Sign the next version of the policy with these changes, and send it to every vault.

        ``uses_total`` is exact: every vault must release each use, so one vault that is down stops new uses.
        ``uses_per_requester_hour`` is counted by each vault; a worker that chooses which t of the n vaults see a task
        can get up to n/t times as many, until the vaults have read each other's logs. A use that can no longer be paid
        is returned, unless its result was readable unpaid (a callback, or ``direct``). With ``proved`` the vaults
        release a key to no other account before an enclave opened the file with it (``prove``).
        It applies to every release from now on, including those of earlier deals. Raises ServiceUnavailable when too
        few vaults accepted it.
        """
        current = await policy_of(self._conn, await self._own(model))
        fields = {
            "expiry": expiry,
            "machines": machines,
            "uses_per_requester_hour": uses_per_requester_hour,
            "uses_total": uses_total,
            "quorum": quorum,
            "release": None if direct is None else int(direct),
            "proved": proved,
        }
        changes = {name: value for name, value in fields.items() if value is not None}
        return await set_policy(self._conn, msgspec.structs.replace(current, **changes))

    async def latest_runs(self, model: AssetRef, most: int = LATEST_TASKS) -> LatestRuns:
        """Return how the latest ``most`` tasks on a model ended, and how long answers took, by verified receipts."""
        return await latest_runs(self._conn, "dataset", await find_model(self._conn, model), most)

    async def usage(self, model: AssetRef) -> UsageReport:
        """Return every release of a model from the vaults' logs, verified and compared with each other and the chain.

        ``findings`` name inconsistencies and the vault at fault; ``ok`` is false if a vault lied.
        """
        return await usage_of(self._conn, await find_model(self._conn, model))

    def _order_store(self, record: ModelRecord | None) -> Callable[[DatasetOrder], None]:
        if record is None:
            return lambda signed: None
        sealed = publish.SealedFile(record.model, record.name, record.checksum, bytes.fromhex(record.dek))
        return lambda signed: self._store.store(self._conn, replace(sealed, order=signed))

    async def _own(self, model: AssetRef) -> Address:
        try:
            return await find_model(self._conn, model, own=True)
        except (OrderRefused, ServiceUnavailable):
            if (record := self._find_record(model)) is None:
                raise
            return record.model

    def _read_record(self, model: AssetRef) -> ModelRecord:
        if (record := self._find_record(model)) is None:
            name = _name_or_address(model)
            raise NotFound(f"{self._store.folder} has no key of a model {name!r}; restore your backup.", money="")
        return record

    def _find_record(self, model: AssetRef) -> ModelRecord | None:
        name = _name_or_address(model)
        own = self._store.own(self._conn)
        if exact := [each for each in own if name == each.model]:
            return exact[0]
        reference = parse_reference(name)
        matches = [each for each in own if reference.selects(each.name) and not each.successor]
        newest = max((parse_name(each.name).version for each in matches), default=1)
        found = [each for each in matches if parse_name(each.name).version == newest]
        if len(found) > 1:
            addresses = ", ".join(each.model for each in found)
            raise InputRefused(f"{len(found)} models of yours are called {name!r}; give an address: {addresses}.")
        return found[0] if found else None

    async def _app_for_proof(self, record: ModelRecord | None, app: AssetRef | None) -> Address:
        if app is not None:
            return await find_app(self._conn, app)
        apps = [order.apprestrict for order in (record.offers() if record else ()) if order.apprestrict != ZERO_ADDRESS]
        if not apps:
            raise InputRefused(
                "none of your offers names an app that opens this model; name one that its policy allows."
            )
        return apps[-1]

    async def _offered(self, app: AssetRef) -> Address:
        try:
            return await find_app(self._conn, app, own=True)
        except OrderRefused:
            if not is_shipped(app):
                raise
            return (await AsyncApps(self._conn).deploy(str(app))).address


def _name_or_address(model: AssetRef) -> str:
    return model if isinstance(model, str) else model.address


def _check_not_empty(path: Path) -> None:
    try:
        with path.open("rb"):
            empty = path.stat().st_size == 0
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error
    if empty:
        raise InputRefused(f"{path} is empty.")
