"""Indexes the chain: writes rows for each block's events and removes them when a reorganisation drops the block."""

import asyncio
import logging
from typing import Final

from sealgrid.chain.abi import interface
from sealgrid.chain.assets import Assets, Kind
from sealgrid.chain.events import (
    HubEvent,
    OrdersMatched,
    Reward,
    TaskClaimed,
    TaskContribute,
    TaskFinalize,
    TaskInitialize,
    TaskReopen,
)
from sealgrid.chain.follower import BlocksApplied, HubFollower
from sealgrid.chain.hub import Hub
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.errors import ChainReplaced, SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.units import ZERO_ADDRESS, Address, to_address
from sealgrid.web.index.store import IndexedBlocks, IndexStore, Row
from sealgrid.web.index.tables import MAX_LISTED_TASKS
from sealgrid.wire.server import log_unexpected_error

RETRY_SECONDS = 1.0  #: after an error of the chain
MAX_NAME: Final = 200  #: characters of a name on pages
MAX_INTEGER: Final = (1 << 63) - 1  #: of SQLite; a deal without price may have more tasks
ZERO_DIGEST: Final = "0x" + "00" * 32

_STEP_KINDS: dict[type[HubEvent], str] = {
    TaskInitialize: "initialize",
    TaskContribute: "contribute",
    TaskFinalize: "finalize",
    TaskClaimed: "claimed",
    TaskReopen: "reopen",
    Reward: "reward",
}
_log = logging.getLogger("sealgrid.web")


