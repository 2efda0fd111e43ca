"""Buy the shards of a bag and record each step before it, so that a crash of the client loses and doubles nothing."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import msgspec

from sealgrid.bundle.job_input import JobInput
from sealgrid.crypto.digests import sha256
from sealgrid.errors import ContractReverted, InputRefused, OrderRefused, SealgridError
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.input_files import InputFiles, list_files, read_files
from sealgrid.sdk.money import UNMATCHED, attach, nothing_bought_before
from sealgrid.sdk.operations import buy_bag
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.manifests import runnable_manifest
from sealgrid.sdk.operations.run_money import money_or_unknown
from sealgrid.sdk.progress import Progress, ProgressStep
from sealgrid.sdk.run_request import RunRequest
from sealgrid.sdk.stores.bag_store import BagRecord, BagStore, bag_id
from sealgrid.sdk.stores.job_store import JobStore, record_of
from sealgrid.units import ZERO_ADDRESS, Address, TaskId


@dataclass(frozen=True, slots=True)
class BagStores:
    """The private files of a bag and of its tasks."""

    bags: BagStore
    jobs: JobStore


@dataclass(frozen=True, slots=True)
class BagContent:
    """What a bag computes: kept in memory alone, to buy shards again."""

    request: RunRequest
    inputs: tuple[JobInput, ...]
    names: tuple[str, ...]  #: of the inputs

    def digest(self) -> str:
        """Return a digest of app, model, public arguments, inputs, and if it has them callback contract and trust."""
        request = self.request
        callback = () if request.callback == ZERO_ADDRESS else (request.callback,)
        trust = () if request.tee else (request.trust,)
        terms = msgspec.json.encode([request.app, request.model, request.public_args, *callback, *trust])
        return sha256(terms, *(sha256(each.pack()) for each in self.inputs)).hex()


async def read_task_inputs(
    conn: Connection,
    app: Address,
    inputs: Iterable[tuple[InputFiles, Sequence[str]]],
    numbered: Mapping[str, str],
) -> tuple[tuple[str, ...], tuple[JobInput, ...]]:
    """Return names and contents of the inputs of a bag; tables become files of a type that the app takes.

    Raises InputRefused for a file that cannot be read; the error names the input.
    """
    specification = (await runnable_manifest(conn, app)).inputs
    taken = specification.files.media_types if specification and specification.files else ()
    return await asyncio.to_thread(_read_all, inputs, taken, dict(numbered))


def _read_all(
    inputs: Iterable[tuple[InputFiles, Sequence[str]]], taken: Sequence[str], numbered: dict[str, str]
) -> tuple[tuple[str, ...], tuple[JobInput, ...]]:
    names: list[str] = []
    contents: list[JobInput] = []
    for index, (files, args) in enumerate(inputs):
        try:
            read = read_files(list_files(files), taken)
        except InputRefused as error:
            raise InputRefused(f"input {index}: {error.message}") from error
        contents.append(JobInput(tuple(args), tuple(read), numbered))
        names.append(f"input {index}{f' ({PurePath(read[0][0]).name})' if read else ''}")
    return tuple(names), tuple(contents)


class BagBuyer:
    """Buys shards and records each step before it: after a crash the same call continues."""

    def __init__(self, conn: Connection, stores: BagStores) -> None:
        self._conn, self._stores = conn, stores
        self._stored: set[TaskId] = set()

    async def open(
        self, content: BagContent, key: str | None, on_progress: Progress
    ) -> tuple[BagRecord, list[PurchasedTask | None]]:
        """Buy the whole bag, or complete its earlier purchase with this idempotency key.

        Raises InputRefused for a key that was used with other content, and as ``buy_bag.prepare`` and ``make_deals``.
        """
        network, account = self._conn.network, self._conn.address
        name = bag_id(network.genesis, account, secrets.token_hex() if key is None else key)
        digest = await asyncio.to_thread(content.digest)
        record = self._stores.bags.find(name)
        if record is not None:
            if record.content != digest:
                raise InputRefused(f"the key {key!r} was used for a bag with other content; use another key.", money="")
            return record, await self.complete(record, on_progress)
        record = BagRecord(
            id=name,
            genesis=network.genesis,
            hub=network.hub,
            account=account,
            created=int(self._conn.clock()),
            content=digest,
            names=content.names,
            purchases=(),
        )
        with nothing_bought_before(()):
            await buy_bag.check_bag(self._conn, content.request, content.inputs, content.names, on_progress)
        on_progress(ProgressStep(f"bag {name}", lasting=True))
        return await self.buy(record, content.request, range(len(content.inputs)), content.inputs, on_progress)

    async def buy(
        self,
        record: BagRecord,
        request: RunRequest,
        shards: Sequence[int],
        inputs: Sequence[JobInput],
        on_progress: Progress,
    ) -> tuple[BagRecord, list[PurchasedTask | None]]:
        """Buy tasks for these shards; return the bag's record and the task of each of its shards."""
        with nothing_bought_before(()):
            purchase = await buy_bag.prepare(self._conn, request, shards, inputs, on_progress)
            is_new = not record.purchases
            record = msgspec.structs.replace(record, purchases=(*record.purchases, purchase))
            self._stores.bags.store(record, new=is_new)
        return record, await self.complete(record, on_progress)

    async def complete(self, record: BagRecord, on_progress: Progress) -> list[PurchasedTask | None]:
        """Make the deals of the last purchase that are not made yet; return the task of each shard."""
        last = record.purchases[-1]
        try:
            bought = await buy_bag.make_deals(self._conn, last, self._store_jobs, on_progress)
        except (ContractReverted, OrderRefused) as error:
            if len(record.purchases) == 1:  # raised only if no task was bought
                self._stores.bags.remove(record.id)
            else:  # the earlier purchases can be opened without it
                self._stores.bags.store(msgspec.structs.replace(record, purchases=record.purchases[:-1]))
            self._remove_jobs(())
            attach(error, UNMATCHED)
            raise
        except SealgridError as error:
            first = buy_bag.first_task(self._conn, last)
            attach(error, await money_or_unknown(self._conn, first.deal, first.task))
            raise
        self._remove_jobs(bought)
        return await self.tasks_of(record, bought)

    async def tasks_of(
        self, record: BagRecord, last: Sequence[PurchasedTask] | None = None
    ) -> list[PurchasedTask | None]:
        """Return the task of each shard, from the chain; ``last`` are those of the last purchase, if known."""
        tasks: list[PurchasedTask | None] = [None] * len(record.names)
        for purchase in record.purchases:
            known = last if last is not None and purchase is record.purchases[-1] else None
            bought = await buy_bag.bought_tasks(self._conn, purchase) if known is None else known
            for shard, task in zip(purchase.shards, bought, strict=False):
                tasks[shard] = task
        return tasks

    def _store_jobs(self, tasks: Sequence[PurchasedTask]) -> None:
        network, created = self._conn.network, int(self._conn.clock())
        for task in tasks:
            self._stores.jobs.store(record_of(task, genesis=network.genesis, hub=network.hub, created=created))
            self._stored.add(task.task)

    def _remove_jobs(self, bought: Sequence[PurchasedTask]) -> None:
        """Remove the files of tasks that never became part of a deal."""
        for task in self._stored - {each.task for each in bought}:
            self._stores.jobs.remove(task)
