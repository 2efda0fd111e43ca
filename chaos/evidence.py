"""Reads what a run left: the chain's events and views, the pool's book, the storage nodes, the vaults' logs."""

import asyncio
import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sql

from chaos.judge import AccountEvidence, Evidence, ReleaseEvidence, TaskEvidence
from chaos.load import Load, answer_of
from sealgrid.attestation.vault_log import parse_entry
from sealgrid.chain import events as e
from sealgrid.chain.hub import Hub
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import SealgridError
from sealgrid.localnet.layout import Layout, storage_names
from sealgrid.poco.constants import KITTY_ADDRESS
from sealgrid.poco.ids import task_id
from sealgrid.poco.tags import is_tee
from sealgrid.pool.tables import HISTORY
from sealgrid.units import ZERO_ADDRESS, Address, TaskId
from sealgrid.wire.log import MAX_ENTRIES, LogClient

OPEN_SECONDS = 30.0  #: to open the results of one bag
_CONCURRENT = 16
T = TypeVar("T")


async def read_evidence(load: Load, layout: Layout, since: int, requester_before: int) -> Evidence:
    """Read everything but the machine, while the network runs; ``since`` is the first block of the run."""
    conn, hub = load.conn, load.conn.hub
    head = (await hub.node.block()).number
    events = e.parse_events(await hub.node.logs(hub.address, [], first=since, last=head))
    stores = _Stores(_history(load.store), await _opened_tasks(load), _stored(layout))
    tasks = await _tasks(hub, events, conn.network.workerpool, stores)
    return Evidence(
        planned=load.bought,
        tasks=tuple(tasks),
        accounts=tuple(await _accounts(hub)),
        held=await hub.wallet_balance(hub.address),
        requester_before=requester_before,
        requester_after=(await hub.account(conn.address)).stake,
        releases=tuple(
            [
                each
                for vault, log in zip(conn.vault_addresses, conn.logs, strict=True)
                async for each in _releases(vault, log)
            ]
        ),
        unended=load.unended(),
        processes=(),
        files=(),
    )


@dataclass(frozen=True)
class _Stores:
    """What is not on the chain."""

    book: Mapping[str, str]  #: stages of ended tasks, by the pool
    opened: set[str]  #: tasks whose result the requester opened and found right
    files: set[str]  #: digests that a storage node has


async def _tasks(hub: Hub, events: Sequence[e.HubEvent], workerpool: Address, stores: _Stores) -> list[TaskEvidence]:
    deals = [each.deal for each in events if isinstance(each, e.SchedulerNotice) and each.workerpool == workerpool]
    finalized = Counter(each.task for each in events if isinstance(each, e.TaskFinalize))
    claimed = Counter(each.task for each in events if isinstance(each, e.TaskClaimed))
    rewards, seized = defaultdict[TaskId, list[tuple[str, int]]](list), Counter[TaskId]()
    for each in events:
        if isinstance(each, e.Reward) and each.amount:
            rewards[each.task].append((each.account, each.amount))
        if isinstance(each, e.Seize):
            seized[each.task] += each.amount
    found = []
    for deal in dict.fromkeys(deals):
        view = await hub.view_deal(deal)
        ids = [task_id(deal, view.bot_first + index) for index in range(view.bot_size)]
        for task, seen in zip(ids, await _together(hub.view_task(each) for each in ids), strict=True):
            tee = is_tee(view.tag)
            found.append(
                TaskEvidence(
                    task=task,
                    deal=deal,
                    is_tee=tee,
                    price=view.app.price + view.dataset.price + view.workerpool.price,
                    status=seen.status.name,
                    finalized=finalized[task],
                    claimed=claimed[task],
                    rewards=tuple(rewards[task]),
                    seized=seized[task],
                    workers=len(seen.contributors),
                    book=stores.book.get(task, ""),
                    is_stored=_is_stored(seen.results, stores.files) and (not tee or task in stores.opened),
                )
            )
    return found


def _is_stored(results: bytes, stored: set[str]) -> bool:
    links = re.findall(rb"/ipfs/(\w+)", results)
    return bool(links) and all(digest_of_cid(each.decode()) in stored for each in links)


def _stored(layout: Layout) -> set[str]:
    return {digest for name in storage_names(2) for digest in _digests(layout.root / name)}


def _digests(root: Path) -> Iterable[str]:
    return [f"0x{file.name}" for file in root.rglob("files/*/*")]


def _history(store: str) -> dict[str, str]:
    engine = sql.create_engine(store, poolclass=sql.NullPool)
    with engine.connect() as connection:
        return {row.task: row.stage for row in connection.execute(sql.select(HISTORY.c.task, HISTORY.c.stage))}


async def _accounts(hub: Hub) -> list[AccountEvidence]:
    head = (await hub.node.block()).number
    transfers = e.parse_events(await hub.node.logs(hub.address, [], first=0, last=head))
    known = {account for each in transfers if isinstance(each, e.Transfer) for account in (each.sender, each.receiver)}
    addresses = sorted({*known, KITTY_ADDRESS, hub.address} - {ZERO_ADDRESS})
    views = await _together(hub.account(each) for each in addresses)
    return [
        AccountEvidence(address, view.stake, view.locked, address == KITTY_ADDRESS, address == hub.address)
        for address, view in zip(addresses, views, strict=True)
    ]


async def _releases(vault: Address, log: LogClient) -> AsyncIterator[ReleaseEvidence]:
    first = 0
    while True:
        page = await log.entries(first)
        for each in page.entries:
            entry = parse_entry(each.entry.encode())
            yield ReleaseEvidence(vault, entry.deal, entry.task)
        if len(page.entries) < MAX_ENTRIES:
            return
        first += len(page.entries)


async def _opened_tasks(load: Load) -> set[str]:
    """Return the tasks whose result the requester opened and found right."""
    opened = set[str]()
    for piece, bag in load.bags:
        with contextlib.suppress(SealgridError):  # a part is down, or tasks have not ended
            async for each in bag.as_completed(timeout=OPEN_SECONDS):
                answer = each.result.files.get("answer") if each.result is not None else None
                if each.task is not None and answer == answer_of(piece.number, each.index):
                    opened.add(each.task)
    return opened


async def _together(calls: Iterable[Awaitable[T]]) -> Sequence[T]:
    limit = asyncio.Semaphore(_CONCURRENT)

    async def one(call: Awaitable[T]) -> T:
        async with limit:
            return await call

    return await asyncio.gather(*map(one, calls))
