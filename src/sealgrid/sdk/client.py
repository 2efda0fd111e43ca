"""The asynchronous client: ``sealgrid.connect_async()``.

The blocking client, ``sealgrid.connect()``, is generated from this source (``python -m sealgrid.sdk.sync.generate``).
"""

import asyncio
import contextlib
import shlex
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.amounts import Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.connection import connect as open_connection
from sealgrid.sdk.input_files import InputFiles, has_tables, list_files, read_files
from sealgrid.sdk.money import UNMATCHED, attach, nothing_bought_before, sentence
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import buy, contract_purchase, refunds
from sealgrid.sdk.operations import quote as quotes
from sealgrid.sdk.operations.bag_progress import deadline_notice
from sealgrid.sdk.operations.bag_purchase import (
    BagBuyer,
    BagContent,
    BagStores,
    read_task_inputs,
)
from sealgrid.sdk.operations.bought_runs import BoughtRun, bought_runs
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.categories import contribution_seconds, with_time, with_time_for_all
from sealgrid.sdk.operations.follow import history
from sealgrid.sdk.operations.latest_runs import LATEST_TASKS, LatestRuns, latest_runs
from sealgrid.sdk.operations.manifests import runnable_manifest
from sealgrid.sdk.operations.past_runs import past_runs
from sealgrid.sdk.operations.pool_selection import pools_named
from sealgrid.sdk.operations.preview import check_approved
from sealgrid.sdk.operations.quote import RunQuote
from sealgrid.sdk.operations.resolve import find_offered
from sealgrid.sdk.operations.run_inputs import public_signature
from sealgrid.sdk.operations.run_money import money_after, money_on_chain
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.sdk.resources.apps import AsyncApps
from sealgrid.sdk.resources.bags import AsyncBag
from sealgrid.sdk.resources.feeds import AsyncFeeds
from sealgrid.sdk.resources.fleets import AsyncFleets
from sealgrid.sdk.resources.models import AsyncModels
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.sdk.run_request import RunRequest, trust_of
from sealgrid.sdk.stores.bag_store import BagStore
from sealgrid.sdk.stores.home import Home, home
from sealgrid.sdk.stores.job_store import JobStore, record_of
from sealgrid.sdk.stores.keystores import KeystoreFolder
from sealgrid.sdk.stores.model_store import ModelStore
from sealgrid.sdk.stores.network_store import choose_network
from sealgrid.sdk.table_shards import Table, rows_of, table_shards
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId, to_digest
from sealgrid.wire.pool import StageAt