class ChainIndexer:
    """Indexes one hub and its registries."""

    def __init__(self, hub: Hub, store: IndexStore, new_blocks: NewBlocks) -> None:
        self._hub, self._store, self._assets, self._new_blocks = hub, store, Assets(hub), new_blocks
        self._follower = HubFollower(hub, store.trail())
        self._times: dict[int, int] = {}

    async def run(self, *, poll_seconds: float = 0.2) -> None:
        """Follow the chain until cancelled. Errors are retried; if the chain was replaced, the index starts over."""
        while True:
            try:
                if not await self.step():
                    await self._new_blocks.wait(poll_seconds)
            except Exception as error:  # noqa: BLE001  a dead indexer would leave the pages up and outdated
                if isinstance(error, SealgridError):
                    _log.warning("the chain cannot be indexed now: %s", error)
                else:
                    log_unexpected_error(error)
                if isinstance(error, ChainReplaced) and await self._is_other_chain():
                    await asyncio.to_thread(self._store.clear)
                # The follower may be ahead of the store: follow again from what is stored.
                self._follower = HubFollower(self._hub, await asyncio.to_thread(self._store.trail))
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self) -> bool:
        """Index one change; return whether there was one."""
        first = self._follower.trail.next_number
        change = await self._follower.step()
        if change is None:
            return False
        if isinstance(change, BlocksApplied):
            blocks = await self._rows_of(change, first)
            await asyncio.to_thread(self._store.write, blocks, self._follower.trail)
        else:
            self._times.clear()
            await asyncio.to_thread(self._store.roll_back, change.block.number, self._follower.trail)
        return True

    async def _is_other_chain(self) -> bool:
        """Return whether the node answers and has none of the indexed blocks."""
        node, trail = self._hub.node, self._follower.trail
        if trail.tip is None:
            return False
        try:
            if (await node.block(0)).number != 0:
                return False
            highest = min(trail.tip.number, (await node.block()).number)
            blocks = [block for block in trail.blocks if block.number <= highest]
            return not blocks or all([(await node.block(block.number)).hash != block.hash for block in blocks])
        except SealgridError:
            return False

    async def _rows_of(self, change: BlocksApplied, first: int) -> IndexedBlocks:
        self._times = {change.block.number: change.block.timestamp}
        matched = [event for event in change.events if isinstance(event, OrdersMatched)]
        deals = [await self._deal_rows(event) for event in matched]
        minted, owners = await self._registry_rows(first, change.block.number)
        steps: list[Row] = []
        for event in change.events:
            if (kind := _STEP_KINDS.get(type(event))) is None:
                continue
            account = getattr(event, "worker", getattr(event, "account", getattr(event, "workerpool", ZERO_ADDRESS)))
            row = {
                "block": event.block_number,
                "position": event.log_index,
                "task": getattr(event, "task", ""),
                "kind": kind,
                "account": account,
                "amount": getattr(event, "amount", 0),
                "transaction": event.transaction,
                "time": await self._time(event.block_number),
            }
            steps.append(row)
        return IndexedBlocks(
            assets=tuple(minted),
            owners=tuple(owners),
            deals=tuple(deal for deal, _ in deals),
            tasks=tuple(task for _, tasks in deals for task in tasks),
            steps=tuple(steps),
        )

    async def _deal_rows(self, event: OrdersMatched) -> tuple[Row, list[Row]]:
        deal, time = await self._hub.view_deal(event.deal), await self._time(event.block_number)
        timeref = (await self._hub.view_category(deal.category)).timeref
        parties = {
            "app": deal.app.pointer,
            "dataset": deal.dataset.pointer,
            "workerpool": deal.workerpool.pointer,
            "requester": deal.requester,
        }
        row = parties | {
            "deal": event.deal,
            "sponsor": deal.sponsor,
            "app_price": deal.app.price,
            "dataset_price": deal.dataset.price,
            "pool_price": deal.workerpool.price,
            "category": deal.category,
            "callback": deal.callback,
            "bot_first": min(deal.bot_first, MAX_INTEGER),
            "bot_size": min(deal.bot_size, MAX_INTEGER),
            "final_deadline": deal.start_time + 10 * timeref,
            "block": event.block_number,
            "transaction": event.transaction,
            "time": time,
        }
        shared = parties | {"deal": event.deal, "state": "waiting", "block": event.block_number, "time": time}
        numbers = range(deal.bot_first, min(deal.bot_first + min(deal.bot_size, MAX_LISTED_TASKS), MAX_INTEGER))
        return row, [
            shared
            | {
                "task": task_id(event.deal, n),
                "position": n,
                "ended": None,
                "proof": deal.is_proof,
                "first_of_deal": n == deal.bot_first,
            }
            for n in numbers
        ]

    async def _registry_rows(self, first: int, last: int) -> tuple[list[Row], list[Row]]:
        minted: list[Row] = []
        owners: list[Row] = []
        kinds: tuple[Kind, ...] = ("App", "Dataset", "Workerpool")
        for kind, registry in zip(kinds, await self._hub.registries(), strict=True):
            topic = interface(f"{kind}Registry").topic("Transfer")
            for log in await self._hub.node.logs(registry, [topic], first=first, last=last):
                sender, receiver, asset = (to_address(topic[-20:]) for topic in log.topics[1:4])
                if sender == ZERO_ADDRESS:
                    minted.append(await self._asset_row(kind, asset, receiver, log.block_number))
                owners.append({"block": log.block_number, "position": log.index, "asset": asset, "owner": receiver})
        return minted, owners

    async def _asset_row(self, kind: Kind, asset: Address, owner: Address, block: int) -> Row:
        multiaddr, checksum = "", ZERO_DIGEST
        try:
            name = (await self._assets.name(kind, asset))[:MAX_NAME]
            if kind != "Workerpool":
                checksum = await self._assets.checksum(kind, asset)
                multiaddr = await self._assets.multiaddr(kind, asset)
        except ValueError:  # anyone may register a name that is not valid text; the asset is indexed without it
            name, checksum = "", ZERO_DIGEST
        return {
            "address": asset,
            "kind": kind,
            "owner": owner,
            "name": name,
            "multiaddr": multiaddr,
            "checksum": checksum,
            "block": block,
            "time": await self._time(block),
        }

    async def _time(self, block: int) -> int:
        if block not in self._times:
            self._times[block] = (await self._hub.node.block(block)).timestamp
        return self._times[block]
