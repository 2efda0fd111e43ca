"""Remove the sealed file of a model that is off the market from the storage nodes.

Runs that were bought before need the file until they end, so it stays as long as one is open. What was copied before,
by anyone, is ciphertext and stays where it is; the vaults' shares are another matter (``rotate``, ``set_policy``).
"""

import asyncio
from typing import Final

from sealgrid.attestation.statements import FileRemoval
from sealgrid.chain.views import DealView, TaskStatus
from sealgrid.crypto.signing import ExternalKey
from sealgrid.errors import CallRefused, InputRefused, NotFound, SealgridError
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import format_time
from sealgrid.sdk.operations.orders import count_offers
from sealgrid.sdk.operations.own_names import own_assets
from sealgrid.sdk.operations.own_offers import NodeRemoval, OpenOffers, UnlistResult, cancel, open_model_offers
from sealgrid.sdk.operations.run_money import final_deadline
from sealgrid.sdk.resources.offers import open_orders
from sealgrid.sdk.stores.model_store import ModelRecord
from sealgrid.units import Address, DealId, Digest
from sealgrid.wire.storage import SignedRemoval, StorageClient

TIME_CHECK: Final = "removal.2"  #: number of the node's check of its clock
MAX_TASKS: Final = 1000  #: of a deal that are read; a larger one counts as open until its deadline
_PAGE: Final = 100


async def unlist_and_remove(conn: Connection, model: Address, record: ModelRecord | None) -> UnlistResult:
    """Cancel every open offer of a model, then have every storage node remove its sealed file.

    A model without an offer loses its file alone. Raises InputRefused, before anything is cancelled, while a run of the
    model is open or another model of this account has the same file; ServiceUnavailable when the market cannot say
    what is open. With an external wallet the steps are recorded.
    """
    file = (await conn.asset_facts.read("Dataset", model)).checksum
    await check_removable(conn, model, file)
    offers = await _known_offers(conn, model, record)
    if offers.orders:
        await cancel(conn, model, [order for order, _ in offers.orders])
    if not isinstance(conn.key, ExternalKey):  # it has signed nothing yet; ``send_removal`` checks again
        await check_off_the_market(conn, model, record)
    nodes = await send_removal(conn, _signed(conn, file, int(conn.clock())))
    return UnlistResult(count_offers(order for order, _ in offers.orders), offers.unreached, nodes)


async def check_removable(conn: Connection, model: Address, file: Digest) -> None:
    """Raise InputRefused while a run of a model is open, or another model of its owner has the same file."""
    same = [each for each in await own_assets(conn, "Dataset") if each.checksum == file and each.address != model]
    if same:
        raise InputRefused(
            f"your model {same[0].name!r} ({same[0].address}) has the same file; it must stay.", money=""
        )
    if deadlines := await _open_deals(conn, model):
        deals = "a deal" if len(deadlines) == 1 else f"{len(deadlines)} deals"
        raise InputRefused(
            f"runs of {deals} that were bought have not ended and need the file; it must stay until they end, at the "
            f"latest {format_time(max(deadlines))}. Unlist the model alone, and remove its file later.",
            money="",
        )


async def check_off_the_market(conn: Connection, model: Address, record: ModelRecord | None) -> None:
    """Raise InputRefused while a model has an open offer, or a run that was bought until now."""
    if (await _known_offers(conn, model, record)).orders:
        raise InputRefused("an offer of this model is still open; unlist it first. Its file stays.", money="")
    await check_removable(conn, model, (await conn.asset_facts.read("Dataset", model)).checksum)


async def send_removal(conn: Connection, signed: SignedRemoval) -> tuple[NodeRemoval, ...]:
    """Ask every storage node to remove a file, as its account signed; no node that fails stops the others."""
    nodes = zip(conn.network.storage_nodes, conn.storage_nodes, strict=True)
    return tuple(await asyncio.gather(*(_ask(conn, url, node, signed) for url, node in nodes)))


async def _known_offers(conn: Connection, model: Address, record: ModelRecord | None) -> OpenOffers[DatasetOrder]:
    # Raises ServiceUnavailable: the record alone cannot say that no offer is open.
    await open_orders(conn, "Dataset", model)
    return await open_model_offers(conn, model, record)


async def _open_deals(conn: Connection, model: Address) -> list[int]:
    """Return the final deadlines of a model's deals with runs that have not ended; the market may hide deals.

    The storage nodes ask the chain on their own.
    """
    now, found, page = (await conn.node.block()).timestamp, list[int](), 0
    while deals := await conn.market.deals(dataset=model, pageIndex=str(page), pageSize=str(_PAGE)):
        deadlines = await asyncio.gather(*(_open_until(conn, deal, model, now) for deal in deals))
        found += [deadline for deadline in deadlines if deadline]
        page += 1
        if len(deals) < _PAGE:
            break
    return found


async def _open_until(conn: Connection, deal: DealId, model: Address, now: int) -> int:
    """Return the final deadline of a deal whose runs have not all ended; 0 if they have."""
    try:
        view = await conn.hub.view_deal(deal)
    except NotFound:
        return 0
    if view.dataset.pointer != model:
        return 0
    deadline = await final_deadline(conn, view)
    return deadline if now < deadline and not await _has_ended(conn, view) else 0


async def _has_ended(conn: Connection, deal: DealView) -> bool:
    if deal.bot_size > MAX_TASKS:
        return False
    numbers = range(deal.bot_first, deal.bot_first + deal.bot_size)
    views = await asyncio.gather(*(conn.hub.view_task(task_id(deal.deal, number)) for number in numbers))
    return all(view.status in {TaskStatus.COMPLETED, TaskStatus.FAILED} for view in views)


def _signed(conn: Connection, file: Digest, issued: int) -> SignedRemoval:
    removal = FileRemoval(account=conn.address, file_sha256=file, issued=issued)
    return SignedRemoval(removal=removal, signature=removal.sign(conn.domain, conn.key))


async def _ask(conn: Connection, url: str, node: StorageClient, signed: SignedRemoval) -> NodeRemoval:
    """Ask one node; if its clock differs, sign again for its time."""
    try:
        try:
            kept_for = await node.remove(signed)
        except CallRefused as refused:
            if refused.check != TIME_CHECK or signed.removal.account != conn.address:
                raise
            kept_for = await node.remove(_signed(conn, signed.removal.file_sha256, await node.seconds()))
    except NotFound:
        return NodeRemoval(url, removed=True)
    except SealgridError as error:
        return NodeRemoval(url, removed=False, reason=error.reason)
    clients = "another client" if kept_for == 1 else f"{kept_for} other clients"
    reason = f"{clients} stored the same file there, which stays for them." if kept_for else ""
    return NodeRemoval(url, removed=not kept_for, reason=reason)
