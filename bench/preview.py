"""The preview of a deal before it is bought: one vault, and all vaults as a buyer asks them."""

import time
from collections.abc import Awaitable, Callable

from bench import calibration
from bench.context import Context
from bench.figure import Figure, Row, Target
from bench.jobs import sell
from bench.workloads import hash_file, with_model
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations.buy import params_of
from sealgrid.sdk.operations.deal_terms import DealOrders, choose_offers, request_order
from sealgrid.sdk.operations.preview import check_release, proposal_of
from sealgrid.sdk.run_request import RunRequest
from sealgrid.wire.preview import PreviewRequest, preview

LATENCY = Target("≤", 50.0)  #: ms


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    developer, owner, buyer = (development_key(name) for name in ("developer", "owner", "requester"))
    async with connect(network, developer) as seller, connect(network, owner) as publisher:
        sold = await sell(seller, publisher, with_model(hash_file()), context.folder)
    async with connect(network, buyer) as conn:
        request = RunRequest(sold.app, model=sold.model)
        offers = await choose_offers(conn, request)
        params = params_of(None, HpkeKey.generate().public)
        terms = DealOrders(*offers, request_order(conn, offers, request, params))
        beside, times = calibration.cpu(), context.either(12, 50)
        alone = await _milliseconds(lambda: _ask_one(conn, terms), times)
        together = await _milliseconds(lambda: check_release(conn, terms), times)
    return Figure(
        "preview",
        (
            _row("one vault, one at a time", alone, beside),
            _row("all vaults, as a buyer asks", together, beside),
        ),
    )


def _row(label: str, milliseconds: tuple[float, ...], beside: str) -> Row:
    return Row(
        label=label,
        unit="ms",
        samples=milliseconds,
        shown="p95",
        temperature="warm",
        target=LATENCY,
        calibration=beside,
    )


async def _ask_one(conn: Connection, terms: DealOrders) -> None:
    request = PreviewRequest(proposal=proposal_of(conn, terms))
    await preview(conn.vaults[0].transport, request, conn.vault_addresses[0], conn.domain)


async def _milliseconds(ask: Callable[[], Awaitable[object]], times: int) -> tuple[float, ...]:
    samples = []
    for _ in range(times):
        begun = time.perf_counter()
        await ask()
        samples.append(1000 * (time.perf_counter() - begun))
    return tuple(samples)