class AsyncClient:
    """One account, connected to one network."""

    def __init__(self, conn: Connection, folders: Home) -> None:
        self._conn = conn
        self._jobs, self._model_store = JobStore(folders.jobs), ModelStore(folders.models)
        self._accounts = KeystoreFolder(folders.accounts)
        self._bag_stores = BagStores(BagStore(folders.bags), self._jobs)

    @property
    def network(self) -> Network:
        """Return the network file's content: public, and the pins of a verifier."""
        return self._conn.network

    @property
    def account(self) -> AsyncAccount:
        """Return the account, with its money."""
        return AsyncAccount(self._conn)

    @property
    def apps(self) -> AsyncApps:
        """Return the network's apps."""
        return AsyncApps(self._conn)

    @property
    def models(self) -> AsyncModels:
        """Return the network's models."""
        return AsyncModels(self._conn, self._model_store)

    @property
    def feeds(self) -> AsyncFeeds:
        """Return the network's feeds: contracts that publish data quality."""
        return AsyncFeeds(self._conn)

    @property
    def fleets(self) -> AsyncFleets:
        """Return the network's worker accounts: one worker of PoCo for many machines each."""
        return AsyncFleets(self._conn)

    @property
    def data(self) -> AsyncModels:
        """Return the network's data; on the chain, models and data are both datasets."""
        return self.models

    async def run(
        self,
        app: AssetRef,
        model: AssetRef | None = None,
        files: InputFiles = (),
        args: Sequence[str] = (),
        max_price: Price | None = None,
        *,
        secrets: Mapping[int, str] | None = None,
        public_args: Sequence[str] = (),
        callback: str | None = None,
        deferred_callback: bool = False,
        tasks: int = 1,
        sponsor: str | SigningKey | None = None,
        sponsor_password: str | None = None,
        pool: str | None = None,
        tee: bool = True,
        trust: int | None = None,
        max_time: float | None = None,
        on_progress: Progress = ignore_progress,
    ) -> AsyncRun:
        """Buy one or several runs of an app, on a model if one is named; the input is sealed for the enclave.

        ``files`` is one file or several: a path, bytes, an open file, a NumPy array, a table of pandas or polars, or a
        mapping from names to such contents (``read_files``).
        ``args``, ``files`` and ``secrets`` (by number: the app's IEXEC_REQUESTER_SECRET_n) are sealed. **Public**, on
        the chain, are ``public_args``, which come before ``args``, and what the app passes to the contract
        ``callback``. PoCo takes these data in the call that pays: requester and worker have them before, and can let
        the task expire unpaid. With ``deferred_callback`` the chain gets a salted commitment; the data open with the
        result, and ``Run.deliver`` passes them to any contract. ``tasks`` is the number of runs on this input;
        ``Run.tasks`` has them all.
        ``max_price`` bounds the price of all tasks together: app, model and computing.
        ``pool`` selects where computing is bought: by default at the pools that the network file pins, else at a pinned
        pool by name, at any pool by address, or with "any" at the best pool on the market.
        With ``tee=False`` no enclave computes the run: **input and result are public**, and machines of the pool can
        agree on a false result. ``trust`` is PoCo's: r workers that are new must compute the same at up to 2^r; it is
        3 by default, and at least 2. The app's developer and the pool must offer such runs.
        ``max_time`` is how many seconds after the deal its tasks may take: the shortest category of PoCo that is on
        offer and long enough is bought, by default the network's short one. A task that misses its deadline is
        refunded.
        ``on_progress`` is called with each step until the deal is made, and with the reason for choosing a pool that is
        not pinned; possibly from another thread.

        ``sponsor`` is another account, named as for ``connect``, which pays from its escrow and gets refunds; the run
        and its result belong to this account. Anyone who sees the signed request before the deal is made can make it at
        this account's cost, up to the escrow of this account: ``Run.status`` shows the payer.

        The key that opens the result is stored in a private file before anything is bought. Raises TeeRequired for a
        run without a TEE that names a model, a secret or a callback, InputMismatch for inputs that the app's
        specification does not take (``apps.inputs``), OrderRefused when app, model or computing is not offered or costs
        more than ``max_price``, InterpreterMismatch for an app that is built for another Python than the network's.
        """
        stored: list[PurchasedTask] = []
        purchased: list[PurchasedTask] = []  # not empty from the moment when a deal may result

        def store(job: PurchasedTask) -> None:
            network, created = self._conn.network, int(self._conn.clock())
            for task in job.all_tasks():
                self._jobs.store(record_of(task, genesis=network.genesis, hub=network.hub, created=created))
                stored.append(task)
            purchased.append(job)

        try:
            request = RunRequest(
                ZERO_ADDRESS,
                args=args,
                secrets=_numbered(secrets),
                public_args=shlex.join(public_args),
                callback=_parse_contract(callback),
                deferred_callback=deferred_callback,
                tasks=tasks,
                max_price=_parse_limit(max_price),
                pool=pool,
                tee=tee,
                trust=trust_of(trust, tee=tee),
            )
            request = await self._resolved(request, files, app, model, on_progress)
            if max_time is not None:
                request = await with_time(self._conn, request, max_time)
            wallet = None
            if sponsor is not None:
                wallet = Wallet(self._conn.node, await self._sponsor_key(sponsor, sponsor_password))
            job = await buy.run(self._conn, request, sponsor=wallet, store=store, on_progress=on_progress)
        except SealgridError as error:
            money = UNMATCHED
            if purchased:
                money = await money_after(self._conn, error, purchased[0].deal, purchased[0].task)
            if money == UNMATCHED:
                self._remove(stored)
            attach(error, money)
            raise
        self._remove(stored[job.tasks :])
        return AsyncRun(self._conn, job)

    async def quote(
        self,
        app: AssetRef,
        model: AssetRef | None = None,
        files: InputFiles = (),
        args: Sequence[str] = (),
        max_price: Price | None = None,
        *,
        secrets: Mapping[int, str] | None = None,
        public_args: Sequence[str] = (),
        callback: str | None = None,
        deferred_callback: bool = False,
        tasks: int = 1,
        sponsor: str | SigningKey | None = None,
        sponsor_password: str | None = None,
        pool: str | None = None,
        tee: bool = True,
        trust: int | None = None,
        max_time: float | None = None,
        check_inputs: bool = True,
        on_progress: Progress = ignore_progress,
    ) -> RunQuote:
        """Return what the run with these arguments of ``run`` would cost now; nothing is bought or reserved.

        The quote has the price with its parts, the payer's money, what is missing in escrow, and how long past runs of
        the app on the model took. The vaults are asked whether they would release the keys; a run without a TEE
        (``tee`` and ``trust`` as in ``run``) has none. Raises like ``run`` for a run that cannot
        be bought; a price that the escrow does not cover is not an error. Without ``check_inputs``, files and arguments
        may be left out.
        """
        with nothing_bought_before(()):
            request = RunRequest(
                ZERO_ADDRESS,
                args=args,
                secrets=_numbered(secrets),
                public_args=shlex.join(public_args),
                callback=_parse_contract(callback),
                deferred_callback=deferred_callback,
                tasks=tasks,
                max_price=_parse_limit(max_price),
                pool=pool,
                tee=tee,
                trust=trust_of(trust, tee=tee),
            )
            request = await self._resolved(request, files, app, model, on_progress)
            if max_time is not None:
                request = await with_time(self._conn, request, max_time)
            payer = None if sponsor is None else (await self._sponsor_key(sponsor, sponsor_password)).address
            return await quotes.quote(
                self._conn, request, payer=payer, check_inputs=check_inputs, on_progress=on_progress
            )

    async def _resolved(
        self, request: RunRequest, files: InputFiles, app: AssetRef, model: AssetRef | None, on_progress: Progress
    ) -> RunRequest:
        """Return the request with the addresses of app and model, and with the files' contents.

        Raises OrderRefused for a model without approval, InputRefused for a file that cannot be read.
        """
        listed = list_files(files)
        with_tables = has_tables(listed)
        contents = [] if with_tables else await asyncio.to_thread(read_files, listed)
        address, dataset = await find_offered(self._conn, app, model, on_progress)
        if model is not None:
            await check_approved(self._conn, dataset, address)
        if with_tables:  # their format depends on the app; an open file can be read only once
            specification = (await runnable_manifest(self._conn, address)).inputs
            taken = specification.files.media_types if specification and specification.files else ()
            contents = await asyncio.to_thread(read_files, listed, taken)
        return replace(request, app=address, model=dataset, files=contents)

    async def _sponsor_key(self, sponsor: str | SigningKey, password: str | None) -> SigningKey:
        return await _key(sponsor, password, self._conn.network, self._accounts)

    async def map(
        self,
        app: AssetRef,
        inputs: Iterable[InputFiles],
        model: AssetRef | None = None,
        *,
        args: Sequence[str] = (),
        secrets: Mapping[int, str] | None = None,
        public_args: Sequence[str] = (),
        callback: str | None = None,
        max_price: Price | None = None,
        pool: str | None = None,
        tee: bool = True,
        trust: int | None = None,
        max_time: float | None = None,
        key: str | None = None,
        on_progress: Progress = ignore_progress,
    ) -> AsyncBag:
        """Buy one task of an app for each input, in one deal; each input is sealed for its task alone.

        Each of ``inputs`` is what ``run`` takes as ``files``; ``args`` and ``secrets`` are sealed with every input.
        Tasks are bought in several deals where no offer of app, model or computing has that many uses left.
        ``callback`` is a contract that gets what the app publishes for it, of each task, as in ``run``.
        ``max_price`` bounds the price of all tasks together; ``on_progress`` is called with it before money moves.
        With ``tee=False`` inputs and results are **public**; ``trust`` and ``max_time`` are as in ``run``. All tasks of
        a deal have one deadline: without ``max_time`` a longer category is bought where past runs took too long for the
        pool's workers; OrderRefused says before money moves if one task alone does not fit what is on offer.

        ``key`` names this purchase: the same call with the same key buys nothing again, and after a crash of this
        process it completes the purchase. Raises InputRefused for a key that was used with other content, and like
        ``run``; an error about one input names it.
        """
        return await self.starmap(
            app,
            ((files, args) for files in inputs),
            model,
            secrets=secrets,
            public_args=public_args,
            callback=callback,
            max_price=max_price,
            pool=pool,
            tee=tee,
            trust=trust,
            max_time=max_time,
            key=key,
            on_progress=on_progress,
        )

    async def starmap(
        self,
        app: AssetRef,
        inputs: Iterable[tuple[InputFiles, Sequence[str]]],
        model: AssetRef | None = None,
        *,
        secrets: Mapping[int, str] | None = None,
        public_args: Sequence[str] = (),
        callback: str | None = None,
        max_price: Price | None = None,
        pool: str | None = None,
        tee: bool = True,
        trust: int | None = None,
        max_time: float | None = None,
        key: str | None = None,
        on_progress: Progress = ignore_progress,
    ) -> AsyncBag:
        """Buy a bag like ``map``, where each input is a pair of ``files`` and ``args``."""
        with nothing_bought_before(()):
            request = RunRequest(
                ZERO_ADDRESS,
                public_args=shlex.join(public_args),
                callback=_parse_contract(callback),
                max_price=_parse_limit(max_price),
                pool=pool,
                tee=tee,
                trust=trust_of(trust, tee=tee),
            )
            request = await self._resolved(request, (), app, model, on_progress)
            names, contents = await read_task_inputs(self._conn, request.app, inputs, _numbered(secrets))
            past = await past_runs(self._conn, request.app, request.model)
            request = replace(request, tasks=len(contents))
            request = await with_time_for_all(self._conn, request, past.expected, max_time, on_progress)
            content = BagContent(request, contents, names)
            seconds = await contribution_seconds(self._conn, request)
            if notice := deadline_notice(len(contents), past.expected, seconds):
                on_progress(ProgressStep(notice, lasting=True))
        record, tasks = await BagBuyer(self._conn, self._bag_stores).open(content, key, on_progress)
        return AsyncBag(self._conn, self._bag_stores, record, tasks, content=content, expected_seconds=past.expected)

    async def map_batches(
        self,
        app: AssetRef,
        table: Table,
        model: AssetRef | None = None,
        *,
        rows: int | None = None,
        args: Sequence[str] = (),
        secrets: Mapping[int, str] | None = None,
        public_args: Sequence[str] = (),
        max_price: Price | None = None,
        pool: str | None = None,
        tee: bool = True,
        trust: int | None = None,
        max_time: float | None = None,
        key: str | None = None,
        on_progress: Progress = ignore_progress,
    ) -> AsyncBag:
        """Buy a bag like ``map``, of the ``batches`` of a table."""
        with nothing_bought_before(()):
            shards = await self.batches(app, table, model, rows=rows)
        return await self.map(
            app,
            shards,
            model,
            args=args,
            secrets=secrets,
            public_args=public_args,
            max_price=max_price,
            pool=pool,
            tee=tee,
            trust=trust,
            max_time=max_time,
            key=key,
            on_progress=on_progress,
        )

    async def batches(
        self, app: AssetRef, table: Table, model: AssetRef | None = None, *, rows: int | None = None
    ) -> list[tuple[str, bytes]]:
        """Return the files, by name and content, of a table's batches of at most ``rows`` rows; nothing is bought.

        ``table`` is the path of a CSV, JSON lines or Parquet file, also one of fsspec ("s3://…"), or a table of pandas,
        polars or Arrow. Batches are CSV where the app takes it, else JSON. ``rows`` is by default the number that the
        model's signature requires, else 1000. Raises InputRefused for another object, SetupMissing for a path or a
        format that needs a package that is not installed.
        """
        address, dataset = await find_offered(self._conn, app, model, ignore_progress)
        manifest = await runnable_manifest(self._conn, address)
        if rows is None:
            rows = rows_of(await public_signature(self._conn, manifest, RunRequest(address, model=dataset)))
        specification, most = manifest.inputs, rows
        taken = specification.files.media_types if specification and specification.files else ()
        return await asyncio.to_thread(lambda: list(table_shards(table, most, taken)))

    async def bag(self, bag: str) -> AsyncBag:
        """Return a bag that was bought before, by its id; raise NotFound when there is none.

        Raises InputRefused for a bag of another chain. Its inputs are not stored: to buy shards again, call ``map``
        with the same inputs and key.
        """
        record, network = self._bag_stores.bags.read(bag), self._conn.network
        if (record.genesis, record.hub) != (network.genesis, network.hub):
            raise InputRefused(f"bag {record.id} was bought on another chain than {network.name!r}.", money="")
        tasks = await BagBuyer(self._conn, self._bag_stores).tasks_of(record)
        return AsyncBag(self._conn, self._bag_stores, record, tasks)

    def reopen(self, task: str) -> AsyncRun:
        """Return a run that was bought before, from its stored key; raise NotFound when there is none.

        Raises InputRefused for a task of another chain.
        """
        entry, network = self._jobs.read(task), self._conn.network
        if (entry.genesis, entry.hub) != (network.genesis, network.hub):
            raise InputRefused(f"task {entry.task} was bought on another chain than {network.name!r}.", money="")
        return AsyncRun(self._conn, entry.job())

    async def pool_runs(self, pool: str | None = None, most: int = LATEST_TASKS) -> LatestRuns:
        """Return how the latest ``most`` tasks of a pool ended, by verified receipts.

        ``pool`` is an address or the name of a pool in the network file; by default the first of its pools.
        """
        chosen = pools_named(self._conn.network, pool) or (self._conn.network.workerpool,)
        return await latest_runs(self._conn, "workerpool", chosen[0], most)

    async def runs(self) -> tuple[BoughtRun, ...]:
        """Return the runs whose result keys are in the data folder, newest first, with names and states.

        A paid run is "answered", "app-failed", "model-unopened" or "refused" by its verified receipt, and "paid" as
        long as that cannot be verified. The state of a run on another network is "unknown".
        """
        return await bought_runs(self._conn, self._jobs.all())

    async def stages(self, task: TaskId) -> tuple[StageAt, ...]:
        """Return a task's stages: with exact times if this account requested it, else the coarse public ones."""
        return await history(self._conn, task)

    def _remove(self, unsold: Sequence[PurchasedTask]) -> None:
        for job in unsold:
            self._jobs.remove(job.task)

    async def buy_for(self, contract: str) -> str:
        """Let a contract that buys computing itself buy its run at the cheapest open offers; return the task.

        The contract is a ComputeBuyer (contracts/examples). It pays for the run, this account for gas. Raises
        InputRefused for no address, OrderRefused when nothing is offered, ContractReverted with the contract's reason.
        """
        return await contract_purchase.buy_for(self._conn, _parse_contract(contract))

    async def claim(self, task: str, *, deal: str | None = None) -> str:
        """Claim the refund of a task that missed its final deadline; anyone may call it, the payer gets the price.

        Returns one sentence that says where the price is then. Works also after another claim and for a task that no
        pool opened; such a task needs ``deal``, unless its key is stored here. Raises InputRefused before the deadline,
        with the time from which the refund can be claimed, and for a task that was paid.
        """
        task_id = self._jobs.parse_task(task)
        return sentence(await refunds.claim(self._conn, await self._deal(task_id, deal), task_id))

    async def claim_deal(self, task: str, *, deal: str | None = None) -> dict[TaskId, str]:
        """Claim the refunds of all unpaid tasks of a task's deal; return a sentence about the price of each task.

        Raises InputRefused before the deadline; then nothing is claimed.
        """
        deal_id = await self._deal(self._jobs.parse_task(task), deal)
        sentences: dict[TaskId, str] = {}
        for each in await refunds.tasks_of(self._conn, deal_id):
            money = await money_on_chain(self._conn, deal_id, each)
            sentences[each] = sentence(
                money if money.kind == "paid" else await refunds.claim(self._conn, deal_id, each)
            )
        return sentences

    async def _deal(self, task: TaskId, deal: str | None) -> DealId:
        if deal is not None:
            return DealId(to_digest(deal.lower()))
        if self._jobs.path(task).exists():
            return self.reopen(task).deal
        return await refunds.deal_of(self._conn, task)


