"""An account's runs and earnings: selected, added up, drawn, and as CSV."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sealgrid.web.index.reader import TaskFilter
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages.money import _months
from sealgrid.web.site import WALLET_COOKIE
from tests.unit.web.index.index_rows import APPS, asset_row, receipt, trail_of, worked_block
from tests.unit.web.site_scene import browser, open_site

JANUARY, MARCH = 10 * 24 * 3600, 70 * 24 * 3600
BUYER, PAYEE = APPS[0], APPS[1]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor of a site with three paid runs, two in January and one in March, each of 6 nRLC, that earned 5, 6, 7."""
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        app = asset_row(0, "App", "") | {"address": APPS[0], "name": "=reader"}
        store.write(IndexedBlocks(assets=(app,)), trail_of([0]))
        for number, (time, exit_class) in enumerate(((JANUARY, "ok"), (JANUARY, "app-failed"), (MARCH, "ok"))):
            written = worked_block(number, APPS[0], "finalize")
            paid = written.steps[0] | {"kind": "reward", "position": 9, "account": PAYEE, "amount": 5 + number}
            shared = {"time": time, "requester": BUYER, "app": APPS[0]}
            store.write(
                IndexedBlocks(
                    deals=tuple(row | shared for row in written.deals),
                    tasks=(written.tasks[0] | shared,),
                    steps=(*written.steps, paid),
                ),
                trail_of([0] * (number + 1)),
            )
            (due,) = store.due_receipts(0, 9)
            store.store_exit_class(due, receipt(exit_class))
        store.close()
        yield browser(site)


def visit(client: httpx.AsyncClient, account: str) -> httpx.AsyncClient:
    client.cookies.set(WALLET_COOKIE, account)
    return client


def rows(reply: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(reply.text)))


async def test_without_a_wallet_there_is_no_list_and_an_empty_file(client: httpx.AsyncClient) -> None:
    assert "wallet" in (await client.get("/account/runs")).text
    assert "wallet" in (await client.get("/account/earnings")).text
    assert rows(await client.get("/account/runs.csv")) == []


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("", ["5", "6", "7"]),
        ("month=1970-01", ["5", "6"]),
        ("state=answered", ["5", "7"]),
        ("state=app-failed", ["6"]),
        (f"app={APPS[0]}&month=1970-03", ["7"]),
        (f"app={APPS[1]}", []),
        (f"buyer={BUYER}", ["5", "6", "7"]),
        (f"buyer={PAYEE}", []),
        ("state=refunded", []),
    ],
)
async def test_the_file_of_earnings_has_the_selected_payments(
    client: httpx.AsyncClient, query: str, amounts: list[str]
) -> None:
    found = rows(await visit(client, PAYEE).get(f"/account/earnings.csv?{query}"))
    assert sorted(row["amount"] for row in found) == amounts


async def test_the_file_of_runs_has_names_states_and_prices_and_no_formula(client: httpx.AsyncClient) -> None:
    found = rows(await visit(client, BUYER).get("/account/runs.csv"))
    assert {(row["app_name"], row["amount"]) for row in found} == {("'=reader", "6")}
    assert sorted(row["state"] for row in found) == ["answered", "answered", "app-failed"]
    assert rows(await visit(client, PAYEE).get("/account/runs.csv")) == []


async def test_a_refunded_run_counts_and_cost_nothing(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        for number, end in enumerate(("finalize", "claimed")):
            written = worked_block(number, APPS[0], end)
            store.write(written, trail_of([0] * (number + 1)))
        store.close()
        buyer = written.tasks[0]["requester"]
        (found,) = site.index.spent_by("buyer", TaskFilter({"requester": buyer}))
    assert (found.runs, found.amount) == (4, 3 * 6)  # two tasks a block, of which one was refunded


async def test_the_pages_add_up_by_month_and_draw_it(client: httpx.AsyncClient) -> None:
    shown = (await visit(client, PAYEE).get("/account/earnings")).text
    assert "Earned by month, 0.000000018 RLC together" in shown
    assert "amounts by month, 3 bars, at most 0.000000011 RLC" in shown  # February too
    assert shown.index("1970-03</a>") < shown.index("1970-01</a>")


@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("app", "=reader</a>"),
        ("model", "Runs</th>"),
        ("buyer", "Runs</th>"),
        ("state", "answered</span></a>"),
        ("other", "by month,"),
    ],
)
async def test_the_pages_add_up_by_each_kind(client: httpx.AsyncClient, by: str, text: str) -> None:
    for account, path in ((PAYEE, "/account/earnings"), (BUYER, "/account/runs")):
        assert text in (await visit(client, account).get(f"{path}?by={by}")).text


@pytest.mark.parametrize("query", ["month=November", "month=2026-13", "month=9999-12", "app=reader"])
async def test_a_condition_that_is_none_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await visit(client, PAYEE).get(f"/account/earnings?{query}")).status_code in {400, 404}


def test_months_are_counted_across_years() -> None:
    assert _months("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert _months("2026-01", "2026-01") == ["2026-01"]
