"""An account's runs and earnings: lists with conditions, sums with a chart, CSV."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from sealgrid.receipts.run_record import PAID_STATES
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.csv_text import csv_text
from sealgrid.sdk.operations.run_sums import SumBy
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.web.html import charts
from sealgrid.web.index.reader import MAX_SUMMED, PAGE_SIZE, Rows, TaskFilter
from sealgrid.web.pages.task_filters import STATE_FILTERS, ListConditions, conditions_of
from sealgrid.web.site import Site, WebRequest, page_number, query_text
from sealgrid.web.task_states import shown_state

MAX_BARS: Final = 24
_KINDS: Final[tuple[SumBy, ...]] = get_args(SumBy)
_COLUMNS: Final = ("task", "time", "state", "amount", "app", "app_name", "model", "model_name", "requester")


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of an account's runs and earnings."""

    @get("/account/runs")
    async def runs(request: WebRequest) -> Response[bytes]:
        address, found, by = site.visitor_address(request), conditions_of(request), _kind(request)
        if address is None:
            return site.page(request, "connect_wallet.html", {})
        chosen = _bought_by(address, found)
        rows = await asyncio.to_thread(site.index.tasks, chosen, page=page_number(request))
        sums = await asyncio.to_thread(site.index.spent_by, by, chosen)
        states = await site.task_states.shown(rows[:PAGE_SIZE])
        return site.page(request, "runs.html", _list_context(site, request, found, rows, sums) | {"states": states})

    @get("/account/earnings")
    async def earnings(request: WebRequest) -> Response[bytes]:
        address, found, by = site.visitor_address(request), conditions_of(request), _kind(request)
        if address is None:
            return site.page(request, "connect_wallet.html", {})
        chosen = found.task_filter()
        rows = await asyncio.to_thread(site.index.payments, address, chosen, page=page_number(request))
        sums = await asyncio.to_thread(site.index.earned_by, by, address, chosen)
        paid = {name: chosen for name, chosen in STATE_FILTERS.items() if not chosen.state}
        return site.page(request, "earnings.html", _list_context(site, request, found, rows, sums) | {"filters": paid})

    @get("/account/runs.csv")
    async def runs_csv(request: WebRequest) -> Response[bytes]:
        def read(address: Address, found: ListConditions) -> Rows:
            return site.index.tasks(_bought_by(address, found), size=MAX_SUMMED)

        return await _csv(site, request, "runs.csv", read)

    @get("/account/earnings.csv")
    async def earnings_csv(request: WebRequest) -> Response[bytes]:
        def read(address: Address, found: ListConditions) -> Rows:
            return site.index.payments(address, found.task_filter(), size=MAX_SUMMED)

        return await _csv(site, request, "earnings.csv", read)

    return [runs, earnings, runs_csv, earnings_csv]


def _bought_by(address: Address, found: ListConditions) -> TaskFilter:
    chosen = found.task_filter()
    return replace(chosen, parties=chosen.parties | {"requester": address})


def _kind(request: WebRequest) -> SumBy:
    return next((kind for kind in _KINDS if kind == query_text(request, "by")), "month")


def _list_context(
    site: Site, request: WebRequest, found: ListConditions, rows: Sequence[Any], sums: Sequence[Any]
) -> dict[str, Any]:
    """Return what the templates of both lists need."""
    by = _kind(request)
    addresses = {row.app for row in rows} | {row.dataset for row in rows}
    if by in {"app", "model"}:
        addresses |= {each.key for each in sums}
    return {
        "tasks": rows[:PAGE_SIZE],
        "page": page_number(request),
        "has_next_page": len(rows) > PAGE_SIZE,
        "conditions": found,
        "filters": STATE_FILTERS,
        "states": {row.task: shown_state(row) for row in rows},
        "by": by,
        "state_names": PAID_STATES,
        "kinds": _KINDS,
        "sums": sums[::-1] if by == "month" else sums,
        "total": sum(each.amount for each in sums),
        "names": site.index.names(addresses),
        "chart": _chart(by, sums),
        "max_rows": MAX_SUMMED,
    }


def _chart(by: SumBy, sums: Sequence[Any]) -> Markup:
    """Draw the amounts: of every month up to the newest, or of the largest sums."""
    if not sums:
        return Markup("")
    if by == "month":
        amounts = {each.key: each.amount for each in sums}
        months = _months(sums[0].key, sums[-1].key)[-MAX_BARS:]
        values, ends = [amounts.get(month, 0) for month in months], (months[0], months[-1])
    else:
        values = [each.amount for each in sums[:MAX_BARS]]
        ends = ("the largest", "the smallest" if len(values) > 1 else "")
    label = f"amounts by {by}, {len(values)} bars, at most {Amount(max(values))}"
    return charts.with_axes(charts.bars(values, label), y=("0", str(Amount(max(values)))), x=ends)


def _months(first: str, last: str) -> list[str]:
    """Return the months from the first to the last, both as "2026-11"."""
    begin, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(begin, end + 1)]


async def _csv(
    site: Site, request: WebRequest, name: str, read: Callable[[Address, ListConditions], Rows]
) -> Response[bytes]:
    """Return the newest rows of a list as a file; without an account, the header alone."""
    address, found = site.visitor_address(request), conditions_of(request)
    rows: Rows = [] if address is None else (await asyncio.to_thread(read, address, found))[:MAX_SUMMED]
    names = site.index.names({row.app for row in rows} | {row.dataset for row in rows})
    headers = {"content-disposition": f"attachment; filename={name}"}
    return Response(csv_text(_COLUMNS, _cells(rows, names)).encode(), media_type="text/csv", headers=headers)


def _cells(rows: Iterable[Any], names: dict[str, str]) -> Iterable[Sequence[object]]:
    for row in rows:
        model = "" if row.dataset == ZERO_ADDRESS else row.dataset
        app_name, model_name = names.get(row.app, ""), names.get(model, "")
        state = shown_state(row)
        yield row.task, row.time, state, row.amount, row.app, app_name, model, model_name, row.requester