@contextlib.asynccontextmanager
async def connect_async(
    account: str | SigningKey | None = "owner",
    *,
    network: Network | str | Path | None = None,
    data: str | Path | None = None,
    password: str | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[AsyncClient]:
    """Connect an account to a network: by default the one in SEALGRID_NETWORK, else the running local one.

    ``account`` is the name of one of your accounts (``sealgrid account new``), which ``password`` opens; on a local
    network also the name of a development account (owner, developer, requester …); or a key; None connects no account,
    which is enough to read. ``network`` is the name of a joined network (``sealgrid network join``) or a network file,
    ``data`` the data folder, by default SEALGRID_HOME or the user's; ``clock`` returns Unix seconds. Raises
    NetworkNotRunning without a network, NotFound for a network that was not joined, InputRefused for an unknown account
    or a wrong password.
    """
    folders = home(data)
    chosen = network if isinstance(network, Network) else choose_network(folders, network)
    key = await _key(account, password, chosen, KeystoreFolder(folders.accounts))
    async with open_connection(chosen, key, clock=clock) as conn:
        yield AsyncClient(conn, folders)


async def _key(
    name: str | SigningKey | None, password: str | None, network: Network, own: KeystoreFolder
) -> SigningKey:
    if name is None:
        return SigningKey.generate()  # an account that owns nothing
    if isinstance(name, SigningKey):
        return name
    if own.has(name):
        if password is None:
            raise InputRefused(f"the account {name!r} opens with its password only; give it.")
        return await asyncio.to_thread(own.open, name, password)
    if name not in NAMES:
        known = f"; a local network has {', '.join(NAMES)}" if network.has_development_accounts else ""
        raise InputRefused(f"there is no account {name!r}; make one with `sealgrid account new`{known}.")
    if not network.has_development_accounts:
        raise InputRefused(f"the key of {name!r} is public; use your own on the network {network.name!r}.")
    return development_key(name)


def _numbered(secrets: Mapping[int, str] | None) -> dict[str, str]:
    return {str(number): secret for number, secret in (secrets or {}).items()}


def _parse_limit(price: Price | None) -> int | None:
    return None if price is None else int(amount(price))


def _parse_contract(written: str | None) -> Address:
    try:
        return ZERO_ADDRESS if written is None else parse_address(written)
    except ValueError as error:
        raise InputRefused(f"{written!r} is not a contract address for a callback.") from error
