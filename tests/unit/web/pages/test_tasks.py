"""Task pages: the list by state, a task's timeline, and the state of its price."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.sdk.money import MoneyState
from sealgrid.web.index.store import IndexStore
from sealgrid.web.pages import tasks as page
from sealgrid.web.site import Site
from sealgrid.wire.pool import StageAt
from tests.unit.web.index.index_rows import APPS, receipt, trail_of, worked_block
from tests.unit.web.site_scene import OWNER, VISITOR, browser, open_site


def row(state: str, *, sponsor: str = VISITOR) -> Any:
    return SimpleNamespace(state=state, task="0x01", final_deadline=100, requester=VISITOR, sponsor=sponsor)


@pytest.mark.parametrize(
    ("state", "now", "kind"),
    [
        ("completed", 0, "paid"),
        ("refunded", 0, "refunded"),
        ("running", 99, "locked"),
        ("running", 100, "refundable"),
        ("waiting", 500, "refundable"),
    ],
)
def test_the_money_of_a_task_follows_from_its_state_and_deadline(state: str, now: int, kind: str) -> None:
    assert page.money_of_row(row(state), now).kind == kind


def test_a_sponsor_is_named_only_if_it_is_not_the_requester() -> None:
    assert page.money_of_row(row("completed"), 0).sponsor is None
    assert page.money_of_row(row("completed", sponsor=OWNER), 0).sponsor == OWNER


async def test_an_unknown_task_is_not_found(site: Site) -> None:
    reply = await browser(site).get(f"/tasks/0x{'11' * 32}")
    assert (reply.status_code, "the chain has no such task" in reply.text) == (404, True)


async def test_the_list_shows_tasks_in_one_state(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fill(tmp_path)
        client = browser(site)
        ended, running = [(await client.get(f"/tasks?state={state}")).text for state in ("answered", "running")]
    task = worked_block(0, APPS[0], "finalize").tasks[0]["task"]
    assert (task in ended, task in running) == (True, False)


async def test_an_ended_task_shows_its_payment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_stages(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(page, "public_history", no_stages)
    async with open_site(tmp_path) as site:
        fill(tmp_path)
        task = worked_block(0, APPS[0], "finalize").tasks[0]["task"]
        shown = await browser(site).get(f"/tasks/{task}")
    assert shown.status_code == 200
    assert "task finalised: verified and paid" in shown.text
    assert "1 of 2 completed" in shown.text


REFUSED = StageAt(stage="failed", at=5, detail="2 of 3 vaults refuse the deal: the owner refuses it.", check="7.10")


@pytest.mark.parametrize(
    ("stage", "texts"),
    [
        (
            REFUSED,
            (
                '<span class="state refused">refused</span>',
                "the pool reports that the vaults refuse the deal",
                "The pool reports that 2 of 3 vaults refuse the deal: the owner refuses it; choose another model,",
                "it is paid if a machine finishes the task by then",
            ),
        ),
        (
            StageAt(stage="failed", at=5),
            (
                '<span class="state failed">failed</span>',
                "No machine could finish the task (the pool gave it up).",
                "The price is locked until",
            ),
        ),
    ],
)
async def test_an_open_task_that_its_pool_gave_up_says_why_and_when_its_price_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: StageAt, texts: tuple[str, ...]
) -> None:
    async def stages(*_: object) -> tuple[StageAt, ...]:
        return (StageAt(stage="waiting", at=1), stage)

    monkeypatch.setattr(page, "public_history", stages)
    monkeypatch.setattr(page, "money_of_row", lambda row, now: MoneyState("locked", row.task, 10**9))
    async with open_site(tmp_path) as site:
        fill(tmp_path, end=None)
        task = worked_block(0, APPS[0], None).tasks[0]["task"]
        shown = (await browser(site).get(f"/tasks/{task}")).text
    for text in texts:
        assert text in shown
    assert "This page updates automatically" not in shown


def fill(folder: Path, end: str | None = "finalize") -> None:
    store = IndexStore(folder / "index.sqlite", "0x" + "11" * 32)
    store.write(worked_block(0, APPS[0], end), trail_of([0]))
    for due in store.due_receipts(0, 1):
        store.store_exit_class(due, receipt("ok"))
    store.close()
